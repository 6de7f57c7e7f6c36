"""Lists of exams, as pages show them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries
from ris_pacs.orders.queries import ExamFilter
from ris_pacs.orders.service import change
from ris_pacs.orders.service.place import Diagnosis
from ris_pacs.patients.queries import linked_ids
from tests import practice
from tests.conftest import THE_MORNING, StoppedClock
from tests.databases import KINDS

PROCEDURES = ("CTCHEST", "MRBRAIN", "CTHEAD")
COUNT = 23


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[System]:
    """23 exams of two patients, many of them ordered in the same instant."""
    folder = tmp_path_factory.mktemp("orders")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        with unit_of_work(system) as uow:
            people = [practice.a_patient(uow, family, birth_date="1970-01-01") for family in ("Adeyemi", "Balogun")]
            for number in range(COUNT):
                order = practice.an_order(
                    uow,
                    people[number % 2],
                    PROCEDURES[number % 3],
                    priority="stat" if number % 5 == 0 else "routine",
                    placed_at=THE_MORNING + timedelta(minutes=number // 4),
                    diagnoses=(Diagnosis("R911"),),
                    accession_number=f"AN{number:04}",
                )
                if number % 6 == 0:
                    change.hold_order(uow, order.id, "vetting", PROGRAM)
        yield system


def pages(system: System, wanted: ExamFilter, limit: int) -> list[queries.ExamRow]:
    """Every row of the list, page by page."""
    rows: list[queries.ExamRow] = []
    before = None
    while len(rows) <= COUNT:
        with read_only(system) as uow:
            page = queries.list_exams(uow, ExamFilter(**{**wanted.__dict__, "before": before}), PROGRAM, limit)
        assert len(page) <= limit + 1
        rows += page[:limit]
        if len(page) <= limit:
            return rows
        before = (rows[-1].placed_at, rows[-1].id)
    pytest.fail("the pages repeat themselves")


@pytest.mark.parametrize("limit", [1, 3, 4, 22, 23, 50])
def test_pages_have_no_gap_and_no_repeat(standing, limit):
    rows = pages(standing, ExamFilter(), limit)
    assert [row.accession_number for row in rows] == [f"AN{number:04}" for number in reversed(range(COUNT))]


@pytest.mark.parametrize(
    ("wanted", "which"),
    [
        (ExamFilter(states=("on-hold",)), lambda number: number % 6 == 0),
        (ExamFilter(states=("on-hold", "requested")), lambda number: True),
        (ExamFilter(states=("final",)), lambda number: False),
        (ExamFilter(modality="MR"), lambda number: number % 3 == 1),
        (ExamFilter(priority="stat"), lambda number: number % 5 == 0),
        (
            ExamFilter(modality="CT", priority="stat", states=("requested",)),
            lambda n: n % 5 == 0 and n % 3 != 1 and n % 6,
        ),
    ],
)
def test_filters_narrow_every_page(standing, wanted, which):
    rows = pages(standing, wanted, 2)
    assert [row.accession_number for row in rows] == [f"AN{n:04}" for n in reversed(range(COUNT)) if which(n)]


def test_exams_of_one_patient(standing):
    with read_only(standing) as uow:
        somebody = queries.list_exams(uow, ExamFilter(), PROGRAM, 1)[0].patient
        ids = linked_ids(uow, somebody.id)
        rows = queries.list_exams(uow, ExamFilter(patient_ids=ids), PROGRAM)
    assert {row.patient.id for row in rows} == {somebody.id}
    assert len(rows) == 12


def test_a_row_says_what_lists_show(standing):
    with read_only(standing) as uow:
        row = queries.list_exams(uow, ExamFilter(), PROGRAM, 1)[0]
    assert (row.title, row.modality, row.state, row.priority) == ("MR brain", "MR", "requested", "routine")
    assert row.diagnoses == "R91.1 Solitary pulmonary nodule"
    assert row.patient.name.shown == "Adeyemi, Amara"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AN0007", ["AN0007"]),
        (" AN000 ", [f"AN000{number}" for number in range(6)]),  # No more than six.
        ("AN002", ["AN0020", "AN0021", "AN0022"]),
        ("AN", []),  # Too short to mean something.
        ("an0007", []),
        ("N0007", []),
        ("AN00%", []),
        ("AN_007", []),
        ("A" * 17, []),
    ],
)
def test_search_by_the_beginning_of_the_accession_number(standing, text, found):
    with read_only(standing) as uow:
        assert [row.accession_number for row in queries.search_exams(uow, text, PROGRAM)] == found


def test_the_same_procedure_still_open_is_a_likely_duplicate_order(system):
    with unit_of_work(system) as uow:
        patient = practice.a_patient(uow)
        first = practice.an_order(uow, patient)
        practice.an_order(uow, patient, "CTHEAD")
        other = practice.an_order(uow, practice.a_patient(uow, "Ito", "Kenji"))
        procedure_id = first.exams[0].procedure_id

    def similar() -> list[str]:
        with read_only(system) as uow:
            return [row.accession_number for row in queries.similar_open_exams(uow, patient.id, procedure_id, PROGRAM)]

    assert similar() == [first.accession_number]
    with unit_of_work(system) as uow:
        change.cancel_order(uow, first.id, "twice", PROGRAM)
    assert similar() == []
    assert other.accession_number not in similar()
