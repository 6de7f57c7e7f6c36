"""A stored object with its pixels decompressed, for receivers that take nothing else (PS3.5 8.2, Annex A.4).

The data set goes into a temporary file frame by frame: memory holds one frame and the header, however many frames
there are. The SOP Instance UID stays: what is decompressed is the same instance.
"""

from __future__ import annotations

import io
import re
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from ris_pacs.imaging import codecs
from ris_pacs.imaging.header import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Header, read, read_file
from ris_pacs.imaging.pixels import PICTURE, Picture, Shape, shape_of
from ris_pacs.imaging.problems import CannotDecode, NotDecompressed
from ris_pacs.imaging.walk import PIXELS

_IMPLICIT = {IMPLICIT_LITTLE: True, EXPLICIT_LITTLE: False}
_MOST_VALUE = 0xFFFFFFFE  # bytes of an element (PS3.5 7.1.1)
_LARGE_FRAME = 64 << 20  # bytes; of such frames a process decodes one at a time
_one_large_frame = threading.Lock()
_ALWAYS_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
_ONLY_ENCAPSULATED = (0x7FE00001, 0x7FE00002, 0x7FE00003)  # offset and length tables, total length
_NESTED_FRAGMENTS = re.compile(rb"\xe0\x7f\x10\x00O[BW]\0\0\xff\xff\xff\xff")


def decompressed(path: Path, transfer_syntax: str, scratch: Path) -> BinaryIO | None:
    """The data set of the file at `path` in Implicit or Explicit VR Little Endian: an open, nameless file.

    scratch: the folder on whose disk it lies; no object takes more than half of what is free there. None for any
    other transfer syntax. Raises NotDecompressed, HeaderError, OSError.
    """
    if transfer_syntax not in _IMPLICIT:
        return None
    implicit = _IMPLICIT[transfer_syntax]
    meta, header = read_file(path, PICTURE)
    out = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - the caller closes it
    try:
        if header.pixels is None or not header.pixels.encapsulated:  # nothing is compressed but by name
            out.write(_written(_part(path, meta.offset, None, header), implicit))
        else:
            _write(out, Picture(path, meta, header, header.pixels), implicit, scratch)
        out.flush()
    except CannotDecode as problem:
        out.close()
        raise NotDecompressed(problem.problem) from problem
    except BaseException:
        out.close()
        raise
    return out


def _write(out: BinaryIO, picture: Picture, implicit: bool, scratch: Path) -> None:
    shape, header, pixels = picture.shape, picture.header, picture.pixels
    length = _length(shape, picture.frames)
    if length > _MOST_VALUE:
        raise CannotDecode(f"it would have {length >> 20} MB, more than an element can hold")
    if length > shutil.disk_usage(scratch).free // 2:
        raise CannotDecode(f"there is no room for its {length >> 20} MB")
    frames = _frames(picture)
    first = next(frames)
    photometric = first[1]
    before = _part(picture.path, picture.meta.offset, pixels.offset, header)
    _describe(before, shape, photometric, header.transfer_syntax)
    out.write(_written(before, implicit))
    vr = b"" if implicit else _vr(shape).encode() + bytes(2)
    out.write(struct.pack("<HH", pixels.tag >> 16, pixels.tag & 0xFFFF) + vr + struct.pack("<I", length))
    written, carried = 0, np.empty(0, np.uint8)
    for cells, colour in chain((first,), frames):
        if colour != photometric:
            raise CannotDecode("its frames differ in colour")
        if shape.bits_allocated == 1:  # frames of single bits follow one another without padding (PS3.5 8.1.1)
            bits = np.concatenate((carried, cells.ravel()))
            whole = bits.size // 8 * 8
            cells, carried = np.packbits(bits[:whole], bitorder="little"), bits[whole:]
        written += out.write(cells.data.cast("B"))
    out.write(np.packbits(carried, bitorder="little").tobytes().ljust(length - written, b"\0"))
    if pixels.end is not None and pixels.end < picture.path.stat().st_size:
        out.write(_written(_part(picture.path, pixels.end, None, header, before), implicit))


def _length(shape: Shape, frames: int) -> int:
    bits = frames * shape.rows * shape.columns * shape.samples * shape.bits_allocated
    return (bits + 15) // 16 * 2


def _vr(shape: Shape) -> str:
    """PS3.5 A.2."""
    return "OB" if shape.bits_allocated <= 8 else "OW"


def _frames(picture: Picture) -> Iterator[tuple[NDArray[Any], str]]:
    """Each frame's cells, or its single bits, and its photometric interpretation."""
    large = _length(picture.shape, 1) > _LARGE_FRAME
    for number in range(1, picture.frames + 1):
        with _one_large_frame if large else nullcontext():
            frame = _decoded(picture.stored(number), picture.shape, picture.header.transfer_syntax)
        yield frame


def _decoded(data: bytes, shape: Shape, transfer_syntax: str) -> tuple[NDArray[Any], str]:
    layout = codecs.Layout(shape.rows, shape.columns, shape.samples, shape.bits_allocated, shape.photometric)
    decoded = codecs.decode(data, transfer_syntax, layout)
    cells = _cells(decoded.array, shape, exact=transfer_syntax == codecs.RLE)
    if decoded.converted and shape.samples == 3:
        return cells, "RGB"
    return cells, "YBR_FULL" if shape.photometric == "YBR_FULL_422" else shape.photometric


def _cells(array: NDArray[Any], shape: Shape, *, exact: bool) -> NDArray[Any]:
    """Samples in cells of Bits Allocated, colour by pixel (PS3.5 8.1.1). exact: they are whole cells already.

    Negative values that the codec knows as bits alone get their sign, for receivers that do not look at High Bit.
    """
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    wanted = (shape.rows, shape.columns, shape.samples)[: 2 + (shape.samples > 1)]
    if array.shape != wanted:
        raise CannotDecode(f"its header says {_by(wanted)}, its compressed data have {_by(array.shape)}")
    if shape.sample != "int" or array.dtype.kind not in "iub":
        raise CannotDecode("its samples are not whole numbers")
    if shape.bits_allocated == 1:
        return np.asarray(array != 0, np.uint8)
    width = shape.bits_allocated // 8
    if array.dtype.itemsize > width:
        low, high = int(array.min()), int(array.max())
        if low < -(1 << shape.bits_allocated - 1) or high >= 1 << shape.bits_allocated:
            raise CannotDecode(f"its compressed data have more than {shape.bits_allocated} bits a sample")
    kind = "i" if array.dtype.kind == "i" else "u"
    cells: NDArray[Any] = np.ascontiguousarray(array, dtype=f"<{kind}{width}").view(f"<u{width}")
    above = shape.high_bit + 1
    if exact or not shape.signed or above == shape.bits_allocated or (cells >> np.uint8(above)).any():
        return cells
    sign = cells.dtype.type(1 << shape.high_bit)
    extended: NDArray[Any] = (cells ^ sign) - sign
    return extended


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _describe(dataset: Dataset, shape: Shape, photometric: str, transfer_syntax: str) -> None:
    """What the attributes of decompressed pixels are (PS3.3 C.7.6.3, C.7.6.1.1.5)."""
    for tag in _ONLY_ENCAPSULATED:
        dataset.pop(tag, None)
    if photometric != shape.photometric:
        dataset.PhotometricInterpretation = photometric
    if shape.samples > 1:
        dataset.PlanarConfiguration = 0
    if transfer_syntax in _ALWAYS_LOSSY and not dataset.get("LossyImageCompression"):
        dataset.LossyImageCompression = "01"


def _part(path: Path, begin: int, end: int | None, header: Header, around: Dataset | None = None) -> Dataset:
    """The elements between two positions in the file, undecoded. around: whose character set holds for them."""
    with path.open("rb") as file:
        file.seek(begin)
        raw = file.read() if end is None else file.read(end - begin)
    charset = around.original_character_set if around is not None else "iso8859"
    dataset = read_dataset(io.BytesIO(raw), not header.explicit, True, len(raw), parent_encoding=charset)
    if header.explicit and _NESTED_FRAGMENTS.search(raw):
        _expand_nested(dataset, header.transfer_syntax)
    return dataset


def _expand_nested(dataset: Dataset, transfer_syntax: str) -> None:
    """Decompress what the items of sequences have of pixels: icons."""
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if element.VR == "SQ":
            for item in dataset[tag].value:
                _expand_nested(item, transfer_syntax)
        elif tag == PIXELS:
            raw = _written(dataset, implicit=False)
            header = read(raw, transfer_syntax, PICTURE)
            if header.pixels is None or not header.pixels.encapsulated:
                continue
            shape = shape_of(header, header.pixels)
            data = b"".join(raw[begin : begin + size] for frame in header.pixels.frames for begin, size in frame)
            cells, photometric = _decoded(data, shape, transfer_syntax)
            _describe(dataset, shape, photometric, transfer_syntax)
            value = cells.tobytes().ljust(_length(shape, 1), b"\0")
            dataset[tag] = DataElement(tag, _vr(shape), value)


def _written(dataset: Dataset, implicit: bool) -> bytes:
    if implicit:
        _forget_vrs(dataset)
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, True
    write_dataset(out, dataset)
    return out.getvalue()


def _forget_vrs(dataset: Dataset) -> None:
    """Let pydicom write values as they are, undecoded: implicit VR differs in nothing else."""
    for tag in dataset.keys():  # noqa: SIM118 - the values of a data set are decoded
        if dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value:
                _forget_vrs(item)
    dataset.set_original_encoding(True, True)
