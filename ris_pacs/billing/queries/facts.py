"""Claims as values, for the scrubber and the 837: a fixed number of statements for any number of claims."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import aliased, joinedload

from ris_pacs.billing.models import BillingEntity, Charge, RenderingProvider
from ris_pacs.billing.models import Claim as ClaimRow
from ris_pacs.billing.rules import claims as values
from ris_pacs.billing.rules.states import ClaimState
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.models import Payer as PayerRow
from ris_pacs.catalog.models import Practitioner, Procedure
from ris_pacs.kernel.person import PersonName
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.orders.rules import exam_title
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Coverage as CoverageRow
from ris_pacs.patients.models import Patient

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_PAGE = 500  # Claims loaded at once: SQLite takes 32,766 values in a statement, and memory is not free.


def claims(uow: UnitOfWork, claim_ids: Sequence[int]) -> list[values.Claim]:
    """In the order asked for; what is not there is left out."""
    found: dict[int, values.Claim] = {}
    for begins in range(0, len(claim_ids), _PAGE):
        found |= _page(uow, claim_ids[begins : begins + _PAGE])
    return [found[one] for one in claim_ids if one in found]


def claim(uow: UnitOfWork, claim_id: int) -> values.Claim:
    return claims(uow, [claim_id])[0]


def _page(uow: UnitOfWork, claim_ids: Sequence[int]) -> dict[int, values.Claim]:
    rows = uow.session.scalars(select(ClaimRow).where(ClaimRow.id.in_(claim_ids))).all()
    exams = _exams(uow, {one.requested_procedure_id for one in rows})
    people = _people(uow, {one.patient_id for one in rows})
    covered = _coverages(uow, {one.coverage_id for one in rows if one.coverage_id})
    lines = _lines(uow, [one.id for one in rows])
    entities = {one.id: _entity(one) for one in _all(uow, BillingEntity, {one.entity_id for one in rows})}
    readers = {one.id: _reader(one) for one in _all(uow, RenderingProvider, {one.rendering_id for one in rows})}
    codes = catalog.billable_codes(uow, {code for one in rows for code in one.diagnoses})
    doubles = _doubles(uow, rows)
    found = {}
    for one in rows:
        exam, order, procedure, referrer = exams[one.requested_procedure_id]
        patient = people[one.patient_id]
        found[one.id] = values.Claim(
            id=one.id,
            number=one.number,
            state=one.state,
            patient_id=one.patient_id,
            patient=patient,
            accession_number=order.accession_number,
            title=exam_title(exam.procedure_name, exam.laterality),
            modality=exam.modality,
            laterality=exam.laterality,
            paired=procedure.laterality == "paired",
            service_day=one.service_day,
            place_of_service=one.place_of_service,
            frequency=one.frequency,
            payer_claim_number=one.payer_claim_number,
            authorisation=one.authorisation,
            held=one.held,
            entity=entities[one.entity_id],
            coverage=_covered(covered.get(one.coverage_id or 0), patient),
            referring=_referrer(referrer),
            rendering=readers.get(one.rendering_id or 0),
            diagnoses=tuple(
                values.Diagnosis(code, known=code in codes, billable=codes.get(code, False)) for code in one.diagnoses
            ),
            lines=tuple(lines[one.id]),
            doubles=tuple(doubles.get(one.id, ())),
        )
    return found


def _all(uow: UnitOfWork, model: type[Any], ids: Collection[int | None]) -> Sequence[Any]:
    return uow.session.scalars(select(model).where(model.id.in_(ids))).all()


def _exams(
    uow: UnitOfWork, ids: Collection[int]
) -> dict[int, tuple[RequestedProcedure, Order, Procedure, Practitioner | None]]:
    query = (
        select(RequestedProcedure, Order, Procedure, Practitioner)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .join(Procedure, Procedure.id == RequestedProcedure.procedure_id)
        .outerjoin(Practitioner, Practitioner.id == Order.referrer_id)
        .where(RequestedProcedure.id.in_(ids))
    )
    return {exam.id: (exam, order, procedure, doctor) for exam, order, procedure, doctor in uow.session.execute(query)}


def _people(uow: UnitOfWork, ids: Collection[int]) -> dict[int, values.Person]:
    names = {one.id: one.name for one in patients.rows_of_visible(uow, ids).values()}
    return {one.id: _person(one, names[one.id]) for one in _all(uow, Patient, ids)}


def _person(patient: Patient, name: PersonName) -> values.Person:
    """The alphabetic name; another script only where there is none, for the scrubber to see."""
    group = next((group for group in name.groups if group), name.alphabetic)
    return values.Person(
        family=group.family,
        given=group.given,
        middle=group.middle,
        suffix=group.suffix,
        birth_date=patient.birth_date or "",
        sex=patient.sex,
        street=patient.street,
        city=patient.city,
        state=patient.state,
        zip=patient.zip,
    )


def _coverages(uow: UnitOfWork, ids: Collection[int]) -> dict[int, CoverageRow]:
    query = select(CoverageRow).options(joinedload(CoverageRow.payer)).where(CoverageRow.id.in_(ids))
    return {one.id: one for one in uow.session.scalars(query)}


def _covered(row: CoverageRow | None, patient: values.Person) -> values.Coverage | None:
    if row is None:
        return None
    subscriber = patient
    if row.relationship_code != "18":
        subscriber = values.Person(
            family=row.subscriber_family,
            given=row.subscriber_given,
            birth_date=row.subscriber_birth_date,
            sex=row.subscriber_sex,
            street=row.subscriber_street,
            city=row.subscriber_city,
            state=row.subscriber_state,
            zip=row.subscriber_zip,
        )
    return values.Coverage(
        row.id, payer_of(row.payer), row.member_id, row.group_number, row.relationship_code, subscriber
    )


def payer_of(row: PayerRow) -> values.Payer:
    return values.Payer(
        id=row.id,
        name=row.name,
        identifier=row.identifier,
        filing_indicator=row.filing_indicator,
        receiver_name=row.receiver_name,
        receiver_id=row.receiver_id,
        filing_days=row.filing_days,
        authorised_modalities=tuple(row.authorised_modalities),
        side_required=row.side_required,
        replaces=row.replaces,
    )


def _entity(row: BillingEntity) -> values.Entity:
    return values.Entity(
        id=row.id,
        name=row.name,
        npi=row.npi,
        tax_id=row.tax_id,
        taxonomy=row.taxonomy,
        street=row.street,
        city=row.city,
        state=row.state,
        zip=row.zip,
        contact=row.contact,
        phone=row.phone,
        submitter_id=row.submitter_id,
        mammography_certificate=row.mammography_certificate,
    )


def _reader(row: RenderingProvider) -> values.Doctor:
    return values.Doctor(row.id, row.family, row.given, row.npi, row.taxonomy)


def _referrer(row: Practitioner | None) -> values.Doctor | None:
    return None if row is None else values.Doctor(row.id, row.family, row.given, row.npi or "")


def standing_charges(uow: UnitOfWork, claim_ids: Collection[int]) -> list[Charge]:
    """Those that were not reversed, in the order in which they were made."""
    undo = aliased(Charge)
    query = (
        select(Charge)
        .outerjoin(undo, undo.reverses_id == Charge.id)
        .where(Charge.claim_id.in_(claim_ids), Charge.reverses_id.is_(None), undo.id.is_(None))
        .order_by(Charge.id)
    )
    return list(uow.session.scalars(query))


def _lines(uow: UnitOfWork, claim_ids: Collection[int]) -> dict[int, list[values.Line]]:
    found: dict[int, list[values.Line]] = defaultdict(list)
    for one in standing_charges(uow, claim_ids):
        found[one.claim_id].append(
            values.Line(
                one.id, one.part, one.code, tuple(one.modifiers), one.units, one.amount_cents, tuple(one.pointers)
            )
        )
    return found


def _doubles(uow: UnitOfWork, rows: Sequence[ClaimRow]) -> dict[int, list[str]]:
    """Claims of the same patient, day and code that stand, unless modifiers tell the lines apart."""
    if not rows:
        return {}
    mine, theirs, other, undo = aliased(Charge), aliased(Charge), aliased(ClaimRow), aliased(Charge)
    query = (
        select(ClaimRow.id, other.number, mine.modifiers, theirs.modifiers)
        .join(mine, mine.claim_id == ClaimRow.id)
        .join(other, (other.patient_id == ClaimRow.patient_id) & (other.service_day == ClaimRow.service_day))
        .join(theirs, (theirs.claim_id == other.id) & (theirs.code == mine.code))
        .outerjoin(undo, undo.reverses_id == theirs.id)
        .where(
            ClaimRow.id.in_([one.id for one in rows]),
            other.id < ClaimRow.id,
            other.state.not_in((ClaimState.UNCHARGED, ClaimState.WRITTEN_OFF)),
            mine.reverses_id.is_(None),
            theirs.reverses_id.is_(None),
            undo.id.is_(None),
        )
    )
    found: dict[int, list[str]] = defaultdict(list)
    for claim_id, number, ours, others in uow.session.execute(query):
        apart = set(ours) != set(others)
        if not apart and number not in found[claim_id]:
            found[claim_id].append(number)
    return found
