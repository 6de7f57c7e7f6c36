"""Charging exams: from what was performed and reported, by the rules, in the transaction that moved the exam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.billing.errors import CannotCharge
from ris_pacs.billing.models import Charge, ChargeCase, Claim, SiteBilling
from ris_pacs.billing.queries import facts, setup
from ris_pacs.billing.rules import charging as rules
from ris_pacs.billing.rules import ledger
from ris_pacs.billing.rules.charging import ExamFacts, NewCharge, Part
from ris_pacs.billing.rules.states import BEFORE_SENDING, OPEN_CASES, WITH_PAYER, CaseState, ClaimMove, ClaimState
from ris_pacs.billing.service.check import check_claims
from ris_pacs.billing.service.moving import TOPIC, audit_claim, book, locked_claim, move_claim, note_on_claim
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from datetime import date

    from ris_pacs.kernel.uow import UnitOfWork
    from ris_pacs.orders.queries import Order, RequestedProcedure

WAITS_FOR_REPORT = "The report is not final yet."
WAS_BROKEN_OFF = "It was broken off after it began: charge it with 52 or 53, or say why not."


def charge_exam(
    uow: UnitOfWork, exam_id: int, actor: Actor, parts: tuple[Part, ...] | None = None, extra: tuple[str, ...] = ()
) -> None:
    """Every part that is due and not charged yet. parts, extra: what a person decides instead of the state.

    Raises CannotCharge; nothing is charged then.
    """
    order = orders.exam_order(uow, exam_id, PROGRAM)
    exam = next(one for one in order.exams if one.id == exam_id)
    site = setup.billing_of_site(uow, order.site_id)
    one_entity = site.technical_entity_id == site.professional_entity_id
    due = rules.parts_due(exam.state, one_entity) if parts is None else parts
    if not due:
        put_case(uow, exam_id, order.site_id, CaseState.WAITING, actor, WAITS_FOR_REPORT)
        return
    known = _charged_parts(uow, exam_id)
    what = ExamFacts(exam.procedure.code, exam.procedure_name, exam.modality, exam.laterality)
    table = setup.rules_for(uow, what.procedure_code, what.modality)
    day = _service_day(uow, exam, order)
    fees = setup.fees(uow, {rule.code for rule in table}, day)
    made = {part: rules.charges_for(what, part, table, fees, extra) for part in due if part not in known}
    if not known and not any(made.values()):
        raise CannotCharge("The rules that fit charge nothing for it.")
    for part, lines in made.items():
        if lines:
            _charge(uow, order, exam, site, day, part, lines, actor)
    whole = one_entity or Part.PROFESSIONAL in due
    state, why = (CaseState.CHARGED, "") if whole else (CaseState.WAITING, WAITS_FOR_REPORT)
    put_case(uow, exam_id, order.site_id, state, actor, why)


def _charged_parts(uow: UnitOfWork, exam_id: int) -> set[str]:
    claims = uow.session.scalars(select(Claim.id).where(Claim.requested_procedure_id == exam_id)).all()
    found = {one.part for one in facts.standing_charges(uow, claims)} if claims else set()
    return found | ({Part.TECHNICAL, Part.PROFESSIONAL} if Part.GLOBAL in found else set())


def _service_day(uow: UnitOfWork, exam: RequestedProcedure, order: Order) -> date:
    """When it was begun, on the calendar of the site."""
    begun = next((row.at for row in orders.history(uow, exam.id) if row.to_state == ExamState.IN_PROGRESS), None)
    return local_date(begun or exam.state_since, catalog.zone_of(order.site))


def _charge(
    uow: UnitOfWork,
    order: Order,
    exam: RequestedProcedure,
    site: SiteBilling,
    day: date,
    part: Part,
    lines: list[NewCharge],
    actor: Actor,
) -> None:
    claim = _claim_for(uow, order, exam, site, day, part)
    if part in (Part.PROFESSIONAL, Part.GLOBAL):
        reader = setup.reader_of(uow, actor)
        claim.rendering_id = reader.id if reader else site.rendering_id
    pointers = list(range(1, min(4, len(claim.diagnoses)) + 1))
    for line in lines:
        charge = Charge(
            claim_id=claim.id,
            requested_procedure_id=exam.id,
            part=line.part,
            code=line.code,
            modifiers=list(line.modifiers),
            units=line.units,
            amount_cents=line.cents,
            pointers=pointers,
            rule_id=line.rule_id,
            why=line.why[:500],
            made_at=uow.now,
            made_by=actor.name,
        )
        uow.session.add(charge)
        uow.session.flush()
        words = f"{line.code} {' '.join(line.modifiers)}".strip()
        book(uow, ledger.charged(line.cents, words), actor, claim_id=claim.id, charge_id=charge.id)
    if claim.state == ClaimState.UNCHARGED:
        move_claim(uow, claim, ClaimMove.CHARGE, actor, lines[0].why)
    else:
        note_on_claim(uow, claim, "charge more", actor, lines[0].why)
    audit_claim(uow, claim, "charge", actor, why=lines[0].why)
    check_claims(uow, [claim.id], actor)


def _claim_for(
    uow: UnitOfWork, order: Order, exam: RequestedProcedure, site: SiteBilling, day: date, part: Part
) -> Claim:
    """The claim of the entity that bills the part, held; made at its first charge.

    Charges that come after it was sent belong to the same claim: a person sends it again.
    """
    entity_id = site.professional_entity_id if part is Part.PROFESSIONAL else site.technical_entity_id
    known = uow.session.scalar(
        select(Claim.id).where(Claim.requested_procedure_id == exam.id, Claim.entity_id == entity_id)
    )
    if known is not None:
        return locked_claim(uow, known)
    covered = patients.coverages_on(uow, {(order.patient_id, day)}).get((order.patient_id, day))
    claim = Claim(
        number=f"C{next_number(uow, 'claim'):08}",
        requested_procedure_id=exam.id,
        patient_id=order.patient_id,
        site_id=order.site_id,
        entity_id=entity_id,
        coverage_id=covered.id if covered else None,
        state=ClaimState.UNCHARGED,
        state_since=uow.now,
        service_day=day,
        place_of_service=site.place_of_service,
        diagnoses=[one.code for one in order.diagnoses if one.code][:12],
        made_at=uow.now,
    )
    uow.session.add(claim)
    uow.session.flush()
    return claim


def put_case(uow: UnitOfWork, exam_id: int, site_id: int, state: CaseState, actor: Actor, reason: str = "") -> None:
    """Whether the exam is charged, and why not: what the list of missing charges shows."""
    case = uow.session.scalar(select(ChargeCase).where(ChargeCase.requested_procedure_id == exam_id).with_for_update())
    if case is None:
        case = ChargeCase(requested_procedure_id=exam_id, site_id=site_id, since=uow.now)
        uow.session.add(case)
    case.state, case.reason = state, reason[:500]
    case.changed_at, case.changed_by = uow.now, actor.name
    uow.session.flush()
    uow.touch(TOPIC)


def reverse_exam(uow: UnitOfWork, exam_id: int, parts: tuple[Part, ...], why: str, actor: Actor) -> None:
    """What was charged for these parts was wrong: charges and ledger get the opposite, nothing is removed.

    A claim that was sent is not touched: the payer has it, and a person decides; the claim says so.
    """
    ids = uow.session.scalars(select(Claim.id).where(Claim.requested_procedure_id == exam_id).order_by(Claim.id)).all()
    for claim_id in ids:
        claim = locked_claim(uow, claim_id)
        wrong = [one for one in facts.standing_charges(uow, [claim_id]) if one.part in parts]
        if wrong and claim.state in WITH_PAYER:
            claim.held = f"To decide: {why}"[:200]
            note_on_claim(uow, claim, "hold", actor, claim.held)
        elif wrong:
            _reverse(uow, claim, wrong, why, actor)


def _reverse(uow: UnitOfWork, claim: Claim, wrong: list[Charge], why: str, actor: Actor) -> None:
    for one in wrong:
        undo = Charge(
            claim_id=claim.id,
            requested_procedure_id=one.requested_procedure_id,
            part=one.part,
            code=one.code,
            modifiers=one.modifiers,
            units=one.units,
            amount_cents=-one.amount_cents,
            rule_id=one.rule_id,
            why=why[:500],
            made_at=uow.now,
            made_by=actor.name,
            reverses_id=one.id,
        )
        uow.session.add(undo)
        uow.session.flush()
        words = f"Reversed: {one.code}"
        book(uow, ledger.charged(-one.amount_cents, words), actor, claim_id=claim.id, charge_id=undo.id)
    audit_claim(uow, claim, "reverse charges", actor, why=why)
    if facts.standing_charges(uow, [claim.id]):
        check_claims(uow, [claim.id], actor)
    elif claim.state in BEFORE_SENDING:
        move_claim(uow, claim, ClaimMove.REVERSE, actor, why)


def charge_broken_off(uow: UnitOfWork, exam_id: int, modifier: str, actor: Actor) -> None:
    """A person charges what was begun and not finished, with 52 or 53. Raises CannotCharge, Invalid."""
    demand(actor, Right.BILLING_EDIT)
    if modifier not in rules.BROKEN_OFF:
        raise Invalid("Choose 52 or 53.", "modifier")
    case = open_case(uow, exam_id)
    if case.state != CaseState.DECIDE:
        raise CannotCharge("This exam was not broken off.")
    site = setup.billing_of_site(uow, case.site_id)
    part = Part.GLOBAL if site.technical_entity_id == site.professional_entity_id else Part.TECHNICAL
    charge_exam(uow, exam_id, actor, (part,), (modifier,))
    put_case(uow, exam_id, case.site_id, CaseState.CHARGED, actor)


def do_not_bill(uow: UnitOfWork, exam_id: int, why: str, actor: Actor) -> None:
    """A person says why an exam is not charged. Raises CannotCharge, Invalid."""
    demand(actor, Right.BILLING_EDIT)
    if not why.strip():
        raise Invalid("Why is it not billed? A reason is needed.", "why")
    case = open_case(uow, exam_id)
    order = orders.exam_order(uow, exam_id, actor)
    put_case(uow, exam_id, case.site_id, CaseState.NOT_BILLED, actor, why.strip())
    exam = next(one for one in order.exams if one.id == exam_id)
    _audit_exam(uow, order, exam, "do not bill", why.strip(), actor)


def open_case(uow: UnitOfWork, exam_id: int) -> ChargeCase:
    """Raises CannotCharge."""
    case = uow.session.scalar(select(ChargeCase).where(ChargeCase.requested_procedure_id == exam_id).with_for_update())
    if case is None or case.state not in OPEN_CASES:
        raise CannotCharge("Nothing is open about charging this exam.")
    return case


def _audit_exam(uow: UnitOfWork, order: Order, exam: RequestedProcedure, action: str, why: str, actor: Actor) -> None:
    audit.record(
        uow,
        actor,
        action,
        ("exam", exam.identifier),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
        why=why,
    )
