"""One person under several rows and numbers: merges, and patients as another system names them (A2, A3)."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.models import Issuer
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.pid import PatientSaid, read_pid
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Busy, Invalid
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.patients import queries
from ris_pacs.patients.errors import IdentifierTaken
from ris_pacs.patients.models import Patient, PatientLink
from ris_pacs.patients.rules import Identity
from ris_pacs.patients.service import outside
from tests import practice
from tests.conftest import THE_MORNING

NDIDI = "PID|1||4711^^^HOSPITAL^MR||Ezeugo^Ndidi||19660603|F|||12 Mill Lane^^Springfield||5550100100"


def pid(line: str = NDIDI) -> PatientSaid:
    message = parse(f"MSH|^~\\&|EMR|HOSPITAL|RISPACS|MERIDIAN|20261124||ADT^A08^ADT_A01|1|P|2.5.1\r{line}\r")
    return read_pid(message)


def sender(uow: UnitOfWork) -> outside.Sender:
    partner = catalog.partner(uow, "EMR", "HOSPITAL")
    assert partner is not None
    return outside.Sender(partner.site_id, partner.patient_issuer_id)


def keep(system: System, line: str = NDIDI) -> int:
    with unit_of_work(system) as uow:
        return outside.keep_patient(uow, pid(line), sender(uow), PROGRAM).id


def order_of(system: System, line: str = NDIDI) -> int:
    with unit_of_work(system) as uow:
        return outside.find_patient_for_order(uow, pid(line), sender(uow), PROGRAM).id


def look(system: System, patient_id: int) -> Patient:
    with read_only(system) as uow:
        return queries.patient(uow, patient_id, PROGRAM)


def link(system: System, survivor: int, merged: int) -> None:
    with unit_of_work(system) as uow:
        uow.session.add(PatientLink(survivor_id=survivor, merged_id=merged, made_at=uow.now, made_by="Dana"))


def undo(system: System, merged: int) -> None:
    with unit_of_work(system) as uow:
        uow.session.execute(update(PatientLink).where(PatientLink.merged_id == merged).values(undone_at=uow.now))


def linked(system: System, patient_id: int) -> tuple[int, ...]:
    with read_only(system) as uow:
        return queries.linked_ids(uow, patient_id)


def numbers(patient: Patient) -> list[tuple[str, str]]:
    return sorted((one.issuer.namespace, one.value) for one in patient.identifiers)


# --- merges


def test_linked_ids_follow_chains_of_merges_and_forget_undone_ones(system):
    with unit_of_work(system) as uow:
        a, b, c, d, other = (practice.a_patient(uow, f"Person{letter}").id for letter in "ABCDE")
    assert linked(system, a) == (a,)
    link(system, b, a)
    link(system, c, b)
    link(system, c, d)
    for one in (a, b, c, d):
        assert linked(system, one) == (c, a, b, d)  # The survivor of all first.
    assert linked(system, other) == (other,)
    undo(system, b)
    assert linked(system, a) == (b, a)
    assert linked(system, d) == (c, d)
    undo(system, a)
    assert linked(system, a) == (a,)
    link(system, a, b)  # Merged again, the other way.
    assert linked(system, b) == (a, b)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_merges_in_a_circle_come_to_an_end(system):
    with unit_of_work(system) as uow:
        a, b = (practice.a_patient(uow, f"Person{letter}").id for letter in "AB")
    link(system, a, b)
    link(system, b, a)
    assert set(linked(system, a)) == {a, b}


def test_what_is_known_of_a_patient_comes_from_all_merged_rows(system):
    with unit_of_work(system) as uow:
        ndidi = practice.a_patient(uow, "Ezeugo", "Ndidi", birth_date="1966-06-03")
        married = practice.a_patient(uow, "Adeyemi", "Ndidi", birth_date="1970")
        stranger = practice.a_patient(uow, "Smith", "John", birth_date="1950-01-01")
        ours = catalog.sites(uow)[0].patient_issuer_id
    as_married = Identity(married.mrn, ours, practice.name("Adeyemi", "N"), "1970-01-01")
    with read_only(system) as uow:
        assert queries.contradictions(uow, ndidi.id, as_married) == ["patient id", "name", "birth date"]
    link(system, ndidi.id, married.id)
    with read_only(system) as uow:
        assert queries.contradictions(uow, ndidi.id, as_married) == []
        assert queries.contradictions(uow, married.id, as_married) == []
        assert queries.contradictions(uow, stranger.id, as_married) == ["patient id", "name", "birth date"]
    undo(system, married.id)
    with read_only(system) as uow:
        assert queries.contradictions(uow, ndidi.id, as_married) == ["patient id", "name", "birth date"]


def test_a_number_that_is_somebody_elses_contradicts_a_patient_without_one(system):
    keep(system)
    with unit_of_work(system) as uow:
        kenji = practice.a_patient(uow, "Ito", "Kenji")
        hospital = catalog.issuer(uow, "HOSPITAL")
    with read_only(system) as uow:
        assert queries.contradictions(uow, kenji.id, Identity("4711", hospital.id)) == ["patient id"]
        assert queries.contradictions(uow, kenji.id, Identity("0815", hospital.id)) == []


# --- as another system says it


def test_an_unknown_number_registers_and_a_known_one_updates(system):
    first = keep(system)
    kept = look(system, first)
    assert (kept.name.shown, kept.birth_date, kept.sex, kept.city) == (
        "Ezeugo, Ndidi",
        "1966-06-03",
        "F",
        "Springfield",
    )
    assert kept.mrn == "4711"
    assert keep(system, "PID|1||4711^^^HOSPITAL^MR~X9^^^LAB||Adeyemi^Ndidi||19660604|U") == first
    kept = look(system, first)
    assert (kept.name.shown, kept.birth_date, kept.sex) == ("Adeyemi, Ndidi", "1966-06-04", "U")
    assert numbers(kept) == [("HOSPITAL", "4711"), ("LAB", "X9")]
    assert [row.kind for row in kept.names] == ["legal", "previous"]


def test_what_a_message_does_not_say_stays_and_what_it_deletes_goes(system):
    patient = keep(system, NDIDI.replace("Ezeugo^Ndidi", "Ezeugo^Ndidi^^^^^L~Ama^^^^^^N~Eze^Ndidi^^^^^M"))
    keep(system, "PID|1||4711^^^HOSPITAL^MR||Ezeugo^Ndidi")
    kept = look(system, patient)
    assert (kept.birth_date, kept.sex, kept.city, kept.phone) == ("1966-06-03", "F", "Springfield", "5550100100")
    assert {(name.kind, name.value.shown) for name in kept.names} == {
        ("legal", "Ezeugo, Ndidi"),
        ("alias", "Ama"),
        ("previous", "Eze, Ndidi"),
    }
    keep(system, 'PID|1||4711^^^HOSPITAL^MR||Ezeugo^Ndidi||""|""|||""||""')
    kept = look(system, patient)
    assert (kept.birth_date, kept.sex, kept.city, kept.phone) == (None, "U", "", "")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("said", "born"),
    [("1966", "1966"), ("196606", "1966-06"), ("19660603", "1966-06-03"), ("196606031200", "1966-06-03")],
)
def test_a_birth_date_is_as_precise_as_it_was_sent(system, said, born):
    assert look(system, keep(system, NDIDI.replace("19660603", said))).birth_date == born


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_telephone_that_nobody_can_call_is_left_out(system):
    assert look(system, keep(system, NDIDI.replace("5550100100", "ask at desk"))).phone == ""


def test_a_number_without_an_authority_is_the_senders_and_leading_zeros_count(system):
    first = keep(system, NDIDI.replace("4711^^^HOSPITAL^MR", "04711"))
    assert numbers(look(system, first)) == [("HOSPITAL", "04711")]
    assert keep(system, NDIDI.replace("4711^^^", "04711^^^")) == first
    assert keep(system) != first


def test_an_authority_known_by_its_universal_id_is_noted(system):
    first = keep(system, NDIDI.replace("^^^HOSPITAL^MR", "^^^&2.16.840.1.999&ISO^MR"))
    assert keep(system, NDIDI.replace("^^^HOSPITAL^MR", "^^^&2.16.840.1.999&ISO^MR")) == first
    with read_only(system) as uow:
        found = uow.session.scalars(select(Issuer).where(Issuer.universal_id == "2.16.840.1.999")).one()
    assert (found.universal_id_type, found.ours) == ("ISO", False)


def test_numbers_of_two_patients_are_refused_and_nothing_changes(system):
    ndidi, kenji = keep(system), keep(system, "PID|1||0815^^^HOSPITAL^MR||Ito^Kenji")
    both = "PID|1||4711^^^HOSPITAL^MR~0815^^^HOSPITAL^MR||Ezeugo^Ama"
    for verb in (keep, order_of):
        with pytest.raises(IdentifierTaken, match="two patients"):
            verb(system, both)
    assert look(system, ndidi).name.shown == "Ezeugo, Ndidi"
    assert look(system, kenji).name.shown == "Ito, Kenji"


def test_an_order_finds_its_patient_and_changes_nothing_but_the_numbers(system):
    patient = keep(system)
    assert order_of(system, "PID|1||4711^^^HOSPITAL^MR~X9^^^LAB||EZEUGO^A^^^||19660603|M|||1 Other Street") == patient
    kept = look(system, patient)
    assert (kept.name.shown, kept.sex, kept.street) == ("Ezeugo, Ndidi", "F", "12 Mill Lane")
    assert numbers(kept) == [("HOSPITAL", "4711"), ("LAB", "X9")]
    assert order_of(system, "PID|1||9999^^^HOSPITAL^MR||Ito^Kenji||19800101|M") != patient


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("PID|1||4711^^^HOSPITAL^MR||Ito^Kenji||19800101", True),
        ("PID|1||4711^^^HOSPITAL^MR||Ito^Kenji||19660603", False),  # Married, perhaps.
        ("PID|1||4711^^^HOSPITAL^MR||Ezeugo^Ndidi||19660630", False),  # A slip, perhaps.
        ("PID|1||4711^^^HOSPITAL^MR||Ito^Kenji", False),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_order_whose_name_and_birth_date_are_anothers_is_refused(system, line, refused):
    patient = keep(system)
    if not refused:
        assert order_of(system, line) == patient
        return
    with pytest.raises(IdentifierTaken, match="another name and birth date"):
        order_of(system, line)


def test_numbers_of_merged_rows_lead_to_the_survivor(system):
    old, survivor = keep(system), keep(system, "PID|1||0815^^^HOSPITAL^MR||Ezeugo^Ndidi||19660603|F")
    link(system, survivor, old)
    both = "PID|1||4711^^^HOSPITAL^MR~0815^^^HOSPITAL^MR||Ezeugo^Ndidi||19660603|F"
    for line in (NDIDI, both):
        assert order_of(system, line) == survivor
        assert keep(system, line) == survivor
    assert numbers(look(system, old)) == [("HOSPITAL", "4711")]  # Nothing moves.
    undo(system, old)
    assert order_of(system) == old


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_message_that_cannot_be_leaves_nothing(system):
    for line in (
        NDIDI.replace("Ezeugo", "O" * 64),
        NDIDI.replace("19660603", "20300101"),
        NDIDI.replace("Ezeugo", "Okon=kwo"),
    ):
        for verb in (keep, order_of):
            with pytest.raises(Invalid):
                verb(system, line)
    with read_only(system) as uow:
        assert queries.search(uow, "ndidi", PROGRAM) == []
    assert look(system, keep(system)).made_at == THE_MORNING


def test_eight_messages_about_one_new_patient_make_one_patient(system):
    """Order and admission come on connections of their own; who is second is told to try again, and finds the first."""
    barrier, outcomes = threading.Barrier(8), []

    def send(verb) -> None:
        barrier.wait()
        while True:
            try:
                outcomes.append(verb(system))
            except Busy:
                continue
            return

    threads = [threading.Thread(target=send, args=((keep, order_of)[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert len(set(outcomes)) == 1
    assert numbers(look(system, outcomes[0])) == [("HOSPITAL", "4711")]
