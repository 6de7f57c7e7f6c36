"""What ingest, lists and pictures need of a data set, read without building one.

Tolerant of what is seen in the field (wrong transfer syntax, unknown or missing VRs, undefined lengths,
padding), clear about what cannot be: a HeaderError names the element and the byte. PS3.5 7, A.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ris_pacs.imaging.elements import Elements, Wanted
from ris_pacs.imaging.file_meta import HEAD, FileMeta, parse_file_meta
from ris_pacs.imaging.frames import Frame, encapsulated_frames, native_frames, number_of_frames, shifted
from ris_pacs.imaging.source import FileSource, InflatedSource, MemorySource, Source
from ris_pacs.imaging.walk import PixelElement, PrefixEnds, Walker

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


_ISSUER = Wanted((0x00400031, 0x00400032, 0x00400033))
_CODE = Wanted((0x00080100, 0x00080102, 0x00080104))
_REQUEST = Wanted(
    (0x00080050, 0x0020000D, 0x00321060, 0x00400007, 0x00400009, 0x00401001),
    {0x00080051: _ISSUER, 0x00321064: _CODE, 0x00400008: _CODE},
)

INGEST = Wanted(
    (
        *(0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A),
        *(0x00080030, 0x00080031, 0x00080032, 0x00080033, 0x00080050, 0x00080060, 0x00080070, 0x00080080),
        *(0x00080090, 0x00080201, 0x00081010, 0x00081030, 0x0008103E, 0x00081090),
        *(0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040),
        *(0x00180015, 0x00181030, 0x00185101),
        *(0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200013, 0x00200060, 0x00200062),
        *(0x00280103, 0x00282110, 0x00400244, 0x00400245, 0x00400253, 0x00420010),
    ),
    {
        0x00080051: _ISSUER,
        0x00081111: Wanted((0x00081150, 0x00081155)),
        0x00100024: Wanted((0x00400032, 0x00400033)),
        0x00400275: _REQUEST,
        0x0040A043: _CODE,
    },
)
"""Identity, order, place and kind of an object: what the archive keeps in columns and matches by."""


@dataclass(frozen=True)
class PixelData:
    """The pixel data element. Offsets count from the start of the file, or of the data set as `read` was told.

    offset: of its tag, the end of the header. value: of its first byte. length: None when encapsulated.
    end: behind it, None when the bytes at hand end before. frames: the frame table; native pixel data that
    is too short lists the frames that are whole. frames_expected: Number of Frames, as the header says.
    """

    tag: int
    vr: str
    offset: int
    value: int
    length: int | None
    end: int | None
    frames: tuple[Frame, ...]
    frames_expected: int

    @property
    def encapsulated(self) -> bool:
        return self.length is None


class Header(Elements):
    """The wanted elements, and where the pixels are.

    complete: false when a prefix ended before the pixel data or the end: elements may be missing.
    inflated: offsets are those of the inflated data set. explicit: the encoding found.
    """

    __slots__ = ("complete", "explicit", "inflated", "pixels", "transfer_syntax")

    def __init__(self, transfer_syntax: str) -> None:
        super().__init__()
        self.transfer_syntax = transfer_syntax
        self.pixels: PixelData | None = None
        self.complete = True
        self.explicit = True
        self.inflated = transfer_syntax == DEFLATED


def read(
    data: bytes | bytearray | memoryview,
    transfer_syntax: str,
    wanted: Wanted = INGEST,
    *,
    total: int | None = None,
    offset: int = 0,
) -> Header:
    """Read an encoded data set in memory.

    data: the whole, or a prefix when total, its length in bytes, is more. offset: where the data set begins
    in the file that it is or will be part of; reported offsets count from there. Raises HeaderError.
    """
    return _read(MemorySource(data, total), transfer_syntax, wanted, offset)


def read_at(path: Path | str, offset: int, transfer_syntax: str, wanted: Wanted = INGEST) -> Header:
    """Read the data set that begins at `offset` in a file. Raises HeaderError, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read(FileSource(descriptor, offset), transfer_syntax, wanted, offset)
    finally:
        os.close(descriptor)


def read_file(path: Path, wanted: Wanted = INGEST) -> tuple[FileMeta, Header]:
    """Read a DICOM file, or a bare data set without preamble as old software writes it.

    Raises HeaderError, OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        meta = parse_file_meta(os.pread(descriptor, HEAD, 0))
        source = FileSource(descriptor, meta.offset)
        return meta, _read(source, meta.transfer_syntax or EXPLICIT_LITTLE, wanted, meta.offset)
    finally:
        os.close(descriptor)


def _read(source: Source, transfer_syntax: str, wanted: Wanted, offset: int) -> Header:
    header = Header(transfer_syntax)
    if header.inflated:
        source, offset = InflatedSource(source), 0
    walker = Walker(source, transfer_syntax != IMPLICIT_LITTLE, transfer_syntax == EXPLICIT_BIG)
    try:
        walker.walk(wanted, header)
    except PrefixEnds:
        header.complete = False
    header.explicit = walker.explicit
    if walker.pixels is not None:
        header.pixels = _pixel_data(source, header, walker.pixels, offset)
    return header


def _pixel_data(source: Source, header: Header, element: PixelElement, offset: int) -> PixelData:
    end: int | None
    if element.length is None:
        try:
            frames, end = encapsulated_frames(source, header, element)
        except PrefixEnds:
            frames, end, header.complete = (), None, False
    else:
        frames = native_frames(header, element, source.size)
        end = element.value + element.length
        if source.size is not None and end > source.size:
            end = None
    return PixelData(
        element.tag,
        element.vr,
        element.offset + offset,
        element.value + offset,
        element.length,
        None if end is None else end + offset,
        shifted(frames, offset),
        number_of_frames(header),
    )
