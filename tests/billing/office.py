"""A practice that bills: who bills, by which rules, for how much; and exams as they go through the house.

Codes are invented: X and four digits is no code of any set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from ris_pacs.billing.models import Charge, ChargeCase, Claim
from ris_pacs.billing.queries.money import balances
from ris_pacs.billing.service import setup
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.payers import PayerFacts, add_payer
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders.events import ExamMoved
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from ris_pacs.orders.service.place import Diagnosis
from ris_pacs.patients.models import Patient
from ris_pacs.patients.service.coverage import CoverageFacts, add_coverage
from tests import practice

BILLER = Actor("user", "Marion Achebe", Role.BILLER, 5, "s5", "127.0.0.1")
READER = Actor("user", "Ingrid Solberg", Role.RADIOLOGIST, 3, "s3", "127.0.0.1")
HOME = {"street": "3 Elm Street", "city": "Springfield", "state": "MA", "zip": "01101"}
MERIDIAN = setup.EntityFacts(
    name="Meridian Imaging",
    npi="1234567893",
    tax_id="12-3456789",
    taxonomy="261QR0200X",
    street="12 Mill Lane",
    city="Springfield",
    state="MA",
    zip="01101-1234",
    contact="Marion Achebe",
    phone="(555) 010-0100",
    submitter_id="MERIDIAN",
    mammography_certificate="MQ123456",
)
READERS = setup.EntityFacts(
    **{**MERIDIAN.__dict__, "name": "Springfield Readers", "npi": "1234567000", "submitter_id": "READERS"}
)
NORTHWIND = PayerFacts("Northwind PPO", "NW001", "Clearwater Exchange", "CLEARWATER", "12", filing_days=90)
# procedure → code, whole fee, TC, 26, in cents
FEES = {"CTCHEST": ("X1010", 52_600, 38_000, 14_600), "MRKNEE": ("X2010", 90_000, 70_000, 20_000)}


@dataclass(frozen=True)
class Office:
    site_id: int
    payer_id: int
    entity_id: int
    reader_id: int


def set_up(uow: UnitOfWork, two_entities: bool = False) -> Office:
    site_id = catalog.sites(uow)[0].id
    entity = setup.save_entity(uow, None, MERIDIAN, BILLER)
    readers = setup.save_entity(uow, None, READERS, BILLER) if two_entities else entity
    reader = setup.save_reader(uow, None, setup.ReaderFacts("Solberg", "Ingrid", "1234567133", user_id=3), BILLER)
    setup.set_site(uow, setup.SiteFacts(site_id, entity.id, readers.id, reader.id), BILLER)
    payer = add_payer(uow, NORTHWIND, BILLER)
    for procedure, (code, whole, technical, professional) in FEES.items():
        setup.save_rule(uow, None, setup.RuleFacts(f"{procedure} read", code, procedure), BILLER)
        for modifier, cents in (("", whole), ("TC", technical), ("26", professional)):
            setup.add_fee(uow, setup.FeeFacts(code, cents, date(2020, 1, 1), modifier), BILLER)
    return Office(site_id, payer.id, entity.id, reader.id)


def insured(uow: UnitOfWork, office: Office, **person: object) -> Patient:
    patient = practice.a_patient(uow, **{**HOME, **person})  # type: ignore[arg-type]
    add_coverage(uow, patient.id, CoverageFacts(office.payer_id, "NW-4410287", group_number="G77"), BILLER)
    return patient


def an_exam(uow: UnitOfWork, patient: Patient, procedure: str = "CTCHEST", **facts: object) -> int:
    """An exam that has begun, asked for by a doctor with a number, for a reason with a code."""
    doctor = catalog.search_practitioners(uow, "achterfeld")[0]
    wanted = {"referrer_id": doctor.id, "diagnoses": (Diagnosis("R91.8"),), **facts}
    order = practice.an_order(uow, patient, procedure, **wanted)
    exams.move_exam(uow, order.exams[0].id, Move.BEGIN, PROGRAM)
    return order.exams[0].id


def perform(uow: UnitOfWork, exam_id: int) -> None:
    exams.move_exam(uow, exam_id, Move.PERFORM, PROGRAM)


def put(uow: UnitOfWork, exam_id: int, state: str, actor: Actor = READER) -> None:
    """As reporting will: the exam has a state, and those who listen are told."""
    exam = uow.session.get_one(RequestedProcedure, exam_id)
    before, exam.state = exam.state, state
    uow.session.flush()
    uow.emit(ExamMoved(exam_id, before, state, "report"), actor)


def read(uow: UnitOfWork, patient: Patient, procedure: str = "CTCHEST", **facts: object) -> int:
    """An exam performed and reported; returns its id."""
    exam_id = an_exam(uow, patient, procedure, **facts)
    perform(uow, exam_id)
    put(uow, exam_id, "final")
    return exam_id


def a_ready_claim(system: System, **person: object) -> int:
    """In a practice set up for it; returns the claim's id."""
    with unit_of_work(system) as uow:
        office = set_up(uow)
        exam_id = read(uow, insured(uow, office, **person))
        claim = uow.session.scalars(select(Claim).where(Claim.requested_procedure_id == exam_id)).one()
        assert claim.state == "claim-ready", claim.first_finding
        return claim.id


def claims(uow: UnitOfWork) -> list[Claim]:
    return list(uow.session.scalars(select(Claim).order_by(Claim.id)))


def lines(uow: UnitOfWork) -> list[tuple[str, str, str, int]]:
    """part, code, modifiers, cents of every charge."""
    rows = uow.session.scalars(select(Charge).order_by(Charge.id))
    return [(one.part, one.code, " ".join(one.modifiers), one.amount_cents) for one in rows]


def case(uow: UnitOfWork, exam_id: int) -> tuple[str, str]:
    found = uow.session.scalars(select(ChargeCase).where(ChargeCase.requested_procedure_id == exam_id)).one()
    return found.state, found.reason


def money(system: System, claim_id: int | None = None) -> dict[str, int]:
    """Balances that are not nothing."""
    with read_only(system) as uow:
        found = {str(account): cents for account, cents in balances(uow, claim_id).items() if cents}
    assert sum(found.values()) == 0
    return found


def days(number: int) -> timedelta:
    return timedelta(days=number)


def orders_number(uow: UnitOfWork) -> str:
    """The accession number of the only order."""
    return uow.session.scalars(select(Order.accession_number)).one()
