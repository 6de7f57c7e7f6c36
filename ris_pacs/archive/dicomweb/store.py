"""STOW-RS (PS3.18 10.5; RAD-108): objects are stored as by C-STORE, file and row durable before the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.http import parse_options_header

from ris_pacs.archive.dicomweb import media
from ris_pacs.archive.dicomweb.asking import BASE, address, asked_place
from ris_pacs.archive.dicomweb.parts import PartFile, parts_of
from ris_pacs.archive.errors import BadObject
from ris_pacs.archive.queries.objects import Place
from ris_pacs.archive.service.receive import Source, receive_file
from ris_pacs.archive.service.store import ReceivedObject, store_object
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import DomainError, StorageFull
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import unit_of_work
from ris_pacs.web import context
from ris_pacs.web.context import requires

log = structlog.get_logger()

blueprint = Blueprint("stow", __name__, url_prefix=BASE)
blueprint.machine = True  # type: ignore[attr-defined]  # A browser's session has to bring its token, see below.

MOST_BYTES = 64 * 1024**3
# Failure Reason (0008,1197), PS3.18 Table I.2-2 and PS3.4 Table B.2-1.
OUT_OF_RESOURCES, DATA_SET_MISMATCH, CANNOT_UNDERSTAND = 0xA700, 0xA900, 0xC000


@dataclass(frozen=True)
class _Stored:
    received: ReceivedObject


@dataclass(frozen=True)
class _Failed:
    """uids: SOP class and instance, None where they are not known. reason: a status of the standard; why: in words."""

    uids: tuple[str, str] | None
    reason: int
    why: str


@blueprint.post("/studies")
@blueprint.post("/studies/<study>")
@requires(Right.STUDY_STORE)
def store(study: str = "") -> Response:
    """Files in a multipart/related body; with a study in the address only its own."""
    if "Authorization" not in request.headers:
        current_app.extensions["csrf"].protect()
    if study:
        asked_place(study)
    request.max_content_length = MOST_BYTES
    results = list(_results(study))
    if not results:
        raise BadRequest("The body has no part.")
    return _answer(study, results)


def _results(study: str) -> Iterator[_Stored | _Failed]:
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    if kind == media.DICOM:
        yield _take(request.stream, study)
        return
    inner = options.get("type", media.DICOM).lower()
    if kind != "multipart/related" or inner != media.DICOM:
        raise UnsupportedMediaType(f'Objects come as multipart/related; type="{media.DICOM}".')
    boundary = options.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise BadRequest("The boundary of the parts is missing.")
    for part in parts_of(request.stream, boundary):
        yield _part(part, study)


def _part(part: PartFile, study: str) -> _Stored | _Failed:
    if part.kind not in (media.DICOM, ""):
        return _Failed(None, CANNOT_UNDERSTAND, f"A part of type {part.kind[:60]} is no DICOM file.")
    return _take(part, study)


def _take(file: Any, study: str) -> _Stored | _Failed:
    """One object, in a transaction of its own: one bad object fails alone."""
    actor = context.actor()
    try:
        received = receive_file(context.system().blobs, file, Source(actor.name[:64]))
    except StorageFull as problem:
        return _Failed(None, OUT_OF_RESOURCES, problem.message)
    except DomainError as problem:
        return _Failed(None, CANNOT_UNDERSTAND, problem.message)
    uids = (received.instance.sop_class_uid, received.instance.sop_instance_uid)
    try:
        _check_study(received, study)
        kind = _file(received, actor)
    except BadObject as problem:
        return _Failed(uids, DATA_SET_MISMATCH, problem.message)
    except DomainError as problem:
        return _Failed(uids, problem.answer.dimse, problem.message)
    if kind == "conflict":
        log.warning("another object under a known UID, kept aside", uid=uids[1])
    return _Stored(received)


def _check_study(received: ReceivedObject, study: str) -> None:
    if study and received.study.study_instance_uid != study:
        raise BadObject("The object belongs to another study than the address names.")


def _file(received: ReceivedObject, actor: Actor) -> str:
    with unit_of_work(context.system()) as uow:
        return store_object(uow, received, actor).kind


def _answer(study: str, results: list[_Stored | _Failed]) -> Response:
    """PS3.18 10.5.3: 200 when all were stored, 202 for some, 409 for none."""
    stored = [one.received for one in results if isinstance(one, _Stored)]
    failed = [one for one in results if isinstance(one, _Failed)]
    body: dict[str, Any] = {}
    studies = {one.study.study_instance_uid for one in stored}
    if study or len(studies) == 1:
        body["00081190"] = _value("UR", address(Place(study or studies.pop())))
    if named := [one for one in failed if one.uids]:
        body["00081198"] = _value("SQ", *(_failure(one) for one in named))
    if unnamed := [one for one in failed if not one.uids]:
        body["0008119A"] = _value("SQ", *(_failure(one) for one in unnamed))
    if stored:
        body["00081199"] = _value("SQ", *(_reference(one) for one in stored))
    status = 200 if not failed else 202 if stored else 409
    if not stored and any(one.reason == OUT_OF_RESOURCES for one in failed):
        status = 507
    response = Response(json.dumps(dict(sorted(body.items()))), status=status, content_type=media.JSON)
    for why in dict.fromkeys(one.why for one in failed):
        response.headers.add("Warning", f'299 {request.host} "{why.encode("ascii", "replace").decode()}"')
    return response


def _reference(one: ReceivedObject) -> dict[str, Any]:
    place = Place(one.study.study_instance_uid, one.series.series_instance_uid, one.instance.sop_instance_uid)
    return {
        "00081150": _value("UI", one.instance.sop_class_uid),
        "00081155": _value("UI", one.instance.sop_instance_uid),
        "00081190": _value("UR", address(place)),
    }


def _failure(one: _Failed) -> dict[str, Any]:
    named = {} if one.uids is None else {"00081150": _value("UI", one.uids[0]), "00081155": _value("UI", one.uids[1])}
    return {**named, "00081197": _value("US", one.reason)}


def _value(vr: str, *values: object) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}
