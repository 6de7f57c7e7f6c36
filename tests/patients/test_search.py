"""Finding patients by what a caller says (B1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.patients import queries
from ris_pacs.patients.service.register import Identifier, PatientFacts, Registration, register_patient
from tests import practice
from tests.conftest import StoppedClock
from tests.databases import KINDS

# name, birth date, phone, number at the hospital
PEOPLE = (
    ("Ezeugo^Ndidi^Obioma", "1966-06-03", "(555) 020-0100", "00471"),
    ("García López^José María", "1980-12-01", "+1 555 020 0101", "A-77/3"),
    ("O’Brien-Smith^Siobhán", "1971-02-28", "555.020.0102", ""),
    ("Żółć^Łukasz", "1990", "", ""),
    ("Straße^Jörg", "1955-05-05", "", ""),
    ("Çelik^İpek", "1988-08-08", "", ""),
    ("Παπαδόπουλος^Ελένη", "1949-03-06", "", ""),
    ("Йорданов^Пётр", "1963-10-10", "", ""),
    ("الراشد^فاطمة", "2001-01-01", "", ""),
    ("כהן^שרה", "1977-07-07", "", ""),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "1970-01-02", "", ""),
    ("Kim^Hee-joong=金^希中=김^희중", "1985-11-30", "", ""),
    ("Nguyễn^Thị Ánh", "1999-09-09", "", ""),
    ("प्रिया^शर्मा", "1992-02-02", "", ""),
    ("Smith^John", "1950-01-01", "555-020-0199", ""),
    ("Smith^Jane", "1950-01-01", "555-020-0199", ""),
    ("Smithson^Alan", "1966-06-03", "", ""),
)


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("patients")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        with unit_of_work(system) as uow:
            site = catalog.sites(uow)[0].id
            hospital, insurer = (find_or_add_issuer(uow, name).id for name in ("HOSPITAL", "INSURER"))
            for place, (name, born, phone, number) in enumerate(PEOPLE):
                numbers = [Identifier(f"INSURED-N{place}", insurer)]
                if number:
                    numbers.append(Identifier(number, hospital))
                facts = PatientFacts(
                    PersonName.from_dicom(name),
                    birth_date=born,
                    phone=phone,
                    identifiers=tuple(numbers),
                )
                register_patient(uow, Registration(facts, site, somebody_else=True), PROGRAM)
        yield system


def found(system: System, text: str, limit: int = 20) -> list[str]:
    with read_only(system) as uow:
        return [row.name.alphabetic.family or row.name.shown for row in queries.search(uow, text, PROGRAM, limit)]


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("ezeugo", "Ezeugo"),
        ("Ndidi Ezeugo", "Ezeugo"),
        ("EZEUGO, NDIDI", "Ezeugo"),
        ("obio ndi eze", "Ezeugo"),
        ("garcia", "García López"),
        ("lopez jose", "García López"),
        ("maria garcía", "García López"),
        ("O'Brien", "O’Brien-Smith"),
        ("siobhan smith", "O’Brien-Smith"),
        ("Lukasz Zolc", "Żółć"),
        ("zolc", "Żółć"),
        ("strasse jorg", "Straße"),
        ("STRASSE", "Straße"),
        ("straße", "Straße"),
        ("celik ipek", "Çelik"),
        ("ÇELİK", "Çelik"),
        ("παπαδοπουλοσ", "Παπαδόπουλος"),
        ("ελενη παπαδόπουλος", "Παπαδόπουλος"),
        ("йорданов", "Йорданов"),
        ("петр", "Йорданов"),
        ("فاطمة", "الراشد"),
        ("שרה כהן", "כהן"),
        ("山田", "Yamada"),
        ("太郎 山田", "Yamada"),
        ("やまだ", "Yamada"),
        ("yamada 太", "Yamada"),
        ("김", "Kim"),
        ("金希", None),  # Two words of one character each are not one of two.
        ("希中 kim", "Kim"),
        ("hee joong", "Kim"),
        ("nguyen anh thi", "Nguyễn"),
        ("प्रिया", "प्रिया"),
    ],
)
def test_a_name_in_any_script_any_order_and_without_accents(standing, text, family):
    assert found(standing, text) == ([family] if family else [])


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("smith", ["O’Brien-Smith", "Smith", "Smith", "Smithson"]),
        ("smith j", ["Smith", "Smith"]),
        ("smith 1950-01-01", ["Smith", "Smith"]),
        ("1966-06-03", ["Ezeugo", "Smithson"]),
        ("1966-6-3", ["Ezeugo", "Smithson"]),
        ("6/3/1966", ["Ezeugo", "Smithson"]),
        ("3.6.1966", ["Ezeugo", "Smithson"]),
        ("06/03/1966 eze", ["Ezeugo"]),
        ("ezeugo 3.6.1966", ["Ezeugo"]),
        ("3/6/1966", []),
    ],
)
def test_birth_dates_alone_and_beside_a_name(standing, text, families):
    assert found(standing, text) == families


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("(555) 020-0100", ["Ezeugo"]),
        ("5550200100", ["Ezeugo"]),
        ("555 020 01", ["García López", "O’Brien-Smith", "Ezeugo", "Smith", "Smith"]),
        ("+1 555 020 0101", ["García López"]),
        ("1-555-020-0102", ["O’Brien-Smith"]),
        ("+1 (555) 020", ["García López", "O’Brien-Smith", "Ezeugo", "Smith", "Smith"]),
        ("555-020-0199", ["Smith", "Smith"]),
        ("jane 555-020-0199", ["Smith"]),
        ("5550209999", []),
    ],
)
def test_a_telephone_number_however_written(standing, text, families):
    assert sorted(found(standing, text)) == sorted(families)


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("00471", ["Ezeugo"]),
        ("471", []),  # Leading zeros are part of a number.
        ("A-77/3", ["García López"]),
        ("a-77", ["García López"]),
        ("00471 garcia", []),
    ],
)
def test_a_number_of_any_issuer(standing, text, families):
    assert found(standing, text) == families


def test_our_own_number_in_either_case(standing):
    with read_only(standing) as uow:
        mrn = queries.search(uow, "ezeugo", PROGRAM)[0].mrn
    assert found(standing, mrn) == found(standing, mrn.lower()) == ["Ezeugo"]


def test_the_list_goes_by_name_and_is_no_longer_than_asked(standing):
    shown = found(standing, "insured", limit=100)
    assert len(shown) == len(PEOPLE)
    assert shown[:4] == ["Çelik", "Ezeugo", "García López", "Kim"]
    assert found(standing, "insured", limit=4) == shown[:4]


@pytest.mark.parametrize(
    "text", ["", "   ", "%", "_", "*", "\\", "^", "=", "<script>", "' OR 1=1 --", "xyzzy", "\x00", "-", "2026-13-45"]
)
def test_nothing_is_found_for_nonsense(standing, text):
    assert found(standing, text) == []


@pytest.mark.parametrize("text", ["q" * 10_000, "q " * 5_000, "1" * 10_000, "9-" * 5_000, "\x00\x01" * 50, "😀" * 200])
def test_a_pasted_page_of_text_is_harmless(standing, text):
    assert found(standing, text) == []


def test_a_patient_row_says_what_lists_show(standing):
    with read_only(standing) as uow:
        row = queries.search(uow, "ezeugo", PROGRAM)[0]
    assert (row.mrn[0], row.mrn_issuer, row.phone, row.temporary) == ("M", "MERIDIAN", "(555) 020-0100", False)
    assert row.age_on(StoppedClock().now.date()) == "60 y"
