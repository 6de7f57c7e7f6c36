"""Who reads an exam: taking it, giving it back, the next one. One reader for each exam, whoever is faster."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from ris_pacs.archive import queries as archive
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.rights import Right, demand, may
from ris_pacs.orders import queries as orders
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import WORDS, ExamState, Move
from ris_pacs.orders.service.exams import locked_exam, move_exam
from ris_pacs.patients import queries as patients
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import ReadByOther, StalePage, WrongPage, WrongReportState
from ris_pacs.reporting.models import ReadingClaim, Report, ReportExam
from ris_pacs.reporting.rules import states

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Page:
    """What a page of the reading room says that it shows. token: given by `open_case`."""

    exam_id: int
    patient_id: int
    token: str


@dataclass(frozen=True)
class Opened:
    page: Page
    report_id: int
    revision: int
    sections: dict[str, str]


@dataclass(frozen=True)
class NextCase:
    """modality: "" for any. after: the exam that is left, which is not offered again."""

    modality: str = ""
    after: int = 0


def open_case(uow: UnitOfWork, exam_id: int, actor: Actor) -> Opened:
    """The exam is this reader's, and the page that asks is the one that may write.

    Other exams that the reader has open wait, each without a page; where nothing was written they go back.
    Raises NoSuchExam, ReadByOther, WrongReportState, Forbidden.
    """
    _reader(actor)
    order = orders.exam_order(uow, exam_id, actor)
    covered = read_together(uow, exam_id)
    exams = {one: locked_exam(uow, one) for one in covered}
    state = exams[exam_id].state
    if state not in states.readable(may(actor, Right.REPORT_SIGN)):
        raise WrongReportState(f"The exam is {WORDS[ExamState(state)].lower()}; it cannot be read now.")
    _leave_others(uow, covered, actor)
    page = Page(exam_id, order.patient_id, secrets.token_urlsafe(32))
    for one in covered:
        claim_for(uow, one, page, actor)
        if exams[one].state == ExamState.TO_READ:
            move_exam(uow, one, Move.BEGIN_READING, actor)
    report = queries.live_report(uow, exam_id) or _begun_report(uow, exam_id, order, actor)
    uow.session.flush()
    uow.touch(f"site:{order.site_id}")
    return Opened(page, report.id, report.revision, queries.current_text(uow, report.id).sections)


def read_together(uow: UnitOfWork, exam_id: int) -> list[int]:
    """The exam and those that its report covers with it, in the order in which they are locked."""
    report = queries.live_report(uow, exam_id)
    return queries.exams_of_report(uow, report.id) if report else [exam_id]


def claim_for(uow: UnitOfWork, exam_id: int, page: Page, actor: Actor) -> None:
    """The exam, which is held, is read on this page from now on. Raises ReadByOther."""
    claim = _taken(uow, exam_id, _reader(actor), actor)
    claim.page_token, claim.occasion = page.token, actor.occasion[:64]
    claim.images = archive.image_count(uow, exam_id)
    claim.patient_id = patients.linked_ids(uow, page.patient_id)[0]


def _reader(actor: Actor) -> int:
    demand(actor, Right.REPORT_WRITE)
    if actor.kind != "user" or actor.id is None:
        raise Forbidden("Only a person reads exams.")
    return actor.id


def _taken(uow: UnitOfWork, exam_id: int, user_id: int, actor: Actor) -> ReadingClaim:
    """The claim on an exam that is held; a lease that has run out is nobody's."""
    claim = uow.session.get(ReadingClaim, exam_id, populate_existing=True)
    if claim is not None and claim.user_id != user_id and claim.leased_until > uow.now:
        raise ReadByOther(f"{claim.user_name} is reading this exam.")
    if claim is None or claim.user_id != user_id:
        if claim is not None:
            uow.session.delete(claim)
            uow.session.flush()
        claim = ReadingClaim(requested_procedure_id=exam_id, user_id=user_id, user_name=actor.name, since=uow.now)
        claim.leased_until = uow.now
        uow.session.add(claim)
        _record(uow, "claim exam", exam_id, actor)
    lease_on(uow, claim)
    return claim


def _begun_report(uow: UnitOfWork, exam_id: int, order: Order, actor: Actor) -> Report:
    report = Report(patient_id=order.patient_id, made_at=uow.now, made_by=actor.name)
    uow.session.add(report)
    uow.session.flush()
    uow.session.add(ReportExam(report_id=report.id, requested_procedure_id=exam_id))
    return report


def _leave_others(uow: UnitOfWork, staying: Sequence[int], actor: Actor) -> None:
    """One exam at a time is open at a sign-in."""
    others = uow.session.scalars(
        select(ReadingClaim.requested_procedure_id)
        .where(
            ReadingClaim.user_id == actor.id,
            ReadingClaim.requested_procedure_id.not_in(staying),
            ReadingClaim.occasion == actor.occasion[:64],
        )
        .order_by(ReadingClaim.requested_procedure_id)
    ).all()
    for other in others:
        if queries.has_draft(uow, other):
            uow.session.execute(
                update(ReadingClaim).where(ReadingClaim.requested_procedure_id == other).values(page_token="")
            )
        else:
            _give_back(uow, other, actor)


def release(uow: UnitOfWork, exam_id: int, actor: Actor, token: str = "") -> None:
    """Somebody else may read it; what was written stays with the exam.

    token: only if this page still has the say, for a page that goes away by itself.
    Raises NoSuchExam, StalePage, Forbidden.
    """
    user_id = _reader(actor)
    locked_exam(uow, exam_id)
    claim = uow.session.get(ReadingClaim, exam_id, populate_existing=True)
    if claim is None or claim.user_id != user_id or (token and claim.page_token != token):
        raise StalePage("You are not reading this exam.")
    _give_back(uow, exam_id, actor)


def _give_back(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    for one in read_together(uow, exam_id):
        exam = locked_exam(uow, one)
        drop_claim(uow, one)
        _record(uow, "release exam", one, actor)
        if exam.state == ExamState.READING:
            move_exam(uow, one, Move.STOP_READING, actor)
    for site_id in orders.sites_of_exams(uow, [exam_id]):
        uow.touch(f"site:{site_id}")


def drop_claim(uow: UnitOfWork, exam_id: int) -> None:
    uow.session.execute(delete(ReadingClaim).where(ReadingClaim.requested_procedure_id == exam_id))


def next_case(uow: UnitOfWork, wanted: NextCase, actor: Actor) -> int | None:
    """Claims the most urgent exam that nobody reads; None when there is none."""
    user_id = _reader(actor)
    skipped = [wanted.after]
    while True:
        exam_id = queries.next_waiting(uow, wanted.modality, skipped, actor)
        if exam_id is None:
            return None
        exam = locked_exam(uow, exam_id)
        try:  # Between the look and the lock a colleague may have been faster.
            if exam.state in states.readable(may(actor, Right.REPORT_SIGN)):
                _taken(uow, exam_id, user_id, actor)
                uow.session.flush()
                return exam_id
        except ReadByOther:
            pass
        skipped.append(exam_id)


def held(uow: UnitOfWork, page: Page, actor: Actor) -> ReadingClaim:
    """The claim of the page that may write. Raises WrongPage, StalePage, NoSuchExam."""
    order = orders.exam_order(uow, page.exam_id, actor)
    if order.patient_id != page.patient_id:
        raise WrongPage("The page shows another patient than this exam has. Nothing was saved; load it again.")
    claim = uow.session.get(ReadingClaim, page.exam_id, populate_existing=True, with_for_update=True)
    if claim is None:
        raise StalePage("You no longer have this exam. Open it again to go on.")
    if claim.user_id != actor.id:
        raise StalePage(f"{claim.user_name} is reading this exam now.")
    if not page.token or not secrets.compare_digest(claim.page_token, page.token):
        raise StalePage("You have opened another exam, or this one again, in another window.")
    return claim


def lease_on(uow: UnitOfWork, claim: ReadingClaim) -> None:
    claim.leased_until = uow.now + states.LEASE


def _record(uow: UnitOfWork, action: str, exam_id: int, actor: Actor) -> None:
    order = orders.exam_order(uow, exam_id, actor)
    exam = next(one for one in order.exams if one.id == exam_id)
    audit.record(
        uow,
        actor,
        action,
        ("exam", exam.identifier),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
    )
