"""Boards hear of every change that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.archive.events import CaseOpened, InstancesStored
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.events import ExamMoved, OrderChanged, OrderPlaced
from ris_pacs.patients.events import PatientChanged

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def exam_moved(uow: UnitOfWork, event: ExamMoved, actor: Actor) -> None:
    _touch_exams(uow, [event.requested_procedure_id])


def order_placed(uow: UnitOfWork, event: OrderPlaced, actor: Actor) -> None:
    uow.touch(f"site:{orders.site_of_order(uow, event.order_id)}")


def order_changed(uow: UnitOfWork, event: OrderChanged, actor: Actor) -> None:
    uow.touch(f"site:{orders.site_of_order(uow, event.order_id)}")


def images_came(uow: UnitOfWork, event: InstancesStored, actor: Actor) -> None:
    for site_id in event.site_ids:
        uow.touch(f"site:{site_id}")
    uow.touch("archive")


def case_opened(uow: UnitOfWork, event: CaseOpened, actor: Actor) -> None:
    uow.touch("archive")


def patient_changed(uow: UnitOfWork, event: PatientChanged, actor: Actor) -> None:
    for site_id in orders.sites_of_patient(uow, event.patient_id):
        uow.touch(f"site:{site_id}")


def _touch_exams(uow: UnitOfWork, exam_ids: list[int]) -> None:
    for site_id in orders.sites_of_exams(uow, exam_ids):
        uow.touch(f"site:{site_id}")
