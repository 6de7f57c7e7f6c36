"""Registering people and keeping their facts right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.person import NameGroup, PersonName
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients import queries
from ris_pacs.patients.errors import IdentifierTaken, LikelyDuplicate, NoSuchPatient
from ris_pacs.patients.models import Patient, PatientToken
from ris_pacs.patients.service import register
from ris_pacs.patients.service.register import Identifier, PatientFacts, Registration, UnknownPatient
from tests import practice
from tests.conftest import StoppedClock

NDIDI = PatientFacts(
    name=practice.name("Ezeugo", "Ndidi"), birth_date="1966-06-03", sex="F", phone="(555) 020-0100", city="Springfield"
)


@pytest.fixture(scope="module")
def standing(databases, tmp_path_factory) -> Iterator[System]:
    """One database with one patient, for what changes nothing."""
    folder = tmp_path_factory.mktemp("registration")
    with practice.standing_system(databases, "sqlite", folder, StoppedClock()) as system:
        enrol(system)
        yield system


def enrol(system: System, facts: PatientFacts = NDIDI, **how: bool) -> Patient:
    with unit_of_work(system) as uow:
        return register.register_patient(uow, Registration(facts, site_of(uow), **how), PROGRAM)


def change(system: System, patient_id: int, facts: PatientFacts) -> Patient:
    with unit_of_work(system) as uow:
        return register.change_patient(uow, patient_id, facts, PROGRAM)


def look(system: System, patient_id: int) -> Patient:
    with read_only(system) as uow:
        return queries.patient(uow, patient_id, PROGRAM)


def found(system: System, text: str) -> list[int]:
    with read_only(system) as uow:
        return [row.id for row in queries.search(uow, text, PROGRAM)]


def site_of(uow: UnitOfWork) -> int:
    return catalog.sites(uow)[0].id


def numbered(patient: Patient, further: int = 0) -> str:
    """The MRN that many registrations after the patient's own."""
    return f"M{int(patient.mrn.removeprefix('M')) + further:07}"


def names_of(patient: Patient) -> list[tuple[str, str]]:
    return [(name.kind, name.value.shown) for name in patient.names]


def test_what_was_said_is_kept_and_numbered(system):
    first, second = enrol(system), enrol(system, replace(NDIDI, name=practice.name("Ito", "Kenji"), phone=""))
    kept = look(system, first.id)
    assert (kept.mrn, look(system, second.id).mrn) == (numbered(kept), numbered(kept, 1))
    assert (kept.birth_date, kept.sex, kept.phone, kept.city) == ("1966-06-03", "F", "(555) 020-0100", "Springfield")
    assert names_of(kept) == [("legal", "Ezeugo, Ndidi")]
    with read_only(system) as uow:
        trail = uow.session.scalars(select(AuditEntry.action).where(AuditEntry.patient_id == first.id)).all()
    assert trail == ["register"]


TOO_LONG = {"email": 201, "street": 201, "city": 101, "state": 41, "zip": 17, "language": 17}


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": PersonName()}, "family"),
        ({"name": PersonName(NameGroup(prefix="Dr."))}, "family"),
        ({"name": practice.name("X" * 60, "Y" * 10)}, "family"),
        ({"name": PersonName(NameGroup("A"), NameGroup("山" * 65))}, "family"),
        ({"name": practice.name("A^B")}, "family"),
        ({"name": practice.name("A", "B=C")}, "given"),
        ({"name": practice.name("A\\B")}, "family"),
        ({"name": practice.name("A\nB")}, "family"),
        ({"name": practice.name("A\x00B")}, "family"),
        ({"names": (("alias", practice.name("A^B")),)}, "family"),
        ({"names": (("nickname", practice.name("Ama")),)}, "names"),
        ({"birth_date": "1966-02-30"}, "birth_date"),
        ({"birth_date": "19660603"}, "birth_date"),
        ({"birth_date": "2026-11-26"}, "birth_date"),
        ({"birth_date": "1895-01-01"}, "birth_date"),
        ({"birth_date": "１９６８-06-03"}, "birth_date"),
        ({"sex": "X"}, "sex"),
        ({"sex": ""}, "sex"),
        ({"phone": "12"}, "phone"),
        ({"phone": "555-020-0100-555-020-0100"}, "phone"),
        *(({field: "x" * length}, field) for field, length in TOO_LONG.items()),
        *(({field: "a\x00b"}, field) for field in TOO_LONG),
        ({"street": "1 Mill Lane\nUnit 2"}, "street"),
        ({"identifiers": (Identifier("", 1),)}, "identifier"),
        ({"identifiers": (Identifier("A\\1", 1),)}, "identifier"),
        ({"identifiers": (Identifier("x" * 65, 1),)}, "identifier"),
    ],
)
def test_facts_that_cannot_be_are_refused_by_their_field(standing, facts, field):
    wrong = replace(NDIDI, **facts)
    ndidi = found(standing, "ndidi")
    assert len(ndidi) == 1
    for attempt in (lambda: enrol(standing, wrong, somebody_else=True), lambda: change(standing, ndidi[0], wrong)):
        with pytest.raises(Invalid) as caught:
            attempt()
        assert caught.value.field == field
    assert found(standing, "ndidi") == ndidi
    assert names_of(look(standing, ndidi[0])) == [("legal", "Ezeugo, Ndidi")]


AT_THE_LIMIT = (
    {"name": practice.name("X" * 63)},
    {"name": practice.name("", "Cher")},
    {"name": PersonName(ideographic=NameGroup("山" * 32, "田" * 31))},
    {"birth_date": "  1966-06-03 "},
    {"birth_date": "1966"},
    {"birth_date": "1966-06"},
    {"birth_date": "2026-11-25"},  # Born today where the day begins before ours.
    {"birth_date": ""},
    {"phone": "+44 20 7946 0018"},
    {field: "x" * (length - 1) for field, length in TOO_LONG.items()},
    {"identifiers": (Identifier("0" * 64, 1, "A much too long type"),)},
)


def test_facts_at_the_limit_are_kept(system):
    for facts in AT_THE_LIMIT:
        wanted = replace(NDIDI, **facts)
        kept = look(system, enrol(system, wanted, somebody_else=True).id)
        assert kept.name == wanted.name
        assert kept.birth_date == (wanted.birth_date.strip() or None)
        assert [getattr(kept, field) for field in TOO_LONG] == [getattr(wanted, field) for field in TOO_LONG]
        assert kept.phone == wanted.phone


def test_hostile_text_stays_text(system):
    script = "<script>alert(1)</script>"
    facts = replace(NDIDI, name=practice.name(script, "'; DROP TABLE patient; --"), street=script, city="%_' OR 1=1")
    kept = look(system, enrol(system, facts).id)
    assert kept.name.shown == f"{script}, '; DROP TABLE patient; --"
    assert (kept.street, kept.city) == (script, "%_' OR 1=1")
    assert found(system, "script drop") == [kept.id]
    assert found(system, "%") == []


def test_letters_that_grow_when_folded_are_found_again(system):
    facts = replace(
        NDIDI,
        name=PersonName(NameGroup("ß" * 40, "ß" * 23), NameGroup("ﷺ" * 64)),
        names=(("alias", practice.name("ß" * 41)),),
    )
    kept = enrol(system, facts)
    assert found(system, "ß" * 40) == [kept.id]


def test_staff_without_the_right_register_nobody(system):
    biller = Actor("user", "Marion Achebe", Role.BILLER, 5)
    with pytest.raises(Forbidden), unit_of_work(system) as uow:
        register.register_patient(uow, Registration(NDIDI, site_of(uow)), biller)
    with pytest.raises(Forbidden), unit_of_work(system) as uow:
        register.register_unknown_patient(uow, UnknownPatient(site_of(uow)), biller)


# --- somebody who is here already


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"name": practice.name("EZEUGO", "NDIDI"), "phone": ""},
        {"name": practice.name("Ndidi", "Ezeugo")},
        {"birth_date": "1966-03-06"},
        {"name": practice.name("Ezeugo", "Ndiddi"), "phone": ""},
        {"birth_date": "", "phone": "+1 555 020 0100"},
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_likely_duplicate_is_asked_about_before_it_is_made(system, facts):
    first = enrol(system)
    with pytest.raises(LikelyDuplicate, match=r"Ezeugo, Ndidi \(M\d{7}\)") as caught:
        enrol(system, replace(NDIDI, **facts))
    assert caught.value.patient_ids == (first.id,)
    assert found(system, "ndidi ezeugo") == [first.id]
    second = enrol(system, replace(NDIDI, **facts), somebody_else=True)
    assert second.id != first.id


def test_the_likeliest_of_several_stands_first_and_strangers_are_not_shown(system):
    twin = enrol(system, replace(NDIDI, name=practice.name("Ezeugo", "Adaeze"), phone=""))
    same = enrol(system, somebody_else=True)
    enrol(system, replace(NDIDI, name=practice.name("Smith", "John"), birth_date="1950-01-01", phone=""))
    with pytest.raises(LikelyDuplicate) as caught:
        enrol(system, replace(NDIDI, name=practice.name("Ezeugo", "Ndidi"), phone="555 020 0100"))
    assert caught.value.patient_ids[0] == same.id
    assert twin.id not in caught.value.patient_ids[:1]
    enrol(system, replace(NDIDI, name=practice.name("Ezeugo", "Chidi"), birth_date="2001-09-09", sex="M", phone=""))


# --- changes


def test_a_name_from_before_is_kept_and_found_through_every_later_change(system):
    ndidi = enrol(system)
    married = replace(NDIDI, name=practice.name("Adeyemi", "Ndidi"))
    change(system, ndidi.id, married)
    change(system, ndidi.id, replace(married, city="Shelbyville"))
    change(system, ndidi.id, replace(married, name=practice.name("Balogun", "Ndidi")))
    kept = look(system, ndidi.id)
    assert kept.name.shown == "Balogun, Ndidi"
    assert {kind_name for kind_name in names_of(kept)} == {
        ("legal", "Balogun, Ndidi"),
        ("previous", "Ezeugo, Ndidi"),
        ("previous", "Adeyemi, Ndidi"),
    }
    for name in ("ezeugo", "adeyemi", "balogun"):
        assert found(system, name) == [ndidi.id]


def test_a_name_taken_back_is_legal_and_no_longer_previous(system):
    ndidi = enrol(system)
    change(system, ndidi.id, replace(NDIDI, name=practice.name("Adeyemi", "Ndidi")))
    change(system, ndidi.id, NDIDI)
    assert sorted(names_of(look(system, ndidi.id))) == [("legal", "Ezeugo, Ndidi"), ("previous", "Adeyemi, Ndidi")]


def test_a_change_says_in_the_trail_what_it_changed(system):
    ndidi = enrol(system)
    change(system, ndidi.id, replace(NDIDI, birth_date="1966-06-30", sex="U"))
    with read_only(system) as uow:
        entry = uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "change")).one()
    assert entry.detail == {"birth_date": ["1966-06-03", "1966-06-30"], "sex": ["F", "U"]}


def test_what_is_no_longer_true_is_no_longer_found(system):
    ndidi = enrol(system)
    change(system, ndidi.id, replace(NDIDI, phone="(555) 020-0199", birth_date="1969-06-03"))
    assert found(system, "555 020 0100") == []
    assert found(system, "1966-06-03") == []
    assert found(system, "555 020 0199") == [ndidi.id]


def test_changing_nobody_is_said(system):
    with pytest.raises(NoSuchPatient):
        change(system, 99_999, NDIDI)


# --- B9: somebody nobody can name


def test_an_unknown_patient_keeps_id_number_and_orders_when_identified(system):
    with unit_of_work(system) as uow:
        unknown = register.register_unknown_patient(uow, UnknownPatient(site_of(uow), "M", 45), PROGRAM)
        order = practice.an_order(uow, unknown)
    kept = look(system, unknown.id)
    assert kept.temporary
    assert (kept.name.alphabetic.family, kept.birth_date, kept.birth_date_estimated) == ("Unknown", "1981", True)
    mrn = kept.mrn
    change(system, unknown.id, PatientFacts(kept.name, birth_date="1980", sex="M"))
    assert look(system, unknown.id).temporary  # Still nobody knows the name.
    change(system, unknown.id, NDIDI)
    kept = look(system, unknown.id)
    assert not kept.temporary
    assert (kept.mrn, kept.birth_date, kept.birth_date_estimated) == (mrn, "1966-06-03", False)
    assert names_of(kept) == [("legal", "Ezeugo, Ndidi")]
    assert found(system, "unknown") == []
    with read_only(system) as uow:
        assert orders.order(uow, order.id, PROGRAM).patient_id == unknown.id


def test_two_unknown_patients_are_told_apart_and_never_called_duplicates(system):
    with unit_of_work(system) as uow:
        for _ in range(3):
            register.register_unknown_patient(uow, UnknownPatient(site_of(uow), "M", 45), PROGRAM)
    with read_only(system) as uow:
        shown = [row.name.shown for row in queries.search(uow, "unknown", PROGRAM)]
    assert len(set(shown)) == 3
    enrol(system, PatientFacts(practice.name("Unknown", "Bravo"), birth_date="1981", sex="M"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("age", "year"), [(0, "2026"), (120, "1906"), (None, None)])
def test_estimated_ages(system, age, year):
    with unit_of_work(system) as uow:
        made = register.register_unknown_patient(uow, UnknownPatient(site_of(uow), "U", age), PROGRAM)
        assert (made.birth_date, made.birth_date_estimated) == (year, year is not None)
    for wrong in (-1, 121):
        with pytest.raises(Invalid) as caught, unit_of_work(system) as uow:
            register.register_unknown_patient(uow, UnknownPatient(site_of(uow), "U", wrong), PROGRAM)
        assert caught.value.field == "estimated_age"


# --- numbers


def test_two_issuers_may_use_one_number_and_one_issuer_may_not(system):
    with unit_of_work(system) as uow:
        hospital, clinic = (find_or_add_issuer(uow, name).id for name in ("HOSPITAL", "CLINIC"))
    ndidi = enrol(system, replace(NDIDI, identifiers=(Identifier("00471", hospital),)))
    ito = PatientFacts(practice.name("Ito", "Kenji"))
    kenji = enrol(system, replace(ito, identifiers=(Identifier("00471", clinic),)))
    with pytest.raises(IdentifierTaken, match="Ezeugo"):
        enrol(system, replace(ito, identifiers=(Identifier("00471", hospital),)), somebody_else=True)
    with pytest.raises(IdentifierTaken), unit_of_work(system) as uow:
        register.add_identifier(uow, kenji.id, Identifier("00471", hospital), PROGRAM)
    with unit_of_work(system) as uow:
        register.add_identifier(uow, kenji.id, Identifier("471", hospital), PROGRAM)
        register.add_identifier(uow, ndidi.id, Identifier(" 00471 ", hospital), PROGRAM)  # Hers already.
    with read_only(system) as uow:
        by = {
            (value, issuer): queries.by_identifier(uow, value, issuer).id
            for value, issuer in (("00471", hospital), ("00471", clinic), ("471", hospital))
        }
        assert queries.by_identifier(uow, "0471", hospital) is None
    assert by == {("00471", hospital): ndidi.id, ("00471", clinic): kenji.id, ("471", hospital): kenji.id}
    assert len(look(system, ndidi.id).identifiers) == 2
    assert sorted(found(system, "00471")) == sorted([ndidi.id, kenji.id])


def test_a_number_that_somebody_else_gave_out_is_passed_over(system):
    with read_only(system) as uow:
        ours = catalog.sites(uow)[0].patient_issuer_id
    first = enrol(system)
    taken = enrol(system, PatientFacts(practice.name("Smith"), identifiers=(Identifier(numbered(first, 2), ours),)))
    assert look(system, taken.id).mrn == numbered(first, 1)
    kenji = enrol(system, PatientFacts(practice.name("Ito", "Kenji")))
    assert look(system, kenji.id).mrn == numbered(first, 3)


def test_nothing_is_left_of_a_registration_that_failed(system):
    with read_only(system) as uow:
        ours = catalog.sites(uow)[0].patient_issuer_id
    first = enrol(system)
    with pytest.raises(IdentifierTaken):
        enrol(system, PatientFacts(practice.name("Ito"), identifiers=(Identifier(first.mrn, ours),)))
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.max(Patient.id))) == first.id
        assert uow.session.scalars(select(PatientToken.token).where(PatientToken.token == "ito")).all() == []
    assert look(system, enrol(system, PatientFacts(practice.name("Ito"))).id).mrn == numbered(first, 1)


def test_a_safety_fact_is_said_once(system):
    ndidi = enrol(system)
    with unit_of_work(system) as uow:
        for text in ("Iodinated contrast", " Iodinated contrast ", "", "x" * 500):
            register.note_safety_fact(uow, ndidi.id, "allergy", text, "severe", PROGRAM)
    facts = look(system, ndidi.id).safety_facts
    assert [(fact.text, fact.severity) for fact in facts] == [
        ("Iodinated contrast", "severe"),
        ("x" * 200, "severe"),
    ]


def test_a_child_born_at_new_year_where_the_day_comes_first(system, clock):
    clock.now = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)  # In Auckland it is tomorrow.
    kept = enrol(system, PatientFacts(practice.name("Ngata", "Baby Girl"), birth_date="2027-01-01", sex="F"))
    assert kept.birth_date == "2027-01-01"
