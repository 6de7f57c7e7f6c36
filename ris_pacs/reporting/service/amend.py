"""After the signature: what is added, mended or taken back comes as a new version; the old one stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.accounts.service import Confirmation
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import BadText, ChecksFailed, ReportChanged, WrongPage
from ris_pacs.reporting.events import ReportSigned, ReportWithdrawn
from ris_pacs.reporting.models import Report, ReportExam, ReportVersion
from ris_pacs.reporting.rules import checks, states
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.rules.text import LONGEST_SECTION, clean, clean_sections, fields_of
from ris_pacs.reporting.service.sign import NewVersion, add_version, check_confirmation, findings, finish, hold

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Seen:
    """The signed version that the person has before their eyes. number: of the version, not of the row."""

    exam_id: int
    patient_id: int
    number: int
    confirmation: Confirmation


@dataclass(frozen=True)
class Addendum:
    seen: Seen
    text: str


@dataclass(frozen=True)
class Correction:
    """reason: what was wrong. accepted: codes of the warnings that are confirmed."""

    seen: Seen
    sections: Mapping[str, str]
    reason: str
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Withdrawal:
    """reason: why the report must not be relied on, e.g. whose it is in truth."""

    seen: Seen
    reason: str


def add_addendum(uow: UnitOfWork, new: Addendum, actor: Actor) -> ReportVersion:
    """The signed text stays, the addendum stands below it.

    Raises BadText, NotConfirmed, ReportChanged, WrongPage, WrongReportState, NoSuchReport, Forbidden.
    """
    report, before = _of_seen(uow, new.seen, Kind.ADDENDUM, actor)
    text = clean(new.text).strip()
    if not text:
        raise BadText("The addendum is empty.", "text")
    if len(text) > LONGEST_SECTION:
        raise BadText(f"An addendum may have {LONGEST_SECTION:,} characters.", "text")
    if fields_of(text):
        raise BadText(f"{fields_of(text)[0]} is not filled in.", "text")
    last = before[-1]
    addenda = [*last.addenda, {"text": text, "by": actor.name, "at": uow.now.isoformat()}]
    return _signed(uow, report, NewVersion(Kind.ADDENDUM, last.sections, addenda), before, actor)


def correct(uow: UnitOfWork, new: Correction, actor: Actor) -> ReportVersion:
    """The text as it should have been, in a new version that says what was wrong.

    Raises BadText, ChecksFailed, NotConfirmed, ReportChanged, WrongPage, WrongReportState, NoSuchReport, Forbidden.
    """
    report, before = _of_seen(uow, new.seen, Kind.CORRECTED, actor)
    sections = clean_sections(new.sections)
    reason = _reason(new.reason, "What was wrong? Say it in a few words.")
    if sections == before[-1].sections:
        raise BadText("Nothing is other than in the signed text.", "impression")
    found = checks.outstanding(findings(uow, report, sections, None, actor), new.accepted)
    if found:
        raise ChecksFailed(found)
    return _signed(uow, report, NewVersion(Kind.CORRECTED, sections, before[-1].addenda, reason), before, actor)


def withdraw(uow: UnitOfWork, new: Withdrawal, actor: Actor) -> ReportVersion:
    """A report of the wrong patient or exam: its text is kept behind a notice, and the exam is to be read again.

    Raises BadText, NotConfirmed, ReportChanged, WrongPage, WrongReportState, NoSuchReport, Forbidden.
    """
    report, before = _of_seen(uow, new.seen, Kind.WITHDRAWN, actor)
    reason = _reason(new.reason, "Why is it withdrawn? Say it in a few words.")
    last = before[-1]
    version = add_version(uow, report, NewVersion(Kind.WITHDRAWN, last.sections, last.addenda, reason), before, actor)
    report.state = states.next_state(report.state, Kind.WITHDRAWN)
    finish(uow, report, version, actor, detail={})
    for row in uow.session.scalars(select(ReportExam).where(ReportExam.report_id == report.id)):
        row.live = False
    uow.session.flush()
    uow.emit(ReportWithdrawn(report.id, version.id), actor)
    return version


def _of_seen(uow: UnitOfWork, seen: Seen, kind: Kind, actor: Actor) -> tuple[Report, list[ReportVersion]]:
    demand(actor, Right.REPORT_SIGN)
    check_confirmation(uow, seen.confirmation, actor)
    if orders.exam_order(uow, seen.exam_id, actor).patient_id != seen.patient_id:
        raise WrongPage("The page shows another patient than this exam has. Nothing was saved; load it again.")
    report = hold(uow, seen.exam_id)
    states.next_state(report.state, kind)
    before = queries.signed_versions(uow, report.id)
    if before[-1].number != seen.number:
        raise ReportChanged("The report has a newer version than the one that you have before you. Load it again.")
    return report, before


def _reason(text: str, question: str) -> str:
    text = " ".join(clean(text).split())
    if len(text) < 3:
        raise BadText(question, "reason")
    if len(text) > 500:
        raise BadText("A reason may have 500 characters.", "reason")
    return text


def _signed(
    uow: UnitOfWork, report: Report, new: NewVersion, before: list[ReportVersion], actor: Actor
) -> ReportVersion:
    version = add_version(uow, report, new, before, actor)
    finish(uow, report, version, actor, detail={})
    uow.emit(ReportSigned(report.id, version.id, new.kind), actor)
    return version
