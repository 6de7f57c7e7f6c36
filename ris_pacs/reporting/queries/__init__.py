"""Reads of reports: the reading list, what an exam's report says now, and what each reader may see of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, may
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.orders.rules import ExamState
from ris_pacs.reporting.errors import NoSuchReport, NoSuchVersion
from ris_pacs.reporting.models import ReadingClaim as ReadingClaim
from ris_pacs.reporting.models import Report as Report
from ris_pacs.reporting.models import ReportExam
from ris_pacs.reporting.models import ReportVersion as ReportVersion
from ris_pacs.reporting.rules import seal, states
from ris_pacs.reporting.rules.text import Sections, empty_sections

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

URGENCY = case((Order.priority == "stat", 0), (Order.priority == "urgent", 1), else_=2)


# --- the reading list


@dataclass(frozen=True)
class Reader:
    """Who has an exam open. mine: the actor has. lapsed: no sign of life for longer than the lease."""

    name: str
    since: datetime
    mine: bool
    lapsed: bool


@dataclass(frozen=True)
class ReadingRow:
    """picture: id of the instance that stands for the exam in the list, or None. draft: something is written."""

    exam: orders.ExamRow
    images: int
    picture: int | None
    reader: Reader | None = None
    draft: bool = False


def to_read(
    uow: UnitOfWork, actor: Actor, modality: str = "", state: str = "", limit: int = 100
) -> Sequence[ReadingRow]:
    """Exams whose images are complete and whose report is not final: the most urgent first, then who waits longest."""
    query = (
        select(RequestedProcedure.id)
        .join(Order)
        .where(*_listed(modality, state))
        .order_by(URGENCY, RequestedProcedure.state_since, RequestedProcedure.id)
        .limit(limit)
    )
    ids = list(uow.session.scalars(query))
    rows = orders.exam_rows(uow, ids, actor)
    images, pictures = archive.image_counts(uow, ids), archive.thumbnails_of_exams(uow, ids)
    readers, drafts = readers_of(uow, ids, actor), _with_draft(uow, ids)
    return [
        ReadingRow(rows[one], images.get(one, 0), pictures.get(one), readers.get(one), one in drafts)
        for one in ids
        if one in rows
    ]


def _listed(modality: str, state: str) -> list[ColumnElement[bool]]:
    wanted = [state] if state else [*states.READABLE, *states.TO_COSIGN]
    found: list[ColumnElement[bool]] = [RequestedProcedure.state.in_(wanted)]
    if modality:
        found.append(RequestedProcedure.modality == modality)
    return found


def count_listed(uow: UnitOfWork, modality: str = "", state: str = "") -> int:
    query = select(func.count(RequestedProcedure.id)).where(*_listed(modality, state))
    return uow.session.scalar(query) or 0


def count_to_read(uow: UnitOfWork, modality: str = "") -> int:
    return count_listed(uow, modality, ExamState.TO_READ)


def readers_of(uow: UnitOfWork, exam_ids: Iterable[int], actor: Actor) -> dict[int, Reader]:
    """Exam id → who reads it, for those that somebody does."""
    claims = uow.session.scalars(select(ReadingClaim).where(ReadingClaim.requested_procedure_id.in_(list(exam_ids))))
    return {
        one.requested_procedure_id: Reader(
            one.user_name,
            one.since,
            actor.kind == "user" and one.user_id == actor.id,
            one.leased_until <= uow.now,
        )
        for one in claims
    }


def claim_of(uow: UnitOfWork, exam_id: int) -> ReadingClaim | None:
    return uow.session.get(ReadingClaim, exam_id)


def _with_draft(uow: UnitOfWork, exam_ids: Sequence[int]) -> set[int]:
    """Those of the exams for which something is written and not signed."""
    drafts = (
        select(ReportExam.requested_procedure_id)
        .join(ReportVersion, ReportVersion.report_id == ReportExam.report_id)
        .join(Report, Report.id == ReportExam.report_id)
        .where(
            ReportExam.requested_procedure_id.in_(exam_ids),
            ReportExam.live,
            Report.state.in_(["draft", "preliminary"]),
            ReportVersion.kind == states.Kind.DRAFT,
        )
    )
    return set(uow.session.scalars(drafts.distinct()))


def has_draft(uow: UnitOfWork, exam_id: int) -> bool:
    return exam_id in _with_draft(uow, [exam_id])


def next_waiting(uow: UnitOfWork, modality: str, skipped: Sequence[int], actor: Actor) -> int | None:
    """The exam that is next in the list's order and that nobody reads."""
    claimed = exists().where(
        ReadingClaim.requested_procedure_id == RequestedProcedure.id, ReadingClaim.leased_until > uow.now
    )
    query = (
        select(RequestedProcedure.id)
        .join(Order)
        .where(
            RequestedProcedure.state.in_(states.readable(may(actor, Right.REPORT_SIGN))),
            RequestedProcedure.id.not_in(skipped),
            ~claimed,
        )
        .order_by(URGENCY, RequestedProcedure.state_since, RequestedProcedure.id)
        .limit(1)
    )
    if modality:
        query = query.where(RequestedProcedure.modality == modality)
    return uow.session.scalar(query)


# --- reports and their versions


@dataclass(frozen=True)
class Text:
    """What a report says now. version_id: the row that holds it, None when nothing was written yet."""

    sections: Sections
    addenda: list[dict[str, str]]
    version_id: int | None
    kind: str


def live_report(uow: UnitOfWork, exam_id: int) -> Report | None:
    """The exam's report; one that was withdrawn is none."""
    return uow.session.scalar(_live(exam_id))


def _live(exam_id: int) -> Select[Report]:
    return (
        select(Report)
        .join(ReportExam, ReportExam.report_id == Report.id)
        .where(ReportExam.requested_procedure_id == exam_id, ReportExam.live)
    )


def exams_of_report(uow: UnitOfWork, report_id: int) -> list[int]:
    """Ids of the exams that it covers, in order."""
    return list(
        uow.session.scalars(
            select(ReportExam.requested_procedure_id)
            .where(ReportExam.report_id == report_id)
            .order_by(ReportExam.requested_procedure_id)
        )
    )


def accession_numbers(uow: UnitOfWork, exam_id: int) -> list[str]:
    query = select(Order.accession_number).join(RequestedProcedure).where(RequestedProcedure.id == exam_id)
    return list(uow.session.scalars(query))


def reports_of_exam(uow: UnitOfWork, exam_id: int) -> list[Report]:
    """With those that were withdrawn, the newest first."""
    return list(
        uow.session.scalars(
            select(Report)
            .join(ReportExam, ReportExam.report_id == Report.id)
            .where(ReportExam.requested_procedure_id == exam_id)
            .order_by(Report.id.desc())
        )
    )


def current_text(uow: UnitOfWork, report_id: int) -> Text:
    """The latest draft or signed version, whichever is newer; what was set aside does not count."""
    row = uow.session.scalar(
        select(ReportVersion)
        .where(ReportVersion.report_id == report_id, ReportVersion.set_aside.is_(False))
        .order_by(ReportVersion.id.desc())
        .limit(1)
    )
    if row is None:
        return Text(empty_sections(), [], None, states.Kind.DRAFT)
    return Text({**empty_sections(), **row.sections}, list(row.addenda), row.id, row.kind)


def signed_versions(uow: UnitOfWork, report_id: int) -> list[ReportVersion]:
    """In the order in which they were signed."""
    return list(
        uow.session.scalars(
            select(ReportVersion)
            .where(ReportVersion.report_id == report_id, ReportVersion.number.is_not(None))
            .order_by(ReportVersion.number)
        )
    )


def set_aside(uow: UnitOfWork, report_id: int, actor: Actor) -> list[ReportVersion]:
    """Texts of this person that came from a page which no longer had the say, the newest first."""
    return list(
        uow.session.scalars(
            select(ReportVersion)
            .where(
                ReportVersion.report_id == report_id,
                ReportVersion.set_aside.is_(True),
                ReportVersion.author_id == actor.id,
            )
            .order_by(ReportVersion.id.desc())
            .limit(20)
        )
    )


def version(uow: UnitOfWork, version_id: int) -> ReportVersion:
    """For subscribers, who know that it is there. Raises NoSuchVersion."""
    found = uow.session.get(ReportVersion, version_id)
    if found is None:
        raise NoSuchVersion("There is no such version.")
    return found


def faults(uow: UnitOfWork, report_id: int) -> list[str]:
    """What is wrong with the seals of a report's signed versions, in words; empty when all is as it was signed."""
    found, previous = [], seal.FIRST_HASH
    for number, row in enumerate(signed_versions(uow, report_id), start=1):
        if row.number != number or row.previous_hash != previous:
            found.append(f"report {report_id}: version {row.number} does not follow the one before it")
        if seal.digest(as_signed(row)) != row.hash:
            found.append(f"report {report_id}: version {row.number} is not as it was signed")
        previous = row.hash or ""
    return found


def broken_seals(uow: UnitOfWork) -> Iterator[str]:
    """What is wrong with any report, in words."""
    for report_id in list(uow.session.scalars(select(Report.id).order_by(Report.id))):
        yield from faults(uow, report_id)
        uow.session.expunge_all()


def as_signed(row: ReportVersion) -> seal.Signed:
    assert row.number is not None
    assert row.signed_at is not None
    assert row.previous_hash is not None
    return seal.Signed(
        report_id=row.report_id,
        number=row.number,
        kind=row.kind,
        sections=row.sections,
        addenda=row.addenda,
        key_images=row.key_images,
        identity=row.identity,
        author_id=row.author_id,
        author_name=row.author_name,
        author_role=row.author_role,
        reason=row.reason,
        signed_at=row.signed_at,
        previous_hash=row.previous_hash,
    )


# --- what each reader may see


@dataclass(frozen=True)
class Shown:
    """The report of an exam as a reader sees it. latest: the version whose text is shown, None when it may not be.

    withdrawn: the last report that was taken back, where no other has been signed since.
    """

    report: Report
    latest: ReportVersion | None
    versions: Sequence[ReportVersion]
    withdrawn: ReportVersion | None = None


def shown_report(uow: UnitOfWork, exam_id: int, actor: Actor) -> Shown | None:
    """None where there is nothing to show. Referrers get what is final and not withdrawn, never a draft.

    The caller has found that the actor may see the exam.
    """
    if not may(actor, Right.REPORT_VIEW):
        return None
    for report in reports_of_exam(uow, exam_id):
        versions = signed_versions(uow, report.id)
        if not actor.is_staff:
            if not any(one.kind in states.FOR_REFERRERS for one in versions):
                continue
            versions = [one for one in versions if one.kind != states.Kind.PRELIMINARY]
        if not versions:
            continue
        last = versions[-1]
        if last.kind == states.Kind.WITHDRAWN:
            return Shown(report, None, versions, last)
        return Shown(report, last, versions)
    return None


def latest_of_patient(
    uow: UnitOfWork, patient_ids: Sequence[int], but: int, actor: Actor, limit: int = 12
) -> list[tuple[orders.ExamRow, ReportVersion]]:
    """The newest signed text of each earlier report of a patient, the latest exam first; two queries and the rows'."""
    newest = (
        select(func.max(ReportVersion.id))
        .join(Report, Report.id == ReportVersion.report_id)
        .where(
            Report.patient_id.in_(patient_ids),
            Report.state.in_(["preliminary", "final"]),
            ReportVersion.number.is_not(None),
        )
        .group_by(ReportVersion.report_id)
    )
    found = uow.session.execute(
        select(ReportVersion, ReportExam.requested_procedure_id)
        .join(ReportExam, and_(ReportExam.report_id == ReportVersion.report_id, ReportExam.live))
        .where(ReportVersion.id.in_(newest), ReportExam.requested_procedure_id != but)
        .order_by(ReportVersion.signed_at.desc())
        .limit(limit)
    ).all()
    rows = orders.exam_rows(uow, [exam_id for _, exam_id in found], actor)
    return [(rows[exam_id], one) for one, exam_id in found if exam_id in rows]


def report(uow: UnitOfWork, report_id: int) -> Report:
    """Raises NoSuchReport."""
    found = uow.session.get(Report, report_id)
    if found is None:
        raise NoSuchReport("There is no such report.")
    return found
