"""WADO-RS (PS3.18 10.4; RAD-107): studies, series and objects as files, attributes, frames and bulk data."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from ris_pacs.archive.dicomweb import media, metadata
from ris_pacs.archive.dicomweb.asking import (
    BASE,
    address,
    asked_place,
    entity_tag,
    file_of,
    found_at,
    no_change,
    tagged,
)
from ris_pacs.archive.dicomweb.media import Part, multipart
from ris_pacs.archive.queries.identity import Identity, corrected_identity
from ris_pacs.archive.queries.objects import WebObject
from ris_pacs.dicom.handlers import StoredFile
from ris_pacs.dicom.transfer_syntaxes import ConversionFailed, convert
from ris_pacs.imaging.decompress import decompressed
from ris_pacs.imaging.display import ServedFrame, bulk_value, plain_frame, stored_frame
from ris_pacs.imaging.file_meta import write_file_meta
from ris_pacs.imaging.header import EXPLICIT_LITTLE
from ris_pacs.imaging.pixels import open_picture
from ris_pacs.imaging.problems import CannotDecode, NotAPicture
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from ris_pacs.kernel.uow import read_only
from ris_pacs.web import context
from ris_pacs.web.context import requires

blueprint = Blueprint("wado", __name__, url_prefix=BASE)

PIECE = 1 << 20
MOST_FRAMES_ASKED = 5000


@blueprint.get("/studies/<study>")
@blueprint.get("/studies/<study>/series/<series>")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>")
@requires(Right.IMAGES_VIEW)
def objects(study: str, series: str = "", instance: str = "") -> Response:
    """The files: as stored where the client takes that, else in Explicit VR Little Endian."""
    found = found_at(asked_place(study, series, instance), action="retrieve")
    syntaxes = media.wanted_syntaxes(media.DICOM, multipart=True)
    if syntaxes is not None:
        return multipart(media.DICOM, [_file_part(one, syntaxes) for one in found])
    alone = media.wanted_syntaxes(media.DICOM, multipart=False)
    if alone is None or len(found) > 1:
        raise media.not_acceptable(f'multipart/related; type="{media.DICOM}"')
    part = _file_part(found[0], alone)
    return Response(part.body(), content_type=part.content_type)


def _file_part(one: WebObject, syntaxes: Sequence[str]) -> Part:
    """Raises NotAcceptable."""
    stored = one.transfer_syntax_uid
    path = file_of(one)
    if media.ANY_SYNTAX in syntaxes or stored in syntaxes:
        body: Callable[[], Iterable[bytes]] = partial(_pieces, path)
        return Part(f"{media.DICOM}; transfer-syntax={stored}", address(one.place), body)
    if EXPLICIT_LITTLE not in syntaxes:
        raise media.not_acceptable(f"transfer syntax {stored} or {EXPLICIT_LITTLE}")
    return Part(
        f"{media.DICOM}; transfer-syntax={EXPLICIT_LITTLE}",
        address(one.place),
        partial(_converted, one, path, context.system().cache),
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from _pieces_of(file)


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _converted(one: WebObject, path: Path, scratch: Path) -> Iterator[bytes]:
    """Behind a file meta header of its own. What cannot be converted ends the answer: half a study is no study."""
    scratch.mkdir(parents=True, exist_ok=True)
    stored = StoredFile(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax_uid, path, one.dataset_offset)
    made = convert(stored, EXPLICIT_LITTLE, partial(decompressed, scratch=scratch))
    if made is None:
        raise ConversionFailed(f"{one.transfer_syntax_uid} cannot be converted")
    yield write_file_meta(
        one.sop_class_uid,
        one.sop_instance_uid,
        EXPLICIT_LITTLE,
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION,
        "",
    )
    if isinstance(made, bytes):
        yield made
        return
    with made:
        made.seek(0)
        yield from _pieces_of(made)


@blueprint.get("/studies/<study>/metadata")
@blueprint.get("/studies/<study>/series/<series>/metadata")
@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/metadata")
@requires(Right.IMAGES_VIEW)
def attributes(study: str, series: str = "", instance: str = "") -> Response:
    """DICOM JSON without bulk data, with the record's identity where the objects have another."""
    media.best_of(media.JSON, "application/json")
    found = found_at(asked_place(study, series, instance))
    with read_only(context.system()) as uow:
        overlay = as_overlay(corrected_identity(uow, found[0].study_id))
    tag = metadata.version(found, overlay)
    if same := no_change(tag):
        return same
    packed = metadata.packed(context.system(), found, overlay, request.url_root.rstrip("/") + BASE)
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(packed if zipped else gzip.decompress(packed), content_type=media.JSON)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return tagged(response, tag)


def as_overlay(identity: Identity | None) -> metadata.Overlay:
    if identity is None:
        return {}
    values = {
        "00080050": ("SH", identity.accession_number),
        "00100020": ("LO", identity.patient_id),
        "00100021": ("LO", identity.issuer),
        "00100030": ("DA", identity.birth_date),
        "00100040": ("CS", identity.sex),
    }
    overlay: metadata.Overlay = {
        tag: {"vr": vr, "Value": [value]} if value else {"vr": vr} for tag, (vr, value) in values.items()
    }
    overlay["00100010"] = {"vr": "PN", "Value": [metadata.person_name(identity.name)]}
    return overlay


@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/frames/<frames>")
@requires(Right.IMAGES_VIEW)
def frames_of(study: str, series: str, instance: str, frames: str) -> Response:
    """Frames "1,2,5" (from 1): compressed as stored where the client takes that, else as the metadata describe them."""
    numbers = _numbers(frames)
    (one,) = found_at(asked_place(study, series, instance))
    tag = entity_tag(one.digest, frames, *media.accepted())
    if same := no_change(tag):
        return same
    picture = open_picture(file_of(one))
    if not all(1 <= number <= picture.frames for number in numbers):
        raise NotFound(f"The object has {picture.frames} frames.")
    kind, read, alone = _frame_kind(one.transfer_syntax_uid, picture.pixels.encapsulated)
    if alone and len(numbers) == 1:
        return tagged(Response(read(picture, numbers[0]).data, content_type=kind), tag)
    served: list[ServedFrame] = [read(picture, number) for number in numbers]
    parts = [
        Part(
            f"{kind}; transfer-syntax={frame.transfer_syntax}",
            f"{address(one.place)}/frames/{number}",
            partial(_whole, frame.data),
        )
        for number, frame in zip(numbers, served, strict=True)
    ]
    return tagged(multipart(kind, parts), tag)


def _whole(data: bytes) -> tuple[bytes]:
    return (data,)


def _frame_kind(stored: str, compressed: bool) -> tuple[str, Callable[..., ServedFrame], bool]:
    """Media type, who makes the frame, and whether it comes without multipart. Raises NotAcceptable."""
    own = media.FRAME_TYPES.get(stored) if compressed else None
    for one in media.accepted():
        if own and one.kind == own and one.syntax in ("", media.ANY_SYNTAX, stored):
            return own, stored_frame, not one.multipart
        if one.kind in (media.OCTETS, "*/*", "application/*"):
            if not compressed or one.syntax in (media.ANY_SYNTAX, stored):
                return media.OCTETS, stored_frame, not one.multipart and one.kind == media.OCTETS
            if one.syntax in ("", EXPLICIT_LITTLE):
                return media.OCTETS, plain_frame, not one.multipart and one.kind == media.OCTETS
    raise media.not_acceptable(f'multipart/related; type="{media.OCTETS}"')


def _numbers(text: str) -> list[int]:
    """Raises NotFound."""
    parts = text.split(",")
    if len(parts) > MOST_FRAMES_ASKED or not all(part.isdecimal() and len(part) < len("1000000000") for part in parts):
        raise NotFound("Frames are asked for by their numbers, from 1, with commas between.")
    return [int(part) for part in parts]


@blueprint.get("/studies/<study>/series/<series>/instances/<instance>/bulkdata/<path:place>")
@requires(Right.IMAGES_VIEW)
def bulk(study: str, series: str, instance: str, place: str) -> Response:
    """A long value, as the metadata name it."""
    (one,) = found_at(asked_place(study, series, instance))
    path = file_of(one)
    try:
        if place.upper() in ("7FE00010", "7FE00008", "7FE00009"):
            picture = open_picture(path)
            data = b"".join(stored_frame(picture, number).data for number in range(1, picture.frames + 1))
        else:
            data = bulk_value(path, place.split("/"))
    except (CannotDecode, NotAPicture) as problem:
        raise NotFound(problem.message) from problem
    if media.takes(media.OCTETS):
        return Response(data, content_type=media.OCTETS)
    if media.wanted_syntaxes(media.OCTETS, multipart=True) is None:
        raise media.not_acceptable(media.OCTETS)
    return multipart(
        media.OCTETS, [Part(media.OCTETS, f"{address(one.place)}/bulkdata/{place}", partial(_whole, data))]
    )
