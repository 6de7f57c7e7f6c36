"""The biller's work list: missing charges, and claims by what is to be done with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from ris_pacs.accounts.queries import visible
from ris_pacs.billing.errors import NoSuchClaim
from ris_pacs.billing.models import Charge, ChargeCase, ClaimHistory
from ris_pacs.billing.models import Claim as Claim
from ris_pacs.billing.queries.money import owed_of
from ris_pacs.billing.rules.states import BEFORE_SENDING, OPEN_CASES, CaseState, ClaimState
from ris_pacs.catalog.models import Payer
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.text import after_prefix
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Coverage

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# Which claims each list shows. Held ones are in a list of their own.
_HELD = Claim.held != ""
LISTS: dict[str, ColumnElement[bool]] = {
    "mend": and_(Claim.state.in_((ClaimState.CHARGED, ClaimState.CODED)), ~_HELD),
    "ready": and_(Claim.state == ClaimState.READY, ~_HELD),
    "sent": Claim.state == ClaimState.SENT,
    "denied": and_(Claim.state == ClaimState.DENIED, ~_HELD),
    "held": and_(_HELD, Claim.state.in_((*BEFORE_SENDING, ClaimState.DENIED))),
    "paid": Claim.state == ClaimState.PAID,
    "closed": Claim.state.in_((ClaimState.WRITTEN_OFF, ClaimState.UNCHARGED)),
}
# These grow for ever and ask nothing of anybody: the newest first, and not counted.
_DONE = ("paid", "closed")


@dataclass(frozen=True)
class ClaimRow:
    """A claim in a list. total_cents: what is charged; owed_cents: what it still has to bring."""

    id: int
    number: str
    state: str
    state_since: datetime
    service_day: date
    payer: str
    filing_days: int | None
    held: str
    findings: int
    first_finding: str
    total_cents: int
    owed_cents: int
    exam: orders.ExamRow


@dataclass(frozen=True)
class CaseRow:
    """An exam that is not charged, and why."""

    state: str
    reason: str
    since: datetime
    exam: orders.ExamRow


@dataclass(frozen=True)
class ClaimFilter:
    """after: the (instant, id) that the page before ended with. text: a claim's number, or an accession number."""

    show: str = "mend"
    payer_id: int | None = None
    text: str = ""
    after: tuple[datetime, int] | None = None


def counts(uow: UnitOfWork) -> dict[str, int]:
    """How many wait in each list that somebody works on, and "missing" for exams without a charge."""
    open_states = (ClaimState.CHARGED, ClaimState.CODED, ClaimState.READY, ClaimState.SENT, ClaimState.DENIED)
    held = _HELD.label("held")
    query = select(Claim.state, held, func.count()).where(Claim.state.in_(open_states)).group_by(Claim.state, held)
    found = dict.fromkeys(("missing", *LISTS), 0)
    for state, is_held, count in uow.session.execute(query):
        found[_list_of(state, is_held)] += count
    found["missing"] = count_missing(uow)
    return found


def _list_of(state: str, held: bool) -> str:
    if state == ClaimState.SENT:
        return "sent"
    if held:
        return "held"
    return {ClaimState.READY: "ready", ClaimState.DENIED: "denied"}.get(ClaimState(state), "mend")


def count_missing(uow: UnitOfWork) -> int:
    """Exams that somebody has to do something about; those that wait for their report are on their way."""
    wanted = ChargeCase.state.in_((CaseState.FAILED, CaseState.DECIDE))
    return uow.session.scalar(select(func.count()).select_from(ChargeCase).where(wanted)) or 0


def claims(uow: UnitOfWork, wanted: ClaimFilter, actor: Actor, limit: int = 100) -> list[ClaimRow]:
    """One row more than limit when there are more."""
    newest_first = wanted.show in _DONE or bool(wanted.text)
    query = (
        select(Claim.id)
        .join(RequestedProcedure, RequestedProcedure.id == Claim.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id))
    )
    if wanted.text:
        text = wanted.text.strip().upper()
        query = query.where(or_(_begins(Claim.number, text), _begins(Order.accession_number, text)))
    else:
        query = query.where(LISTS[wanted.show])
    if wanted.payer_id is not None:
        query = query.join(Coverage, Coverage.id == Claim.coverage_id).where(Coverage.payer_id == wanted.payer_id)
    if wanted.after is not None:
        at, last = wanted.after
        before = or_(Claim.state_since < at, and_(Claim.state_since == at, Claim.id < last))
        behind = or_(Claim.state_since > at, and_(Claim.state_since == at, Claim.id > last))
        query = query.where(before if newest_first else behind)
    order = (Claim.state_since, Claim.id)
    query = query.order_by(*(one.desc() for one in order) if newest_first else order).limit(limit + 1)
    return claim_rows(uow, uow.session.scalars(query).all(), actor)


def _begins(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    return and_(column >= text, column < after_prefix(text))


def claim_rows(uow: UnitOfWork, ids: Sequence[int], actor: Actor) -> list[ClaimRow]:
    """In the order of the ids, as far as the actor may see the exams: a fixed number of statements."""
    query = (
        select(Claim, Payer.name, Payer.filing_days)
        .outerjoin(Coverage, Coverage.id == Claim.coverage_id)
        .outerjoin(Payer, Payer.id == Coverage.payer_id)
        .where(Claim.id.in_(ids))
    )
    found = {claim.id: (claim, payer, days) for claim, payer, days in uow.session.execute(query)}
    exams = orders.exam_rows(uow, [claim.requested_procedure_id for claim, _, _ in found.values()], actor)
    totals, owed = totals_of(uow, ids), owed_of(uow, ids)
    return [
        ClaimRow(
            id=claim.id,
            number=claim.number,
            state=claim.state,
            state_since=claim.state_since,
            service_day=claim.service_day,
            payer=payer or "",
            filing_days=days,
            held=claim.held,
            findings=claim.findings,
            first_finding=claim.first_finding,
            total_cents=totals.get(claim.id, 0),
            owed_cents=owed.get(claim.id, 0),
            exam=exams[claim.requested_procedure_id],
        )
        for claim, payer, days in (found[one] for one in ids if one in found)
        if claim.requested_procedure_id in exams
    ]


def totals_of(uow: UnitOfWork, claim_ids: Collection[int]) -> dict[int, int]:
    """What is charged: a charge and the one that reverses it come to nothing."""
    query = (
        select(Charge.claim_id, func.sum(Charge.amount_cents))
        .where(Charge.claim_id.in_(claim_ids))
        .group_by(Charge.claim_id)
    )
    return {claim_id: int(cents) for claim_id, cents in uow.session.execute(query)}


def missing(
    uow: UnitOfWork,
    actor: Actor,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
    *,
    waiting: bool = False,
) -> list[CaseRow]:
    """Exams performed, or broken off after they began, that are not charged, longest first; one more when there are.

    waiting: those that only wait for their report.
    """
    states = [state for state in OPEN_CASES if (state == CaseState.WAITING) == waiting]
    query = select(ChargeCase).where(ChargeCase.state.in_(states))
    if after is not None:
        at, last = after
        query = query.where(
            or_(
                ChargeCase.since > at,
                and_(ChargeCase.since == at, ChargeCase.requested_procedure_id > last),
            )
        )
    query = query.order_by(ChargeCase.since, ChargeCase.requested_procedure_id).limit(limit + 1)
    cases = uow.session.scalars(query).all()
    exams = orders.exam_rows(uow, [one.requested_procedure_id for one in cases], actor)
    return [
        CaseRow(one.state, one.reason, one.since, exams[one.requested_procedure_id])
        for one in cases
        if one.requested_procedure_id in exams
    ]


def open_cases(
    uow: UnitOfWork, site_ids: Collection[int], modality: str, actor: Actor
) -> list[tuple[int, datetime, str]]:
    """Exam, since when and why of all that are not charged at these sites, longest first; modality: "" for all."""
    query = (
        select(ChargeCase.requested_procedure_id, ChargeCase.since, ChargeCase.state)
        .join(RequestedProcedure, RequestedProcedure.id == ChargeCase.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(
            ChargeCase.state.in_(OPEN_CASES),
            ChargeCase.site_id.in_(site_ids),
            visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
        )
        .order_by(ChargeCase.since, ChargeCase.requested_procedure_id)
    )
    if modality:
        query = query.where(RequestedProcedure.modality == modality)
    return [(exam_id, since, state) for exam_id, since, state in uow.session.execute(query)]


def claim(uow: UnitOfWork, claim_id: int, actor: Actor) -> Claim:
    """Raises NoSuchClaim, also when its exam is hidden from the actor."""
    found = uow.session.get(Claim, claim_id)
    if found is None or not orders.exam_rows(uow, [found.requested_procedure_id], actor):
        raise NoSuchClaim("There is no such claim.")
    return found


def claims_of_exam(uow: UnitOfWork, exam_id: int, actor: Actor) -> list[ClaimRow]:
    """For the page of an exam."""
    ids = uow.session.scalars(select(Claim.id).where(Claim.requested_procedure_id == exam_id).order_by(Claim.id)).all()
    return claim_rows(uow, ids, actor)


def case_of_exam(uow: UnitOfWork, exam_id: int) -> ChargeCase | None:
    return uow.session.scalar(select(ChargeCase).where(ChargeCase.requested_procedure_id == exam_id))


def history(uow: UnitOfWork, claim_id: int) -> list[ClaimHistory]:
    """What happened to the claim, oldest first."""
    query = select(ClaimHistory).where(ClaimHistory.claim_id == claim_id).order_by(ClaimHistory.id)
    return list(uow.session.scalars(query))


def patient_of(uow: UnitOfWork, found: Claim) -> patients.Patient:
    """Of a claim that the caller has found visible."""
    return patients.patient_of_visible_order(uow, found.patient_id)
