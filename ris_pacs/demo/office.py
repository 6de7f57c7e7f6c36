"""The office of the demo practice: who pays, what is charged, and what payers answer. Codes are invented."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from functools import cache

from ris_pacs.billing.queries import worklist
from ris_pacs.billing.queries.setup import entities
from ris_pacs.billing.service import claims, setup
from ris_pacs.billing.service.export import make_batches, mark_placed
from ris_pacs.billing.service.remittance import ReceivedFile, post_file
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.payers import PayerFacts, add_payer
from ris_pacs.catalog.service.setup import PROCEDURES_FILE
from ris_pacs.demo import payer as payers_word
from ris_pacs.demo.people import Person
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.patients import queries as patients
from ris_pacs.patients.service.coverage import CoverageFacts, add_coverage

CLERK = Actor("program", "demo office", Role.BILLER)
EVENING = timedelta(hours=18, minutes=40)
ANSWERED_AFTER = timedelta(days=16)
OWNER = setup.EntityFacts(
    name="Meridian Imaging",
    npi="1234567893",
    tax_id="00-0000001",
    taxonomy="261QR0200X",
    street="12 Mill Lane",
    city="Springfield",
    state="MA",
    zip="01101-1200",
    contact="Marion Achebe",
    phone="(555) 010-0100",
    submitter_id="MERIDIAN",
    mammography_certificate="DEMO1234",
)
READERS = setup.EntityFacts(
    **{
        **OWNER.__dict__,
        "name": "Meridian Readers",
        "npi": "1234567000",
        "tax_id": "00-0000002",
        "submitter_id": "MERREAD",
    }
)
PAYERS = (
    PayerFacts("Northwind PPO", "NW001", "Clearwater Exchange", "CLEARWATER", "12", 90, ("MR", "PT")),
    PayerFacts("Harbor Mutual", "HM200", "Clearwater Exchange", "CLEARWATER", "CI", 180, ("PT",)),
    PayerFacts(
        "Prairie Health Plan", "PHP07", "Prairie Health Plan", "PRAIRIE", "HM", 120, ("CT", "MR"), replaces=False
    ),
    PayerFacts("State Elder Fund", "SEF01", "State Gateway", "STATEGW", "MB", 365, side_required=True),
)
# What a whole exam costs by modality, in dollars; the technical part is about two thirds.
_PRICES = {"CT": 480, "MR": 890, "US": 240, "DX": 96, "CR": 88, "MG": 260, "NM": 620, "PT": 2150, "ES": 740}
_BEGAN = date(2020, 1, 1)


def open_office(uow: UnitOfWork, site_id: int) -> None:
    """Who bills, payers, rules and fees: technical and professional part by an entity each."""
    owner, readers = (setup.save_entity(uow, None, facts, CLERK) for facts in (OWNER, READERS))
    reader = setup.save_reader(uow, None, setup.ReaderFacts("Solberg", "Ingrid", "1234567133"), CLERK)
    setup.set_site(uow, setup.SiteFacts(site_id, owner.id, readers.id, reader.id), CLERK)
    known = [add_payer(uow, facts, CLERK) for facts in PAYERS]
    with PROCEDURES_FILE.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.DictReader(file), 1):
            code = f"X{number:03}0"
            if line["modality"] == "ES":  # Its rules are still to be written: something to do.
                continue
            setup.save_rule(uow, None, setup.RuleFacts(line["name"], code, line["code"]), CLERK)
            _price(uow, code, _PRICES[line["modality"]] + number % 7 * 12, [one.id for one in known])


def _price(uow: UnitOfWork, code: str, dollars: int, payer_ids: list[int]) -> None:
    whole = dollars * 100
    parts = {"": whole, "TC": whole * 2 // 3, "26": whole - whole * 2 // 3}
    for modifier, cents in parts.items():
        setup.add_fee(uow, setup.FeeFacts(code, cents, _BEGAN, modifier), CLERK)
    for place, payer_id in enumerate(payer_ids[:2]):
        for modifier in ("TC", "26"):
            cents = parts[modifier] * (70 - 8 * place) // 100
            setup.add_fee(uow, setup.FeeFacts(code, cents, _BEGAN, modifier, payer_id), CLERK)


@cache
def card_of(person: Person) -> tuple[int, str] | None:
    """Which payer, by its place in PAYERS, and the number; None: no card at hand. Some numbers are unreadable."""
    if person.number % 19 == 7:
        return None
    place = 3 if (person.facts.birth_date or "") < "1960" else person.number % 3
    return place, "" if person.number % 23 == 11 else f"{'NHPS'[place]}{4_410_000 + person.number * 37}"


def take_card(uow: UnitOfWork, patient_id: int, person: Person, actor: Actor) -> None:
    """At the desk, at the first visit that it is shown."""
    card = card_of(person)
    known = {one.name: one.id for one in catalog.payers(uow)}
    if card is None or PAYERS[card[0]].name not in known or patients.coverages(uow, patient_id, PROGRAM):
        return
    payer_id = known[PAYERS[card[0]].name]
    add_coverage(uow, patient_id, CoverageFacts(payer_id, card[1], group_number=f"G{700 + card[0]}"), actor)


def close_books(system: System) -> None:
    """In the evening: the biller gets the authorisations of claims that wait for nothing else, and sends what is ready.

    A practice that was loaded before it had an office has nobody who bills: nothing is done.
    """
    with read_only(system) as uow:
        if not entities(uow):
            return
        waiting = [
            one.id
            for one in worklist.claims(uow, worklist.ClaimFilter("mend"), CLERK, 500)
            if one.findings == 1 and one.first_finding.startswith("The authorisation") and _obtained(one, uow)
        ]
        ready = worklist.counts(uow)["ready"]
    if not waiting and not ready:
        return
    with unit_of_work(system) as uow:
        for claim_id in waiting:
            claims.set_authorisation(uow, claim_id, f"AU{70_000 + claim_id * 13}", CLERK)
        for batch in make_batches(uow, None, CLERK):
            mark_placed(uow, batch.id)


def _obtained(row: worklist.ClaimRow, uow: UnitOfWork) -> bool:
    """A number takes some days to come; of two claims one has it at once."""
    return row.id % 2 == 0 or uow.now - row.state_since > timedelta(days=3)


def payers_answer(system: System) -> None:
    """A remittance for each file whose answer is due and has not come. What could not be sent by then is given up."""
    with read_only(system) as uow:
        if not entities(uow):
            return
        due = payers_word.answers_due(uow, uow.now - ANSWERED_AFTER)
        left = [one for one in worklist.claims(uow, worklist.ClaimFilter("mend"), CLERK, 500) if _is_old(one, uow)]
    for name, content in due:
        with unit_of_work(system) as uow:
            post_file(uow, ReceivedFile(name, content), CLERK)
    for one in left:
        with unit_of_work(system) as uow:
            claims.write_off(uow, one.id, "Nobody brought what was missing", CLERK)


def _is_old(row: worklist.ClaimRow, uow: UnitOfWork) -> bool:
    return uow.now - row.state_since > ANSWERED_AFTER - timedelta(days=1)
