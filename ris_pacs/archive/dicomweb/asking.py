"""What every DICOMweb resource needs: its place, whether it may be seen, the record of the look, and its version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from flask import Response, current_app, request
from werkzeug.exceptions import NotFound

from ris_pacs.archive.dicomweb.viewing import ViewCounter
from ris_pacs.archive.errors import FileMissing
from ris_pacs.archive.queries.objects import Place, WebObject, middle_object, objects_at
from ris_pacs.kernel.uids import is_uid
from ris_pacs.kernel.uow import read_only
from ris_pacs.web import context

BASE = "/dicom-web"
COUNTER = "ris_pacs_views"

AnyResponse = TypeVar("AnyResponse", bound=Response)


def asked_place(study: str, series: str = "", instance: str = "") -> Place:
    """Raises NotFound for what cannot be a UID."""
    if not all(is_uid(uid) for uid in (study, series, instance) if uid):
        raise NotFound("A study, series or object is named by its unique identifier.")
    return Place(study, series, instance)


def address(place: Place) -> str:
    return f"{request.url_root.rstrip('/')}{BASE}/{place}"


def found_at(place: Place, action: str = "view") -> Sequence[WebObject]:
    """The objects, and the look is recorded before anything is answered. Raises NoSuchInstance."""
    return _seen(place, action, middle=False)


def found_middle(place: Place) -> WebObject:
    """The object that stands for a study or series, as `found_at`."""
    return _seen(place, "view", middle=True)[0]


def _seen(place: Place, action: str, *, middle: bool) -> Sequence[WebObject]:
    actor = context.actor()
    counter: ViewCounter = current_app.extensions[COUNTER]
    with read_only(context.system()) as uow:
        found = [middle_object(uow, place, actor)] if middle else objects_at(uow, place, actor)
        looks = counter.due(found[0], actor, action, uow.now)
        for one in looks:
            one.record(uow)
    counter.written(looks, context.now())
    return found


def file_of(one: WebObject) -> Path:
    """Where its file stands. Raises FileMissing."""
    path = context.system().blobs.path(one.object_key)
    if not path.is_file():
        raise FileMissing("The file of this object is not in the archive; `ris-pacs verify` says more.")
    return path


def entity_tag(*facts: object) -> str:
    return hashlib.sha256("|".join(map(str, facts)).encode()).hexdigest()[:32]


def no_change(tag: str) -> Response | None:
    """304 when the client holds this version."""
    if request.if_none_match.contains(tag):
        return tagged(Response(status=304), tag)
    return None


def tagged(response: AnyResponse, tag: str) -> AnyResponse:
    """A browser may keep it but has to ask each time: whoever sits there next may not be allowed to see it."""
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
