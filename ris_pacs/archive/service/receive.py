"""Taking in the bytes of an object: to a durable file, with its digest and what its header says."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ris_pacs.archive.errors import BadObject
from ris_pacs.archive.service.link import ReceivedKeys, RequestKeys
from ris_pacs.archive.service.store import InstanceFacts, PatientFacts, ReceivedObject, SeriesFacts, StudyFacts
from ris_pacs.imaging.file_meta import HEAD, parse_file_meta, write_file_meta
from ris_pacs.imaging.header import Header, PixelData, read, read_at
from ris_pacs.imaging.problems import HeaderError
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION, is_uid

if TYPE_CHECKING:
    from pathlib import Path

    from ris_pacs.imaging.elements import Elements
    from ris_pacs.kernel.blobs import BlobStore, Incoming

_FRAME = struct.Struct("<QI")
MOST_FRAMES_KEPT = 20_000
_BEGINNING = 64 * 1024
LONGEST_KEY = 64  # Kept longer than SH allows, so that a number too long is not taken for its beginning.


PIECE = 1 << 20


class Readable(Protocol):
    def read(self, count: int, /) -> bytes:
        """As many bytes, fewer only at the end."""


@dataclass(frozen=True)
class Source:
    """Where an object came from. name: AE title, "import" …; device_id: of a registered device."""

    name: str
    device_id: int | None = None
    ae_title: str = ""


class Reception:
    """One object being received. Call `write` for each piece, then `finish`; `discard` at any time.

    The file is the data set byte for byte behind a file meta header of ours (PS3.10 7.1).
    """

    def __init__(
        self, blobs: BlobStore, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source: Source
    ) -> None:
        self._blobs = blobs
        self._sop_class_uid = sop_class_uid
        self._sop_instance_uid = sop_instance_uid
        self._transfer_syntax_uid = transfer_syntax_uid
        self._source = source
        self._digest = hashlib.sha256()
        self._beginning = bytearray()
        self._file: Incoming = blobs.incoming()
        meta = write_file_meta(
            sop_class_uid,
            sop_instance_uid,
            transfer_syntax_uid,
            IMPLEMENTATION_CLASS_UID,
            IMPLEMENTATION_VERSION,
            source.ae_title,
        )
        self._offset = len(meta)
        self._size = 0
        self._file.write(meta)

    def write(self, piece: bytes | memoryview) -> None:
        """Raises StorageFull."""
        self._digest.update(piece)
        self._size += len(piece)
        if len(self._beginning) < _BEGINNING:
            self._beginning += piece[:_BEGINNING]
        self._file.write(piece)

    def finish(self) -> ReceivedObject:
        """The file and its name are durable; the header is read.

        An object that stands there already stays as it is, and its own file is described: its meta header may have
        another length than ours would. Raises BadObject, StorageFull.
        """
        received = self._describe(self._header(), self._offset)
        self._file.finish()
        if self._blobs.place(self._file, received.object_key):
            return received
        standing = self._blobs.path(received.object_key)
        offset = self._offset_of_the_same(standing)
        received = self._describe(self._header_in(standing, offset), offset)
        self._file.discard()
        return received

    def _offset_of_the_same(self, standing: Path) -> int:
        """Where the data set begins in a file that has to hold the same one. Raises BadObject."""
        with standing.open("rb") as file:
            meta = parse_file_meta(file.read(HEAD))
            file.seek(meta.offset)
            digest = hashlib.file_digest(file, "sha256")
        if digest.digest() != self._digest.digest() or meta.transfer_syntax != self._transfer_syntax_uid:
            raise BadObject("The archive's own file of this object is damaged; `ris-pacs verify --deep` tells more.")
        return meta.offset

    def discard(self) -> None:
        self._file.discard()

    def quarantine_key(self) -> str:
        """Keep the bytes aside after `finish` has raised BadObject; returns the object key, durable."""
        key = f"quarantine/{self._digest.hexdigest()}.dcm"
        self._file.finish()
        if not self._blobs.place(self._file, key):
            self._file.discard()
        return key

    @property
    def size(self) -> int:
        return self._file.size

    def _header(self) -> Header:
        """Most headers, with native pixels, are told by their first bytes, which are still at hand."""
        try:
            header = read(self._beginning, self._transfer_syntax_uid, total=self._size, offset=self._offset)
        except HeaderError as problem:
            raise BadObject(f"Not a readable data set: {problem.message}") from problem
        return header if header.complete else self._header_in(self._file.path, self._offset)

    def _header_in(self, path: Path | str, offset: int) -> Header:
        try:
            return read_at(path, offset, self._transfer_syntax_uid)
        except HeaderError as problem:
            raise BadObject(f"Not a readable data set: {problem.message}") from problem

    def _describe(self, header: Header, offset: int) -> ReceivedObject:
        study_uid, series_uid = header.string(0x0020000D), header.string(0x0020000E)
        self._check(header, study_uid, series_uid)
        return ReceivedObject(
            study=StudyFacts(
                study_uid,
                study_date=_fit(header.string(0x00080020), 8),
                study_time=_fit(header.string(0x00080030), 16),
                study_id=_fit(header.text(0x00200010), 16),
                description=_fit(header.text(0x00081030), 64),
                referrer=_fit(str(header.person_name(0x00080090)), 200),
            ),
            series=SeriesFacts(
                series_uid,
                modality=_fit(header.string(0x00080060), 16),
                number=_integer(header, 0x00200011),
                description=_fit(header.text(0x0008103E), 64),
                body_part=_fit(header.string(0x00180015), 16),
                laterality=_fit(header.string(0x00200060) or header.string(0x00200062), 16),
                station=self._source.ae_title or _fit(header.text(0x00081010), 16),
                series_date=_fit(header.string(0x00080021), 8),
                series_time=_fit(header.string(0x00080031), 16),
            ),
            instance=self._instance(header, offset),
            patient=patient_facts(header),
            keys=received_keys(header, study_uid),
            source=self._source.name,
            device_id=self._source.device_id,
        )

    def _check(self, header: Header, study_uid: str, series_uid: str) -> None:
        for uid, name in ((study_uid, "Study Instance UID"), (series_uid, "Series Instance UID")):
            if not uid or not is_uid(uid):
                raise BadObject(f"{name} is missing or no UID.")
        for tag, said, name in (
            (0x00080018, self._sop_instance_uid, "SOP Instance UID"),
            (0x00080016, self._sop_class_uid, "SOP Class UID"),
        ):
            if header.string(tag) != said:
                raise BadObject(f"{name} in the data set is not the one that was announced.")
        if header.pixels and not header.pixels.encapsulated and header.pixels.end is None:
            # An acknowledgement lets the sender delete its copy, and this is not the whole image.
            raise BadObject("Pixel Data ends before its length says.")

    def _instance(self, header: Header, offset: int) -> InstanceFacts:
        pixels = header.pixels
        return InstanceFacts(
            sop_class_uid=self._sop_class_uid,
            sop_instance_uid=self._sop_instance_uid,
            transfer_syntax_uid=self._transfer_syntax_uid,
            size=self._size,
            digest=self._digest.hexdigest(),
            dataset_offset=offset,
            number=_integer(header, 0x00200013),
            rows=_integer(header, 0x00280010),
            columns=_integer(header, 0x00280011),
            frames=_integer(header, 0x00280008),
            pixel_offset=pixels.value if pixels and not header.inflated else None,
            frame_table=_frame_table(pixels) if pixels and not header.inflated else None,
        )


def receive_file(blobs: BlobStore, file: Readable, source: Source) -> ReceivedObject:
    """Take in a DICOM file (PS3.10 7.1) from where it stands to its end.

    Raises BadObject, HeaderError, StorageFull; nothing is kept then.
    """
    head = file.read(HEAD)
    if head[128:132] != b"DICM":
        raise BadObject("not a DICOM file")
    meta = parse_file_meta(head)
    if not (meta.sop_class and meta.sop_instance and meta.transfer_syntax):
        raise BadObject("the file meta information is incomplete")
    reception = Reception(blobs, meta.sop_class, meta.sop_instance, meta.transfer_syntax, source)
    try:
        reception.write(head[meta.offset :])
        while piece := file.read(PIECE):
            reception.write(piece)
        return reception.finish()
    except BaseException:
        reception.discard()
        raise


def _fit(text: str, most: int) -> str:
    """What a column can hold: at most so many characters, and a NUL among them as a space."""
    return text.replace("\0", " ")[:most]


def _integer(header: Header, tag: int) -> int | None:
    """A number that fits the column; nonsense counts as absent."""
    value = header.integer(tag)
    return value if value is not None and -(2**31) < value < 2**31 else None


def _frame_table(pixels: PixelData) -> bytes | None:
    """Offset and length of each part of each frame, packed; None for one frame that is the pixel data itself."""
    parts = [part for frame in pixels.frames[:MOST_FRAMES_KEPT] for part in frame]
    if len(pixels.frames) <= 1 and not pixels.encapsulated:
        return None
    return b"".join(_FRAME.pack(offset, length) for offset, length in parts)


def patient_facts(header: Elements) -> PatientFacts:
    issuer = header.text(0x00100021)
    qualifiers = header.item(0x00100024)
    if not issuer and qualifiers is not None:
        issuer = qualifiers.text(0x00400032)
    return PatientFacts(
        patient_id=_fit(header.text(0x00100020), 64),
        issuer=_fit(issuer, 64),
        name=_fit(str(header.person_name(0x00100010)), 200),
        birth_date=_fit(header.string(0x00100030), 10),
        sex=_fit(header.string(0x00100040), 16),
    )


def received_keys(header: Elements, study_uid: str) -> ReceivedKeys:
    """What the object says about its order: header, Request Attributes (0040,0275), Referenced PPS (0008,1111)."""
    issuer = header.item(0x00080051)
    return ReceivedKeys(
        study_instance_uid=study_uid,
        accession_number=_fit(header.text(0x00080050), LONGEST_KEY).strip(),
        accession_issuer=_fit(issuer.text(0x00400031) or issuer.text(0x00400032), 64) if issuer else "",
        requests=tuple(
            RequestKeys(
                accession_number=_fit(item.text(0x00080050), LONGEST_KEY).strip(),
                requested_procedure_id=_fit(item.text(0x00401001), LONGEST_KEY).strip(),
                scheduled_step_id=_fit(item.text(0x00400009), LONGEST_KEY).strip(),
            )
            for item in header.items(0x00400275)[:50]
        ),
        mpps_uids=tuple(uid for item in header.items(0x00081111)[:50] if is_uid(uid := item.string(0x00081155))),
    )
