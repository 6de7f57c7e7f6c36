"""Orders of the hospital over a socket: placed, held, released, changed, cancelled; each answer and what it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flow import modality
from tests.flow.emr import Emr, Person, a_person, change_order, emr, message, new_number, new_order, timed_order
from tests.flow.practice_running import ZONE, Practice
from tests.flow.visitor import Page, Visitor, visitor


def soon() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=7)


@pytest.fixture
def hospital(practice: Practice) -> Emr:
    with emr(practice.ports["hl7"]) as connection:
        yield connection


@pytest.fixture
def desk(practice: Practice) -> Visitor:
    return visitor(practice.address, "frontdesk")


def a_timed_order(practice: Practice, hospital: Emr) -> tuple[Person, str, str, str]:
    """Person, placer's number, station and accession number of an order that was booked at once."""
    person, placer, station = a_person(), new_number(), practice.add_station("CT")
    answer = hospital.send(timed_order(person, placer, station, soon()))
    assert (answer.code, answer.orders) == ("AA", ["OK"]), answer.lines
    return person, placer, station, answer.accession


def test_an_order_without_a_time_waits_to_be_scheduled(practice: Practice, hospital: Emr, desk: Visitor) -> None:
    person = a_person("Bergström", "Åsa")
    answer = hospital.send(new_order(person, new_number(), "MRKNEE^MR knee"), "latin-1")
    assert (answer.code, answer.orders) == ("AA", ["OK"]), answer.lines
    page = desk.get(f"/a/{answer.accession}")
    assert page.state == "Requested"
    assert "Bergström, Åsa" in page.text
    assert "Bergström, Åsa" in desk.get("/schedule/waiting").text


def test_an_order_by_orm_that_names_its_time_is_booked_on_the_one_station(
    practice: Practice, hospital: Emr, desk: Visitor, tmp_path: Path
) -> None:
    """ORC-7.4 and OBR-24: this practice has one device of the modality."""
    person, at = a_person("Rahman"), soon()
    timed = new_order(person, new_number(), "NMBONE", orc=f"^^^{at:%Y%m%d%H%M%z}", obr="|||||||||||||||||||NM")
    answer = hospital.send(timed)
    assert answer.code == "AA", answer.lines
    assert desk.get(f"/a/{answer.accession}").state == "Scheduled"
    assert answer.accession in modality.listed(practice, "NM1", tmp_path)


def test_numbers_that_the_order_brings_are_kept(practice: Practice, hospital: Emr, tmp_path: Path) -> None:
    """OMI^O23, IPC-1 and IPC-3: accession number with its leading zeros, Study Instance UID."""
    number, uid = f"00{new_number('')}"[:14], f"1.2.826.0.1.{int(new_number(''), 16)}"
    station, at = practice.add_station("CT"), soon()
    asked = timed_order(a_person(), new_number(), station, at).replace("IPC||", f"IPC|{number}||{uid}", 1)
    asked = asked.replace(f"IPC|{number}||{uid}|||||||{station}", f"IPC|{number}||{uid}||||||{station}")
    answer = hospital.send(asked)
    assert (answer.code, answer.accession) == ("AA", number), answer.lines
    (item,) = modality.worklist(practice, station, tmp_path, f"0008,0050={number}")
    assert item.StudyInstanceUID == uid


def test_a_cancelled_patient_leaves_the_worklist_at_once(
    practice: Practice, hospital: Emr, desk: Visitor, tmp_path: Path
) -> None:
    person, placer, station, accession = a_timed_order(practice, hospital)
    assert modality.listed(practice, station, tmp_path) == [accession]
    assert hospital.send(change_order("CA", person, placer)).orders == ["CR"]
    assert modality.listed(practice, station, tmp_path) == []
    assert desk.get(f"/a/{accession}").state == "Cancelled"


def test_a_discontinued_order_is_gone_as_well(practice: Practice, hospital: Emr, tmp_path: Path) -> None:
    person, placer, station, _ = a_timed_order(practice, hospital)
    assert hospital.send(change_order("DC", person, placer)).orders == ["DR"]
    assert modality.listed(practice, station, tmp_path) == []


def test_a_cancel_after_the_start_comes_too_late_and_a_person_sees_it(
    practice: Practice, hospital: Emr, tmp_path: Path
) -> None:
    person, placer, station, accession = a_timed_order(practice, hospital)
    (item,) = modality.worklist(practice, station, tmp_path, f"0008,0050={accession}")
    modality.begin(practice, station, item)
    answer = hospital.send(change_order("CA", person, placer))
    assert (answer.code, answer.orders) == ("AA", ["UC"])
    page = visitor(practice.address, "technologist").get(f"/a/{accession}")
    assert page.state == "In progress"
    assert "Out of order" in page.text


def test_held_and_released(practice: Practice, hospital: Emr, desk: Visitor) -> None:
    person, placer = a_person(), new_number()
    accession = hospital.send(new_order(person, placer)).accession
    assert hospital.send(change_order("HD", person, placer)).orders == ["HR"]
    assert desk.get(f"/a/{accession}").state == "On hold"
    assert hospital.send(change_order("RL", person, placer)).orders == ["OE"]
    assert desk.get(f"/a/{accession}").state == "Requested"


def test_a_booked_order_is_moved_by_a_change(practice: Practice, hospital: Emr, tmp_path: Path) -> None:
    person, placer, station, accession = a_timed_order(practice, hospital)
    later = soon() + timedelta(minutes=25)
    moved = timed_order(person, placer, station, later).replace("ORC|NW|", "ORC|XO|")
    assert hospital.send(moved).orders == ["XR"]
    (item,) = modality.worklist(practice, station, tmp_path, f"0008,0050={accession}")
    step = item.ScheduledProcedureStepSequence[0]
    there = later.astimezone(ZONE)
    assert (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime[:4]) == (
        f"{there:%Y%m%d}",
        f"{there:%H%M}",
    )


def test_a_change_of_priority_reaches_the_page(practice: Practice, hospital: Emr, desk: Visitor) -> None:
    person, placer = a_person(), new_number()
    accession = hospital.send(new_order(person, placer)).accession
    assert "· routine" in desk.get(f"/a/{accession}").text
    changed = change_order("XO", person, placer, f"OBR|1|{placer}||CTCHEST|S")
    assert hospital.send(changed).orders == ["XR"]
    page = desk.get(f"/a/{accession}")
    assert "Requested Now" in page.text
    assert "· routine" not in page.text


def test_a_taken_slot_is_booked_over_and_shown(practice: Practice, hospital: Emr, desk: Visitor) -> None:
    station, at = practice.add_station("CT"), soon()
    answers = [hospital.send(timed_order(a_person(), new_number(), station, at)) for _ in range(2)]
    assert [one.code for one in answers] == ["AA", "AA"]
    page = desk.get(f"/a/{answers[1].accession}")
    assert page.state == "Scheduled"
    assert "time set by EMR" in desk.get(page.links("/schedule/steps/")[-1]).text


def test_an_unknown_station_waits_with_its_reason(hospital: Emr, desk: Visitor) -> None:
    answer = hospital.send(timed_order(a_person("Nobodysroom"), new_number(), "NOWHERE", soon()))
    assert answer.code == "AA"
    assert desk.get(f"/a/{answer.accession}").state == "Requested"
    waiting = desk.get("/schedule/waiting")
    assert "NOWHERE, which is not known" in waiting.text


def test_the_same_message_twice_is_done_once_and_answered_alike(hospital: Emr, desk: Visitor) -> None:
    placer, person = new_number(), a_person()
    asked = new_order(person, placer)
    first, again = hospital.send(asked), hospital.send(asked)
    assert again.raw == first.raw
    assert _patients(desk, person) == 1


@pytest.mark.parametrize(
    ("wrong", "by", "field"),
    [
        ("|CTCHEST|", "|CTWHOLE|", "OBR-4"),
        ("ORC|NW|", "ORC|ZZ|", "ORC-1"),
        ("|19680603|", "|19681345|", "PID-7"),
        ("Okonkwo^Amara", "", "PID-5"),
    ],
)
def test_a_bad_field_is_named_and_the_message_mended_and_replayed(
    practice: Practice, hospital: Emr, wrong: str, by: str, field: str
) -> None:
    person = a_person()
    good = new_order(person, new_number())
    control_id = good.split("|")[9]
    answer = hospital.send(good.replace(wrong, by))
    assert answer.code == "AE", answer.lines
    assert field.replace("-", "^1^") in answer.raw.decode() or field in answer.raw.decode()
    admin = visitor(practice.address, "admin")
    listed = _message(admin, control_id)
    assert field in listed.text
    (replay,) = listed.actions("/replay")
    offered = [name for name in listed.inputs if name.startswith(field)]
    assert offered, f"the page has no field to mend {field} in"
    right = dict.fromkeys(offered, "") | {field: good_at(good, field)}
    mended = admin.post(replay, **right)
    assert "Replayed and accepted" in mended.source, mended.text
    assert _patients(visitor(practice.address, "frontdesk"), person) == 1


def good_at(text: str, path: str) -> str:
    """The field of a message as text: "PID-5"."""
    name, _, number = path.partition("-")
    return next(line.split("|")[int(number)] for line in text.split("\r") if line.startswith(name))


def _patients(desk: Visitor, person: Person) -> int:
    """How many patients have this number."""
    return len([one for one in desk.get(f"/patients?q={person.number}").links("/patients/") if one[10:].isdigit()])


def _message(admin: Visitor, control_id: str) -> Page:
    """The page of a message by its control id."""
    for link in admin.get("/messages").links("/messages/in/"):
        page = admin.get(link)
        if control_id in page.source:
            return page
    raise AssertionError(f"{control_id} is not on the message page")


def test_a_cancel_of_somebody_elses_order_is_refused(hospital: Emr, desk: Visitor) -> None:
    placer = new_number()
    accession = hospital.send(new_order(a_person(), placer)).accession
    answer = hospital.send(change_order("CA", a_person("Other", "Person"), placer))
    assert answer.code == "AE"
    assert desk.get(f"/a/{accession}").state == "Requested"


def test_enhanced_mode_says_kept_at_once(hospital: Emr) -> None:
    asked = new_order(a_person(), new_number()).replace("|P|2.5.1||||", "|P|2.5.1|||AL|NE", 1)
    answer = hospital.send(asked)
    assert (answer.code, answer.control_id) == ("CA", asked.split("|")[9])


def test_a_birth_date_by_adt_of_a_patient_without_number_is_refused(hospital: Emr) -> None:
    answer = hospital.send(message("ADT^A04", "EVN||202611241000", "PID|1||||Okonkwo^Amara||19680603|F"))
    assert answer.code == "AE"
    assert "PID" in answer.raw.decode()
