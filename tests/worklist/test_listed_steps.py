"""What a worklist answer holds, and that many answers cost no more statements than one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydicom import Dataset
from sqlalchemy import event, insert, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.dimse import Registered
from ris_pacs.catalog.service import devices, sites
from ris_pacs.catalog.service.devices import DeviceFacts
from ris_pacs.catalog.service.doctors import DoctorFacts, find_or_add_practitioner
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.dicom.handlers import Association, Caller, Device, FindRequest
from ris_pacs.dicom.sop_classes import MODALITY_WORKLIST
from ris_pacs.kernel.actor import OPERATOR, PROGRAM
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders.models import Order
from ris_pacs.orders.service.place import Diagnosis, VisitFacts
from ris_pacs.patients.service import register
from ris_pacs.scheduling.models import ScheduledStep, StepStation
from ris_pacs.worklist import queries
from ris_pacs.worklist.dimse.find import WorklistFind
from ris_pacs.worklist.dimse.item import worklist_item
from ris_pacs.worklist.models import WorklistQuery
from ris_pacs.worklist.queries import WorklistKeys
from tests import practice

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
CALLER = Caller("CT1", "RISPACS", "127.0.0.1")


def find(system: System, limit: int = 20_000, **keys: object) -> list[queries.ListedStep]:
    with read_only(system) as uow:
        return queries.find_steps(uow, WorklistKeys(**keys), limit)  # type: ignore[arg-type]


def an_order_with_everything(uow: UnitOfWork, family: str = "Eze") -> Order:
    clinic = find_or_add_issuer(uow, "CLINIC", universal_id="1.2.3", universal_id_type="ISO")
    patient = practice.a_patient(
        uow,
        family,
        "Ndidi",
        names=(("alias", practice.name("Adeyemi", "Ndidi")),),
        identifiers=(register.Identifier(f"H-{family}", clinic.id),),
    )
    for kind, text in (
        ("allergy", "iodine"),
        ("implant", "pacemaker"),
        ("alert", "falls"),
        ("allergy", "latex"),
        ("weight", "71.5 kg"),
        ("height", "about 170"),
        ("pregnancy", "Not pregnant"),
    ):
        register.note_safety_fact(uow, patient.id, kind, text, "", PROGRAM)
    doctor = find_or_add_practitioner(uow, DoctorFacts("Brandt", "Ilse", suffix="MD"), PROGRAM)
    return practice.an_order(
        uow,
        patient,
        "MRKNEE",
        laterality="R",
        priority="urgent",
        referrer_id=doctor.id,
        diagnoses=(Diagnosis("M25.561"), Diagnosis("", "fell off a ladder")),
        accession_number=f"A-{family}",
        accession_issuer_id=clinic.id,
        placer_number=f"P-{family}",
        placer_issuer_id=clinic.id,
        visit=VisitFacts(f"V-{family}", clinic.id, location="ward 3"),
    )


def test_an_answer_says_everything_of_step_exam_order_and_patient(system):
    with unit_of_work(system) as uow:
        order = an_order_with_everything(uow)
        booked = practice.book(uow, order, AT_TWO, "MR1")
        number = practice.mrn_of(uow, order.patient_id)
    (step,) = find(system)
    assert (step.id, step.exam_id, step.room) == (booked.step_id, booked.exam_id, "MR1")
    item = worklist_item(step, NEW_YORK)
    (there,) = item[0x00400100]
    code = {0x00080100: "MRKNEE", 0x00080102: "99RISPACS", 0x00080104: "MR knee"}
    assert item == {
        0x00100010: "Eze^Ndidi",
        0x00100020: number,
        0x00100021: "MERIDIAN",
        0x00100024: item[0x00100024],
        0x00101002: [{0x00100020: "H-Eze", 0x00100021: "CLINIC", 0x00100022: "TEXT"}],
        0x00100030: "19680603",
        0x00100040: "F",
        0x00101030: "71.5",
        0x00101020: "",
        0x00102000: ["falls", "pacemaker"],
        0x00102110: ["iodine", "latex"],
        0x001021C0: 1,
        0x00380010: "V-Eze",
        0x00380014: [{0x00400031: "CLINIC"}],
        0x00380300: "ward 3",
        0x00080050: "A-Eze",
        0x00080051: [{0x00400031: "CLINIC", 0x00400032: "1.2.3", 0x00400033: "ISO"}],
        0x00080090: "Brandt^Ilse^^^MD",
        0x00321032: "Brandt^Ilse^^^MD",
        0x00402016: "P-Eze",
        0x00402017: "A-Eze",
        0x00401001: step.exam_identifier,
        0x00321060: "MR knee right",
        0x00321064: [code],
        0x0020000D: booked.study_instance_uid,
        0x00401003: "HIGH",
        0x00401002: "M25.561 Pain in right knee; fell off a ladder",
        0x0040100A: [{0x00080100: "M25.561", 0x00080102: "I10C", 0x00080104: "Pain in right knee"}],
        0x00401400: "",
        0x00400100: [
            {
                0x00400001: ["MR1"],
                0x00400002: "20261124",
                0x00400003: "140000",
                0x00080060: "MR",
                0x00400007: "MR knee right",
                0x00400008: [code],
                0x00400009: step.identifier,
                0x00400010: there[0x00400010],
                0x00400011: "MR1",
                0x00321070: "",
                0x00400020: "SCHEDULED",
                0x00400400: "",
                **dict.fromkeys((0x00400006, 0x00400012), ""),
            }
        ],
        0x00380050: [],
        0x00081110: [],
        **dict.fromkeys((0x00380500, 0x00403001, 0x00380008, 0x00402400, 0x00401004), ""),
    }


def test_the_number_that_the_device_asked_by_comes_first(system):
    with unit_of_work(system) as uow:
        practice.book(uow, an_order_with_everything(uow), AT_TWO, "MR1")
    (step,) = find(system, patient_id="H-Eze")
    item = worklist_item(step, NEW_YORK, "H-Eze")
    assert (item[0x00100020], item[0x00100021]) == ("H-Eze", "CLINIC")
    assert item[0x00100024] == [{0x00400032: "1.2.3", 0x00400033: "ISO"}]
    assert [other[0x00100021] for other in item[0x00101002]] == ["MERIDIAN"]


def test_what_is_not_known_is_empty(system):
    with unit_of_work(system) as uow:
        practice.a_booked_exam(uow, AT_TWO, "CTCHEST")
    (step,) = find(system)
    item = worklist_item(step, NEW_YORK)
    assert (step.order.diagnoses, step.patient.facts) == ((), ())
    empty = (0x00080090, 0x00380010, 0x00380300, 0x00402016, 0x00401002, 0x00101030, 0x001021C0)
    assert {item[tag] for tag in empty} == {""}
    assert [item[tag] for tag in (0x00380014, 0x0040100A, 0x00101002, 0x00102110)] == [[], [], [], []]


def test_a_station_that_no_text_can_be_is_refused(system):
    with pytest.raises(Invalid, match="NUL"):
        find(system, stations=("CT\x001",))


# --- many


@pytest.fixture
def statements(system, monkeypatch) -> list[str]:
    """Every statement, whichever way it goes to the database."""
    ran: list[str] = []
    run = Prepared.run

    def noted(self, connection, values):
        ran.append("prepared")
        return run(self, connection, values)

    monkeypatch.setattr(Prepared, "run", noted)
    event.listen(system.database.engine, "before_cursor_execute", lambda _c, _u, text, *_: ran.append(text))
    return ran


def test_many_answers_take_as_many_statements_as_one(system, statements):
    with unit_of_work(system) as uow:
        for place in range(9):
            order = an_order_with_everything(uow, f"Eze{place}")
            practice.book(uow, order, AT_TWO + timedelta(days=place // 3, hours=place % 3), "MR1")
    statements.clear()
    assert len(find(system, limit=1)) == 1
    for_one = len(statements)
    statements.clear()
    assert len(find(system)) == 9
    assert len(statements) == for_one <= 10


def test_a_query_without_keys_answers_twenty_thousand_steps(system):
    """More than a statement may have parameters, on either database."""
    count = 20_001
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
        device = catalog.device(uow, "CT1")
        first = booked.step_id + 1
        steps = [
            {
                "id": number,
                "requested_procedure_id": booked.exam_id,
                "identifier": f"S-{number}",
                "modality": "CT",
                "minutes": 15,
                "state": "scheduled",
                "starts_at": AT_TWO + timedelta(minutes=number),
                "room_id": booked.room_id,
            }
            for number in range(first, first + count)
        ]
        uow.session.execute(insert(ScheduledStep), steps)
        stations = [{"step_id": one["id"], "device_id": device.id} for one in steps]
        uow.session.execute(insert(StepStation), stations)
    found = find(system)
    assert [step.id for step in found] == list(range(booked.step_id, booked.step_id + 20_000))
    assert {(step.stations[0].ae_title, step.room, step.order.accession_number) for step in found} == {
        ("CT1", "CT1", booked.accession_number)
    }


# --- on whose clock


def test_a_device_has_its_own_clock_else_its_sites_else_the_first_sites(system):
    with unit_of_work(system) as uow:
        site = catalog.sites(uow)[0]
        made = {
            title: devices.register_device(uow, DeviceFacts(title, zone=zone, site_id=site_id), OPERATOR).id
            for title, zone, site_id in (
                ("ABROAD", "Europe/Vienna", site.id),
                ("HERE", "", site.id),
                ("SOMEWHERE", "", None),
            )
        }
        here = site.zone
    with read_only(system) as uow:
        found = {title: queries.zone_of_device(uow, device_id).key for title, device_id in made.items()}
    assert found == {"ABROAD": "Europe/Vienna", "HERE": here, "SOMEWHERE": here}


def test_a_query_is_recorded_before_its_first_answer_leaves(system):
    with unit_of_work(system) as uow:
        practice.a_booked_exam(uow, AT_TWO)
    device = Registered(system, "RISPACS")(CALLER)
    assert isinstance(device, Device)
    request = FindRequest(MODALITY_WORKLIST, Dataset(), lambda: False, b"")
    answers = WorklistFind(system).find(request, Association("a1", CALLER, device, lambda: False))
    assert next(answers)
    answers.close()  # The device takes no more.
    with read_only(system) as uow:
        (noted,) = uow.session.scalars(select(WorklistQuery))
        actions = uow.session.scalars(select(AuditEntry.action)).all()
    assert (noted.device_id, noted.answers) == (device.id, 1)
    assert "query worklist" in actions


def test_names_longer_than_the_standard_allows_are_cut_in_the_answer(system):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
        room = practice.room_named(uow, "CT1")
        sites.change_room(uow, room, sites.RoomFacts("The large room on the second floor", "CT"), OPERATOR)
        known = catalog.device(uow, "CT1")
        known.name = "The scanner that came last"
    (step,) = find(system)
    assert step.id == booked.step_id
    (there,) = worklist_item(step, NEW_YORK)[0x00400100]
    assert there[0x00400010] == ["The scanner that"]
    assert there[0x00400011] == "The large room o"
