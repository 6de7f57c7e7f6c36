"""Searches of the catalogue, as the forms use them while somebody types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ris_pacs.catalog import queries
from ris_pacs.catalog.errors import BadNpi, NoSuchDiagnosis, NoSuchPractitioner, NoSuchProcedure
from ris_pacs.catalog.models import Procedure
from ris_pacs.catalog.service.doctors import DoctorFacts, find_or_add_practitioner
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests import practice
from tests.conftest import StoppedClock
from tests.databases import KINDS


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("catalog")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        with unit_of_work(system) as uow:
            for facts in (
                DoctorFacts("Müller-Lüdenscheidt", "Hannelore", practice="Praxis am Park"),
                DoctorFacts("O’Neill", "Siobhán", npi="1245319599", practice="Harbor Clinic"),
                DoctorFacts("Pax_ton", "100%", practice="Odd Names"),
            ):
                find_or_add_practitioner(uow, facts, PROGRAM)
        yield system


def diagnoses(system: System, text: str) -> list[str]:
    with read_only(system) as uow:
        return [one.code for one in queries.search_diagnoses(uow, text)]


def procedures(system: System, text: str) -> list[str]:
    with read_only(system) as uow:
        return [one.code for one in queries.search_procedures(uow, text)]


def doctors(system: System, text: str) -> list[str]:
    with read_only(system) as uow:
        return [one.family for one in queries.search_practitioners(uow, text)]


@pytest.mark.parametrize("text", ["M54.50", "m54.50", "M5450", " m5450 "])
def test_a_diagnosis_by_its_code(standing, text):
    assert diagnoses(standing, text)[0] == "M54.50"
    with read_only(standing) as uow:
        found = queries.diagnosis(uow, text)
    assert (found.code, found.name, found.billable) == ("M54.50", "Low back pain, unspecified", True)


@pytest.mark.parametrize("text", ["R91", "r91", "I10"])
def test_codes_of_three_characters_have_no_dot(standing, text):
    with read_only(standing) as uow:
        assert queries.diagnosis(uow, text).code == text.upper()
    assert diagnoses(standing, text)[0].startswith(text.upper())


@pytest.mark.parametrize("text", ["M54.5", "M545"])
def test_the_beginning_of_a_code_lists_what_is_below(standing, text):
    assert {"M54.50", "M54.51", "M54.59"} <= set(diagnoses(standing, text))


@pytest.mark.parametrize(
    "text", ["low back pain", "pain low back", "BACK Pain, low!", "unspec back low pa", "pain back low unspecified"]
)
def test_a_diagnosis_by_its_words_in_any_order(standing, text):
    assert "M54.50" in diagnoses(standing, text)


def test_what_can_be_billed_stands_before_its_heading(standing):
    with read_only(standing) as uow:
        found = queries.search_diagnoses(uow, "solitary pulmonary nodule")
        billable = [one.billable for one in queries.search_diagnoses(uow, "low back pain")]
    assert [one.code for one in found] == ["R91.1"]
    assert billable == sorted(billable, reverse=True)


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "\\", "xyzzy", "low back pain xyzzy", "'; --", "\x00"])
def test_nothing_is_found_for_nonsense(standing, text):
    assert diagnoses(standing, text) == []


def test_a_list_is_never_longer_than_a_screen(standing):
    assert len(diagnoses(standing, "s")) == 12
    assert len(diagnoses(standing, "fracture " * 1000)) == 12


@pytest.mark.parametrize("code", ["", "M54.505", "Z99.99", "M54_5", "%", "M54.50'", "x" * 5000])
def test_codes_that_are_not_in_the_list(standing, code):
    with read_only(standing) as uow, pytest.raises(NoSuchDiagnosis) as caught:
        queries.diagnosis(uow, code)
    assert caught.value.field == "diagnoses"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("knee mr", "MRKNEE"),
        ("mr kn", "MRKNEE"),
        ("mrknee", "MRKNEE"),
        ("CT CHEST", "CTCHEST"),
        ("chest ct low", "CTCHESTLD"),
        ("contrast head ct", "CTHEADC"),
    ],
)
def test_a_procedure_by_words_code_or_body_part(standing, text, first):
    assert procedures(standing, text)[0] == first


@pytest.mark.parametrize("text", ["ct chest xyzzy", "_", "c_", "hest"])
def test_no_procedure_for_other_words(standing, text):
    assert procedures(standing, text) == []


@pytest.mark.parametrize(
    "text", ["muller", "MÜLLER", "ludenscheidt hannelore", "hanne mull", "park praxis", "Müller-Lüdenscheidt"]
)
def test_a_doctor_by_name_and_practice(standing, text):
    assert doctors(standing, text) == ["Müller-Lüdenscheidt"]


def test_a_doctor_by_the_beginning_of_the_npi(standing):
    assert doctors(standing, "12453") == ["O’Neill"]
    assert doctors(standing, "1245319599") == ["O’Neill"]
    assert doctors(standing, "9") == []


def test_signs_that_mean_something_to_the_database_mean_nothing_here(standing):
    assert doctors(standing, "pax_") == ["Pax_ton"]
    assert doctors(standing, "p_x") == []
    assert doctors(standing, "100%") == ["Pax_ton"]


def test_a_doctor_is_added_once(system):
    with unit_of_work(system) as uow:
        first = find_or_add_practitioner(uow, DoctorFacts("Ito", "Kenji", practice="North"), PROGRAM)
        assert find_or_add_practitioner(uow, DoctorFacts(" ITO", "kenji ", practice="north"), PROGRAM) is first
        assert find_or_add_practitioner(uow, DoctorFacts("Ito", "Kenji", practice="South"), PROGRAM) is not first
        numbered = find_or_add_practitioner(uow, DoctorFacts("Ito", "Kenji", npi="1003000126"), PROGRAM)
        assert find_or_add_practitioner(uow, DoctorFacts("Itoh", "K", npi="1003000126"), PROGRAM) is numbered
        long = find_or_add_practitioner(uow, DoctorFacts("X" * 500, "Y" * 500, practice="Z" * 500), PROGRAM)
        assert (len(long.family), len(long.given), len(long.practice)) == (64, 64, 120)
    with pytest.raises(BadNpi), unit_of_work(system) as uow:
        find_or_add_practitioner(uow, DoctorFacts("Ito", npi="1003000127"), PROGRAM)
    with pytest.raises(Invalid), unit_of_work(system) as uow:
        find_or_add_practitioner(uow, DoctorFacts("  ", "Kenji"), PROGRAM)


def test_what_is_not_there_is_said(standing):
    with read_only(standing) as uow:
        for look, error in (
            (queries.procedure, NoSuchProcedure),
            (queries.practitioner, NoSuchPractitioner),
        ):
            with pytest.raises(error):
                look(uow, 99_999_999)


def test_a_code_that_two_lists_have_goes_by_its_list_and_retired_ones_are_gone(system, clock):
    with unit_of_work(system) as uow:
        ours = queries.procedure_by_code(uow, "CTHEAD")
        assert ours is not None
        theirs = Procedure(code="CTHEAD", scheme="L", name="CT skull", modality="CT", minutes=20, folded="ct skull")
        uow.session.add(theirs)
        uow.session.flush()
        assert queries.procedure_by_code(uow, "CTHEAD", "L") is theirs
        assert queries.procedure_by_code(uow, "CTHEAD", "99RISPACS") is ours
        assert queries.procedure_by_code(uow, "CTHEAD", "ELSE") is not None
        ours.retired_at = clock.now
        uow.session.flush()
        assert queries.procedure_by_code(uow, "CTHEAD", "99RISPACS") is theirs
        assert queries.procedure_by_code(uow, "cthead") is None
        assert "CTHEAD" not in [one.code for one in queries.search_procedures(uow, "ct head")]
