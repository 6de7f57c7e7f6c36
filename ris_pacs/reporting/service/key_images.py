"""Images that a report shows: taken in from the viewer, of the exam's own studies only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import ForeignImage, WrongReportState
from ris_pacs.reporting.models import Report, ReportKeyImage
from ris_pacs.reporting.queries import images
from ris_pacs.reporting.rules import states
from ris_pacs.reporting.rules.text import clean
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.service.claims import Page
from ris_pacs.reporting.service.drafts import locked_report

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

LONGEST_CAPTION = 200


@dataclass(frozen=True)
class NewKeyImage:
    """frame counts from 1. Window None: as the object says."""

    page: Page
    study_instance_uid: str
    sop_instance_uid: str
    frame: int = 1
    window_center: float | None = None
    window_width: float | None = None
    caption: str = ""


def add_key_image(uow: UnitOfWork, new: NewKeyImage, actor: Actor) -> ReportKeyImage:
    """The same frame again gets the new window and caption. Raises ForeignImage, StalePage, WrongPage, Invalid."""
    report = _report_of_page(uow, new.page, actor)
    exams = queries.exams_of_report(uow, report.id)
    instance = images.instance_of_exams(uow, exams, new.study_instance_uid, new.sop_instance_uid)
    if instance is None:
        raise ForeignImage("This image does not belong to the exam that is being reported.")
    if not 1 <= new.frame <= (instance.frames or 1):
        raise Invalid("There is no such frame.", "frame")
    row = uow.session.scalar(
        select(ReportKeyImage).where(
            ReportKeyImage.report_id == report.id,
            ReportKeyImage.sop_instance_uid == new.sop_instance_uid,
            ReportKeyImage.frame == new.frame,
        )
    )
    if row is None:
        row = ReportKeyImage(
            report_id=report.id,
            instance_id=instance.id,
            study_instance_uid=new.study_instance_uid,
            sop_instance_uid=new.sop_instance_uid,
            frame=new.frame,
            added_at=uow.now,
            added_by=actor.name,
        )
        uow.session.add(row)
    row.window_center, row.window_width = new.window_center, new.window_width
    row.caption = _caption(new.caption) or row.caption or ""
    uow.session.flush()
    _record(uow, "add key image", report, actor)
    return row


def caption_key_image(uow: UnitOfWork, page: Page, key_image_id: int, caption: str, actor: Actor) -> None:
    """Raises ForeignImage, StalePage, WrongPage, Invalid."""
    report = _report_of_page(uow, page, actor)
    _own(uow, report, key_image_id).caption = _caption(caption)


def remove_key_image(uow: UnitOfWork, page: Page, key_image_id: int, actor: Actor) -> None:
    """Signed versions keep what they showed. Raises ForeignImage, StalePage, WrongPage."""
    report = _report_of_page(uow, page, actor)
    uow.session.delete(_own(uow, report, key_image_id))
    uow.session.flush()
    _record(uow, "remove key image", report, actor)


def _report_of_page(uow: UnitOfWork, page: Page, actor: Actor) -> Report:
    demand(actor, Right.REPORT_WRITE)
    claims.held(uow, page, actor)
    report = locked_report(uow, page.exam_id)
    if not states.may_be_written(report.state):
        raise WrongReportState("The report has been signed; its images stay as they are.")
    return report


def _own(uow: UnitOfWork, report: Report, key_image_id: int) -> ReportKeyImage:
    row = uow.session.get(ReportKeyImage, key_image_id)
    if row is None or row.report_id != report.id:
        raise ForeignImage("This report has no such image.")
    return row


def _caption(text: str) -> str:
    text = " ".join(clean(text).split())
    if len(text) > LONGEST_CAPTION:
        raise Invalid(f"A caption may have {LONGEST_CAPTION} characters.", "caption")
    return text


def _record(uow: UnitOfWork, action: str, report: Report, actor: Actor) -> None:
    order = orders.exam_order(uow, queries.exams_of_report(uow, report.id)[0], actor)
    audit.record(
        uow,
        actor,
        action,
        ("report", report.id),
        patient_id=report.patient_id,
        accession_number=order.accession_number,
    )
