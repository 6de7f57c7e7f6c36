"""What waits to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.orders.rules import ExamState

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

URGENCY = case((Order.priority == "stat", 0), (Order.priority == "urgent", 1), else_=2)


@dataclass(frozen=True)
class ReadingRow:
    """picture: id of the instance that stands for the exam in the list, or None."""

    exam: orders.ExamRow
    images: int
    picture: int | None


def to_read(uow: UnitOfWork, actor: Actor, modality: str = "", limit: int = 100) -> Sequence[ReadingRow]:
    """Exams whose images are complete: the most urgent first, then who waits longest."""
    query = (
        select(RequestedProcedure.id)
        .join(Order)
        .where(RequestedProcedure.state == ExamState.TO_READ)
        .order_by(URGENCY, RequestedProcedure.state_since, RequestedProcedure.id)
        .limit(limit)
    )
    if modality:
        query = query.where(RequestedProcedure.modality == modality)
    ids = list(uow.session.scalars(query))
    rows = orders.exam_rows(uow, ids, actor)
    images, pictures = archive.image_counts(uow, ids), archive.thumbnails_of_exams(uow, ids)
    return [ReadingRow(rows[one], images.get(one, 0), pictures.get(one)) for one in ids if one in rows]


def count_to_read(uow: UnitOfWork, modality: str = "") -> int:
    query = select(func.count(RequestedProcedure.id)).where(RequestedProcedure.state == ExamState.TO_READ)
    if modality:
        query = query.where(RequestedProcedure.modality == modality)
    return uow.session.scalar(query) or 0
