"""Writing a report: saved as it is typed, and nothing of it is lost when two pages disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Conflict
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import NoSuchReport, ReportChanged, WrongPage, WrongReportState
from ris_pacs.reporting.models import Report, ReportVersion
from ris_pacs.reporting.rules import states
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.rules.text import Sections, clean_sections, is_empty
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.service.claims import Page

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Draft:
    """revision: of the report when the page last heard of it."""

    page: Page
    revision: int
    sections: Mapping[str, str]


@dataclass(frozen=True)
class Saved:
    """problem: why the text was set aside instead, with `theirs` being what the report says; None when it is saved."""

    revision: int
    problem: Conflict | None = None
    theirs: Sections | None = None


def autosave(uow: UnitOfWork, draft: Draft, actor: Actor) -> Saved:
    """Keep what was typed. A page that no longer has the say changes nothing, but its text is kept beside.

    Raises NoSuchExam, NoSuchReport, BadText, WrongPage (the text is of another patient: it is not kept here).
    """
    demand(actor, Right.REPORT_WRITE)
    sections = clean_sections(draft.sections)
    report = locked_report(uow, draft.page.exam_id)
    try:
        claim = claims.held(uow, draft.page, actor)
        check_revision(report, draft.revision)
    except WrongPage:
        raise
    except Conflict as problem:
        return _set_aside(uow, report, sections, problem, actor)
    claims.lease_on(uow, claim)
    before = queries.current_text(uow, report.id)
    if sections != before.sections:
        _write(uow, report, sections, before, actor)
    return Saved(report.revision)


def locked_report(uow: UnitOfWork, exam_id: int) -> Report:
    """The exam's report, held until the end of the transaction. Raises NoSuchReport."""
    known = queries.live_report(uow, exam_id)
    if known is None:
        raise NoSuchReport("Nobody has begun to report this exam.")
    report = uow.session.scalar(
        select(Report)
        .where(Report.id == known.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    assert report is not None
    return report


def check_revision(report: Report, seen: int) -> None:
    """Raises WrongReportState, ReportChanged."""
    if not states.may_be_written(report.state):
        raise WrongReportState("The report has been signed. A signed text is changed by an addendum or a correction.")
    if report.revision != seen:
        raise ReportChanged("The report was changed elsewhere since this page last saved.")


def _write(uow: UnitOfWork, report: Report, sections: Sections, before: queries.Text, actor: Actor) -> None:
    row = uow.session.get(ReportVersion, before.version_id) if before.version_id else None
    fresh = row is None or row.kind != Kind.DRAFT or row.author_id != actor.id
    if row is None or fresh or uow.now - row.made_at > states.DRAFT_SPAN:
        row = _draft_row(uow, report, sections, actor)
        row.addenda = before.addenda
        uow.session.add(row)
    row.sections, row.saved_at = sections, uow.now
    report.revision += 1
    uow.session.flush()
    number = orders.exam_order(uow, queries.exams_of_report(uow, report.id)[0], actor).accession_number
    audit.record_view(
        uow, actor, ("report", report.id), patient_id=report.patient_id, accession_number=number, action="write"
    )


def _draft_row(uow: UnitOfWork, report: Report, sections: Sections, actor: Actor) -> ReportVersion:
    return ReportVersion(
        report_id=report.id,
        kind=Kind.DRAFT,
        sections=sections,
        addenda=[],
        key_images=[],
        identity={},
        author_id=actor.id,
        author_name=actor.name,
        author_role=actor.role,
        made_at=uow.now,
        saved_at=uow.now,
    )


def _set_aside(uow: UnitOfWork, report: Report, sections: Sections, problem: Conflict, actor: Actor) -> Saved:
    theirs = queries.current_text(uow, report.id).sections
    if sections != theirs and not is_empty(sections):
        kept = queries.set_aside(uow, report.id, actor)
        if not kept or kept[0].sections != sections:
            row = _draft_row(uow, report, sections, actor)
            row.set_aside, row.reason = True, problem.message[:500]
            uow.session.add(row)
            uow.session.flush()
    return Saved(report.revision, problem, theirs)
