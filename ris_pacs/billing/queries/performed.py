"""What was performed, for whoever bills it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import ExamHistory, RequestedProcedure
from ris_pacs.orders.rules import BEGUN
from ris_pacs.scheduling.rules import day_span

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ris_pacs.kernel.uow import UnitOfWork


def performed(
    uow: UnitOfWork, first: date, last: date, zone: ZoneInfo, actor: Actor, limit: int = 2000
) -> Sequence[orders.ExamRow]:
    """Exams that began on these days at the site, and so can be billed, by when they began."""
    begun = (
        select(ExamHistory.requested_procedure_id, ExamHistory.at)
        .join(RequestedProcedure, RequestedProcedure.id == ExamHistory.requested_procedure_id)
        .where(
            ExamHistory.to_state == "in-progress",
            ExamHistory.at >= day_span(first, zone).begins,
            ExamHistory.at < day_span(last, zone).ends,
            RequestedProcedure.state.in_(BEGUN),
        )
        .order_by(ExamHistory.at, ExamHistory.id)
        .limit(limit)
    )
    ids = list(dict.fromkeys(row.requested_procedure_id for row in uow.session.execute(begun)))
    rows = orders.exam_rows(uow, ids, actor)
    return [rows[one] for one in ids if one in rows]
