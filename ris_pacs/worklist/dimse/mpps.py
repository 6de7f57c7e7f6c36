"""Modality Performed Procedure Step (PS3.4 Annex F; IHE RAD-6, RAD-7): N-CREATE and N-SET move the exam."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset

from ris_pacs.catalog import queries as catalog
from ris_pacs.dicom.handlers import Association, NormalizedAnswer, NormalizedRequest, Status
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.uids import is_uid
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.patients.rules import Identity
from ris_pacs.worklist import queries, service
from ris_pacs.worklist.errors import NoSuchPerformedStep, StepEnded, StepExists
from ris_pacs.worklist.queries import StepReference

# PS3.7 Annex C.
PROCESSING_FAILURE, DUPLICATE, NO_SUCH_OBJECT = 0x0110, 0x0111, 0x0112
INVALID_VALUE, MISSING, NO_SUCH_OPERATION, INVALID_INSTANCE = 0x0106, 0x0120, 0x0211, 0x0117

STATUS, STEP_ATTRIBUTES = 0x00400252, 0x00400270
STATES = {"IN PROGRESS": "in progress", "COMPLETED": "completed", "DISCONTINUED": "discontinued"}


class _Fault(Exception):
    def __init__(self, status: Status) -> None:
        super().__init__(status.comment)
        self.status = status


class PerformedSteps:
    def __init__(self, system: System) -> None:
        self._system = system

    def handle(self, request: NormalizedRequest, association: Association) -> NormalizedAnswer:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        operations: dict[str, Callable[[NormalizedRequest, Association, Actor], NormalizedAnswer]] = {
            "N-CREATE": self._create,
            "N-SET": self._set,
        }
        if request.operation not in operations:
            return NormalizedAnswer(Status(NO_SUCH_OPERATION, "only N-CREATE and N-SET"))
        try:
            return operations[request.operation](request, association, actor)
        except _Fault as fault:
            return NormalizedAnswer(fault.status)
        except DomainError as problem:
            return NormalizedAnswer(Status(_code(problem), problem.message))

    def _create(self, request: NormalizedRequest, association: Association, actor: Actor) -> NormalizedAnswer:
        uid = request.instance_uid or self._system.mint_uid()
        if not is_uid(uid):
            raise _Fault(Status(INVALID_INSTANCE, "the SOP Instance UID is no UID"))
        zone, issuer_id = self._place(association)
        begun = _read_begun(request.dataset, uid, association, zone, issuer_id, self._system.clock())
        self._in_kept_transaction(lambda uow: service.begin_step(uow, begun, actor))
        return NormalizedAnswer(instance_uid=uid)

    def _set(self, request: NormalizedRequest, association: Association, actor: Actor) -> NormalizedAnswer:
        zone, _ = self._place(association)
        update = _read_update(request.dataset, request.instance_uid, zone)
        self._in_kept_transaction(lambda uow: service.update_step(uow, update, actor))
        return NormalizedAnswer(instance_uid=request.instance_uid)

    def _in_kept_transaction(self, work: Callable[[UnitOfWork], object]) -> None:
        """What was out of order is noted for a person, also when the standard's answer is a failure."""
        problem: DomainError | None = None
        with unit_of_work(self._system) as uow:
            try:
                work(uow)
            except (StepExists, StepEnded) as noted:
                problem = noted
        if problem is not None:
            raise problem

    def _place(self, association: Association) -> tuple[ZoneInfo, int | None]:
        """The device's zone, and by whom the patient ids are that it sends without an issuer."""
        with read_only(self._system) as uow:
            device_id = association.device.id
            return queries.zone_of_device(uow, device_id), catalog.patient_issuer_of_device(uow, device_id)


def _code(problem: DomainError) -> int:
    """PS3.4 F.7.2: the answers that the standard fixes."""
    if isinstance(problem, StepExists):
        return DUPLICATE
    if isinstance(problem, NoSuchPerformedStep):
        return NO_SUCH_OBJECT
    return PROCESSING_FAILURE if isinstance(problem, StepEnded) else problem.answer.dimse


def _read_begun(
    dataset: Dataset, uid: str, association: Association, zone: ZoneInfo, issuer_id: int | None, now: datetime
) -> service.BegunStep:
    """PS3.4 Table F.7.2-1. Raises _Fault for what is required and missing."""
    state = _text(dataset, "PerformedProcedureStepStatus")
    if not state:
        raise _Fault(Status(MISSING, "Performed Procedure Step Status is missing", (STATUS,)))
    if state != "IN PROGRESS":
        raise _Fault(Status(INVALID_VALUE, "a new step has the status IN PROGRESS", (STATUS,)))
    if "ScheduledStepAttributesSequence" not in dataset or not dataset.ScheduledStepAttributesSequence:
        text = "Scheduled Step Attributes Sequence is missing"
        raise _Fault(Status(MISSING, text, (STEP_ATTRIBUTES,)))
    name, born = _text(dataset, "PatientName"), _text(dataset, "PatientBirthDate")
    return service.BegunStep(
        sop_instance_uid=uid,
        references=tuple(_reference(item) for item in dataset.ScheduledStepAttributesSequence[:50]),
        identity=Identity(
            patient_id=_text(dataset, "PatientID")[:64],
            issuer_id=issuer_id,
            name=PersonName.from_dicom(name),
            birth_date=f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 and born.isdigit() else "",
            sex=_text(dataset, "PatientSex"),
        ),
        started_at=_instant(dataset, "PerformedProcedureStepStart", zone) or now,
        identifier=_text(dataset, "PerformedProcedureStepID"),
        device_id=association.device.id,
        station_ae_title=_text(dataset, "PerformedStationAETitle") or association.device.ae_title,
        modality=_text(dataset, "Modality"),
        description=_text(dataset, "PerformedProcedureStepDescription"),
        series=_series(dataset) or (),
        shown={"name": name[:200], "id": _text(dataset, "PatientID")[:64], "born": born[:8]},
    )


def _reference(item: Dataset) -> StepReference:
    return StepReference(
        accession_number=_text(item, "AccessionNumber")[:16],
        requested_procedure_id=_text(item, "RequestedProcedureID")[:16],
        scheduled_step_id=_text(item, "ScheduledProcedureStepID")[:16],
        study_instance_uid=_text(item, "StudyInstanceUID")[:64],
    )


def _read_update(dataset: Dataset, uid: str, zone: ZoneInfo) -> service.StepUpdate:
    """PS3.4 Table F.7.2-1, N-SET. Raises _Fault."""
    state = _text(dataset, "PerformedProcedureStepStatus")
    if state and state not in STATES:
        raise _Fault(Status(INVALID_VALUE, f"no such status: {state[:16]}", (STATUS,)))
    reasons = dataset.get("PerformedProcedureStepDiscontinuationReasonCodeSequence") or []
    description = dataset.get("PerformedProcedureStepDescription")
    return service.StepUpdate(
        sop_instance_uid=uid,
        state=STATES[state] if state else None,
        ended_at=_instant(dataset, "PerformedProcedureStepEnd", zone),
        reason=" ".join(_text(reasons[0], word) for word in ("CodeValue", "CodeMeaning")).strip() if reasons else "",
        description=str(description) if description is not None else None,
        series=_series(dataset),
    )


def _series(dataset: Dataset) -> tuple[service.ListedSeries, ...] | None:
    """Performed Series Sequence (0040,0340); None when it is not in the message."""
    if "PerformedSeriesSequence" not in dataset:
        return None
    return tuple(
        service.ListedSeries(
            series_instance_uid=_text(item, "SeriesInstanceUID")[:64],
            objects=tuple(
                (_text(one, "ReferencedSOPClassUID")[:64], _text(one, "ReferencedSOPInstanceUID")[:64])
                for keyword in ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence")
                for one in item.get(keyword) or []
                if _text(one, "ReferencedSOPInstanceUID")
            ),
            description=_text(item, "SeriesDescription"),
            protocol=_text(item, "ProtocolName"),
        )
        for item in dataset.PerformedSeriesSequence or []
        if _text(item, "SeriesInstanceUID")
    )


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None:
        return ""
    return str(value[0]).strip() if isinstance(value, list) and value else str(value).strip()


def _instant(dataset: Dataset, keyword: str, zone: ZoneInfo) -> datetime | None:
    """…Date and …Time on the device's clock; None when absent or unreadable."""
    date, time = _text(dataset, f"{keyword}Date"), _text(dataset, f"{keyword}Time")
    if not date:
        return None
    try:
        there = datetime.strptime(date + (time[:6] or "0").ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return there.replace(tzinfo=zone).astimezone(UTC)
