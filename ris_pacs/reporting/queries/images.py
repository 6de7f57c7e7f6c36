"""Which images belong to a report, and those that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ris_pacs.archive.models import Instance, Series, Study, StudyLink
from ris_pacs.reporting.models import ReportKeyImage

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def instance_of_exams(uow: UnitOfWork, exam_ids: Sequence[int], study_uid: str, sop_uid: str) -> Instance | None:
    """The instance, if it is of a study that answers one of these exams."""
    return uow.session.scalar(
        select(Instance)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .join(StudyLink, StudyLink.study_id == Study.id)
        .where(
            Instance.sop_instance_uid == sop_uid,
            Study.study_instance_uid == study_uid,
            StudyLink.requested_procedure_id.in_(exam_ids),
            StudyLink.undone_at.is_(None),
        )
        .limit(1)
    )


def key_images(uow: UnitOfWork, report_id: int) -> list[ReportKeyImage]:
    return list(
        uow.session.scalars(
            select(ReportKeyImage).where(ReportKeyImage.report_id == report_id).order_by(ReportKeyImage.id)
        )
    )


def foreign(uow: UnitOfWork, report_id: int, exam_ids: Sequence[int]) -> list[ReportKeyImage]:
    """Key images whose study no longer answers an exam of the report."""
    own = (
        select(Series.id)
        .join(StudyLink, StudyLink.study_id == Series.study_id)
        .where(StudyLink.requested_procedure_id.in_(exam_ids), StudyLink.undone_at.is_(None))
    )
    return list(
        uow.session.scalars(
            select(ReportKeyImage)
            .join(Instance, Instance.id == ReportKeyImage.instance_id)
            .where(ReportKeyImage.report_id == report_id, Instance.series_id.not_in(own))
            .order_by(ReportKeyImage.id)
        )
    )


def as_shown(rows: Sequence[ReportKeyImage]) -> list[dict[str, Any]]:
    """As a signed version keeps them."""
    return [
        {
            "study": one.study_instance_uid,
            "instance": one.sop_instance_uid,
            "instance_id": one.instance_id,
            "frame": one.frame,
            "window": None if one.window_center is None else [one.window_center, one.window_width],
            "caption": one.caption,
        }
        for one in rows
    ]
