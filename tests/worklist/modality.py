"""A modality that reports what it does (MPPS), at the core's door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients import queries as patients
from ris_pacs.patients.rules import Identity
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.worklist import queries, service
from ris_pacs.worklist.errors import StepEnded, StepExists
from ris_pacs.worklist.models import PerformedStep
from ris_pacs.worklist.queries import StepReference
from ris_pacs.worklist.service import ListedSeries
from tests import practice

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def listed(series_uid: str, *uids: str) -> ListedSeries:
    return ListedSeries(series_uid, tuple((CT_IMAGE, uid) for uid in uids), "Axial", "Chest")


@dataclass
class Modality:
    system: System
    title: str = "CT1"
    actor: Actor = field(init=False)
    device_id: int = field(init=False)

    def __post_init__(self) -> None:
        with read_only(self.system) as uow:
            device = catalog.known_device(uow, self.title)
            assert device is not None
            self.device_id, self.actor = device.id, device.actor("a1", "10.0.0.7")

    def begin(
        self,
        uid: str,
        *references: StepReference,
        identity: Identity | None = None,
        at: datetime | None = None,
        series: tuple[ListedSeries, ...] = (),
    ) -> None:
        with read_only(self.system) as uow:
            begun = service.BegunStep(
                sop_instance_uid=uid,
                references=references,
                identity=identity or Identity(),
                started_at=at or uow.now,
                identifier="P1",
                device_id=self.device_id,
                station_ae_title=self.title,
                modality="CT",
                series=series,
            )
        self._kept(lambda uow: service.begin_step(uow, begun, self.actor))

    def update(self, uid: str, state: str | None = None, **said: object) -> None:
        update = service.StepUpdate(uid, state, **said)  # type: ignore[arg-type]
        self._kept(lambda uow: service.update_step(uow, update, self.actor))

    def complete(self, uid: str, *series: ListedSeries, **said: object) -> None:
        self.update(uid, "completed", series=series or None, **said)

    def _kept(self, work) -> None:
        """As the edge has it: what was out of order stays noted, also when it is refused."""
        problem: DomainError | None = None
        with unit_of_work(self.system) as uow:
            try:
                work(uow)
            except (StepExists, StepEnded) as noted:
                problem = noted
        if problem is not None:
            raise problem


def reference(system: System, booked: practice.Booked, **differing: str) -> StepReference:
    """The exam as the worklist named it."""
    with read_only(system) as uow:
        row = scheduling.step_row(uow, booked.step_id, PROGRAM)
        exam = orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0]
    said = {
        "accession_number": booked.accession_number,
        "requested_procedure_id": exam.identifier,
        "scheduled_step_id": row.identifier,
        "study_instance_uid": booked.study_instance_uid,
    }
    return StepReference(**{**said, **differing})


def identity(system: System, patient_id: int) -> Identity:
    """The patient as the worklist named it."""
    with read_only(system) as uow:
        known = patients.patient(uow, patient_id, PROGRAM)
        return Identity(known.mrn, None, known.name, known.birth_date or "", known.sex)


def somebody_else() -> Identity:
    return Identity("X-1", None, PersonName.from_dicom("SMITH^JOHN"), "1950-01-01", "M")


def state(system: System, booked: practice.Booked) -> tuple[str, str]:
    """Of the exam and of its step."""
    with read_only(system) as uow:
        row = scheduling.step_row(uow, booked.step_id, PROGRAM)
        return row.exam.state, row.state


def notes(system: System, booked: practice.Booked) -> list[str]:
    with read_only(system) as uow:
        return [one.code for one in orders.open_oddities(uow, booked.exam_id)]


def performed(system: System, uid: str) -> PerformedStep:
    with read_only(system) as uow:
        found = queries.by_sop_instance(uow, uid)
        assert found is not None
        return found


def objects(system: System, uid: str) -> dict[str, list[str]]:
    """Series → instances, as the performed step lists them now."""
    with read_only(system) as uow:
        found = queries.by_sop_instance(uow, uid)
        assert found is not None
        return {
            series.series_instance_uid: [one.sop_instance_uid for one in series.objects]
            for series in queries.series_of(uow, found.id)
        }
