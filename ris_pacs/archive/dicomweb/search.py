"""QIDO-RS (PS3.18 10.6; RAD-129): studies, series and objects that match a query, the newest study first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import Blueprint, Response, request
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from werkzeug.exceptions import BadRequest

from ris_pacs.archive.dicomweb import media
from ris_pacs.archive.dicomweb.asking import BASE, address, asked_place
from ris_pacs.archive.dicomweb.metadata import person_name
from ris_pacs.archive.queries import find
from ris_pacs.archive.queries.attributes import (
    instance_elements,
    keys_of,
    readable_keys,
    series_elements,
    study_elements,
)
from ris_pacs.archive.queries.objects import Place
from ris_pacs.dicom.handlers import Elements
from ris_pacs.dicom.matching import matches
from ris_pacs.kernel import audit
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only
from ris_pacs.web import context
from ris_pacs.web.context import requires

blueprint = Blueprint("qido", __name__, url_prefix=BASE)

MOST_ANSWERS = 1000
_OPTIONS = {"includefield", "limit", "offset", "fuzzymatching", "accept", "charset"}
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_AVAILABILITY, _RETRIEVE_URL = 0x00080056, 0x00081190
_INTEGER = {"IS", "SL", "SS", "SV", "UL", "US", "UV"}
_DECIMAL = {"DS", "FD", "FL"}


@dataclass(frozen=True)
class _Answer:
    place: Place
    elements: Elements


@blueprint.get("/studies")
@requires(Right.IMAGES_VIEW)
def studies() -> Response:
    return _answered("STUDY")


@blueprint.get("/series")
@blueprint.get("/studies/<study>/series")
@requires(Right.IMAGES_VIEW)
def series(study: str = "") -> Response:
    return _answered("SERIES", study)


@blueprint.get("/instances")
@blueprint.get("/studies/<study>/instances")
@blueprint.get("/studies/<study>/series/<series>/instances")
@requires(Right.IMAGES_VIEW)
def instances(study: str = "", series: str = "") -> Response:
    return _answered("IMAGE", study, series)


def _answered(level: str, study: str = "", series: str = "") -> Response:
    media.best_of(media.JSON, "application/json")
    within = asked_place(study, series) if study else None
    identifier = _identifier(within)
    limit, offset = _count("limit", MOST_ANSWERS), _count("offset", 0)
    actor, most = context.actor(), min(limit, MOST_ANSWERS)
    with read_only(context.system()) as uow:
        audit.record(
            uow,
            actor,
            "query archive",
            ("archive", level),
            patient_id=None,
            detail={"keys": readable_keys(identifier)},
        )
    with read_only(context.system()) as uow:
        fitting = (one for one in _answers(uow, level, identifier, within) if matches(identifier, one.elements))
        page = list(islice(fitting, offset, offset + most + 1))
    response = Response(json.dumps([_as_json(one) for one in page[:most]]), content_type=media.JSON)
    if len(page) > most and most < limit:
        response.headers["Warning"] = f'299 {request.host}: "There are more results; ask for them with offset."'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _answers(uow: UnitOfWork, level: str, identifier: Dataset, within: Place | None) -> Iterator[_Answer]:
    """With the elements of the levels above where the address does not name them (PS3.18 Table 10.6.3-3)."""
    actor, keys = context.actor(), keys_of(identifier)
    if level == "STUDY":
        for study in find.find_studies(uow, keys, actor, newest_first=True):
            yield _Answer(Place(study.study_instance_uid), study_elements(study))
    elif level == "SERIES":
        for one in find.find_series(uow, keys, actor, newest_first=within is None):
            yield _Answer(
                Place(one.study.study_instance_uid, one.series.series_instance_uid),
                {**study_elements(one.study), **series_elements(one.series)},
            )
    else:
        for found in find.find_instances(uow, keys, actor, newest_first=within is None):
            yield _Answer(
                Place(
                    found.study.study_instance_uid, found.series.series_instance_uid, found.instance.sop_instance_uid
                ),
                {
                    **study_elements(found.study),
                    **series_elements(found.series),
                    **instance_elements(found.instance),
                },
            )


def _identifier(within: Place | None) -> Dataset:
    """The keys of query and address as the identifier of a C-FIND. Raises BadRequest."""
    identifier = Dataset()
    for name, values in request.args.lists():
        if name.lower() in _OPTIONS:
            continue
        _put(identifier, [_tag(part) for part in name.split(".")], "\\".join(values).strip())
    if within is not None:
        identifier.StudyInstanceUID = within.study
        if within.series:
            identifier.SeriesInstanceUID = within.series
    return identifier


def _put(identifier: Dataset, path: list[int], value: str) -> None:
    tag, vr = path[0], _vr(path[0])
    if len(path) > 1:
        if vr != "SQ":
            raise BadRequest(f"{tag:08X} is no sequence.")
        if tag not in identifier:
            identifier.add_new(tag, "SQ", [Dataset()])
        _put(identifier[tag].value[0], path[1:], value)
        return
    if vr == "SQ":
        raise BadRequest(f"{tag:08X} is a sequence: name the attribute inside it, with a full stop between.")
    if vr == "UI":
        value = value.replace(",", "\\")
    if vr in _INTEGER | _DECIMAL:
        identifier.add_new(tag, "LO", value)
        return
    identifier.add_new(tag, vr, value.split("\\") if "\\" in value else value)


def _tag(name: str) -> int:
    """By keyword or by eight hexadecimal digits. Raises BadRequest."""
    tag = int(name, 16) if _TAG.fullmatch(name) else tag_for_keyword(name)
    if tag is None:
        raise BadRequest(f"There is no attribute {name[:40]!r}.")
    return int(tag)


def _vr(tag: int) -> str:
    try:
        return str(dictionary_VR(tag))[:2]
    except KeyError:
        raise BadRequest(f"There is no attribute {tag:08X}.") from None


def _count(name: str, otherwise: int) -> int:
    said = request.args.get(name, "")
    if not said:
        return otherwise
    if not said.isdecimal() or len(said) > len("1000000000"):
        raise BadRequest(f"{name} is a number from 0.")
    return int(said)


def _as_json(one: _Answer) -> dict[str, Any]:
    elements = dict(one.elements)
    elements[_AVAILABILITY] = "ONLINE"
    elements[_RETRIEVE_URL] = address(one.place)
    return {f"{tag:08X}": _value(tag, elements[tag]) for tag in sorted(elements)}


def _value(tag: int, value: object) -> dict[str, Any]:
    vr = str(dictionary_VR(tag))[:2]
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    said: list[Any] = []
    for each in values:
        if each == "" or each is None:
            continue
        if vr == "PN":
            said.append(person_name(str(each)))
        else:
            said.append(int(str(each)) if vr in _INTEGER else each)
    return {"vr": vr, "Value": said} if said else {"vr": vr}
