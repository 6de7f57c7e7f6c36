"""Modality Worklist C-FIND (PS3.4 Annex K; IHE RAD-5), straight from the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset

from ris_pacs.dicom.character_sets import choose_character_set
from ris_pacs.dicom.handlers import Association, DimseFailure, Elements, FindRequest, Match, Status
from ris_pacs.dicom.matching import matches, narrowing, split_range
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import ExamState
from ris_pacs.worklist import queries, service
from ris_pacs.worklist.dimse.item import text_of, worklist_item

STEP_SEQUENCE, CHARACTER_SET = 0x00400100, 0x00080005
UNABLE_TO_PROCESS = 0xC001
# Matching keys of the step that name its state (0040,0020); without the key what can be begun is listed.
STATES = {
    "SCHEDULED": (ExamState.SCHEDULED,),
    "ARRIVED": (ExamState.ARRIVED,),
    "READY": (ExamState.ARRIVED,),
    "STARTED": (ExamState.IN_PROGRESS,),
    "DEPARTED": (ExamState.PERFORMED,),
}
LISTED = (ExamState.SCHEDULED, ExamState.ARRIVED)


class WorklistFind:
    def __init__(self, system: System) -> None:
        self._system = system

    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        """Every scheduled step that fits the keys, by start time. Nothing found is an answer too.

        That the device asked, and how much it is told, is recorded before the first answer leaves.
        """
        actor = association.device.actor
        assert isinstance(actor, Actor)
        with read_only(self._system) as uow:
            zone = queries.zone_of_device(uow, association.device.id)
            keys = read_keys(request.identifier, zone)
            accepted = association.device.character_sets or _asked_in(request.identifier)
            found = queries.find_steps(uow, keys)
            items = [worklist_item(step, zone, keys.patient_id) for step in found]
        narrowed, wanted = narrowing(request.identifier), _return_keys(request.identifier)
        answers = [item for item in items if matches(narrowed, item)]
        with unit_of_work(self._system) as uow:
            service.note_query(uow, association.device.id, _readable(request.identifier), len(answers), actor)
        for item in answers:
            yield _match(wanted, item, accepted)


# Tag → the return keys of the sequence's item; none: the element whole.
ReturnKeys = dict[int, "ReturnKeys"]


def _return_keys(identifier: Dataset) -> ReturnKeys:
    """What the identifier names, read once for all answers."""
    return {
        int(element.tag): _return_keys(element.value[0]) if element.VR == "SQ" and element.value else {}
        for element in identifier
        if element.tag != CHARACTER_SET
    }


def _match(wanted: ReturnKeys, item: Elements, accepted: tuple[str, ...]) -> Match:
    """The return keys that were asked for, in a character set that the device can read."""
    answer = _asked_for(wanted, item)
    return Match(answer, choose_character_set(text_of(answer), accepted))


def _asked_for(wanted: ReturnKeys, item: Elements) -> dict[int, object]:
    """Elements of the item that the identifier names; a sequence named without items is returned whole."""
    answer: dict[int, object] = {}
    for tag, inner in wanted.items():
        if tag in item:
            value = item[tag]
            answer[tag] = [_asked_for(inner, one) for one in value] if inner and isinstance(value, list) else value
    return answer


def _asked_in(identifier: Dataset) -> tuple[str, ...]:
    value = identifier.get("SpecificCharacterSet")
    if not value:
        return ()
    return (value,) if isinstance(value, str) else ("\\".join(value),)


def read_keys(identifier: Dataset, zone: ZoneInfo) -> queries.WorklistKeys:
    """What the database narrows by. Raises DimseFailure for a date that is none."""
    sequence = identifier.get("ScheduledProcedureStepSequence")
    step = sequence[0] if sequence else Dataset()
    begins_at, ends_at = _span(_text(step, "ScheduledProcedureStepStartDate"), zone)
    states: list[ExamState] = []
    for name in _values(step, "ScheduledProcedureStepStatus"):
        states += STATES.get(name, ())
    return queries.WorklistKeys(
        stations=_fixed(step, "ScheduledStationAETitle"),
        modalities=_fixed(step, "Modality"),
        begins_at=begins_at,
        ends_at=ends_at,
        patient_id=_exact(identifier, "PatientID"),
        accession_number=_exact(identifier, "AccessionNumber"),
        requested_procedure_id=_exact(identifier, "RequestedProcedureID"),
        scheduled_step_id=_exact(step, "ScheduledProcedureStepID"),
        states=tuple(states or LISTED),
    )


def _span(key: str, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The instants of a date or range of dates on the device's clock."""
    if not key or set(key) == {"*"}:
        return None, None
    first, last = split_range(key)
    return (_midnight(first, zone, 0) if first else None), (_midnight(last, zone, 1) if last else None)


def _midnight(date: str, zone: ZoneInfo, days_later: int) -> datetime:
    try:
        day = datetime.strptime(date.replace(".", ""), "%Y%m%d") + timedelta(days=days_later)  # noqa: DTZ007
        return day.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DimseFailure(Status(UNABLE_TO_PROCESS, f"not a date: {date[:20]}", (STEP_SEQUENCE, 0x00400002))) from None


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [value.strip()] if isinstance(value, str) else [str(one).strip() for one in value]


def _fixed(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Values without wildcards; with one among them the database does not narrow."""
    values = [one for one in _values(dataset, keyword) if one]
    return () if any("*" in one or "?" in one for one in values) else tuple(values)


def _exact(dataset: Dataset, keyword: str) -> str:
    values = _fixed(dataset, keyword)
    return values[0] if len(values) == 1 else ""


def _readable(identifier: Dataset) -> dict[str, str]:
    """The keys that were not universal, for the log of queries."""
    found: dict[str, str] = {}
    for element in identifier:
        if element.VR == "SQ":
            for item in (element.value or [])[:1]:
                found |= _readable(item)
        elif str(element.value).strip():
            found[element.keyword or str(element.tag)] = str(element.value)[:64]
    return found
