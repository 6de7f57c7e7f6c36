"""The chain from outside, on the real processes: from the phone call to linked images on one page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.flow import modality
from tests.flow.emr import Person, a_person, emr, message, new_number, timed_order
from tests.flow.practice_running import Practice, today
from tests.flow.visitor import Page, visitor


def now() -> datetime:
    """This minute: the time of an appointment that is due."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def an_exam_on_the_worklist(practice: Practice, folder: Path, person: Person) -> tuple[str, Dataset]:
    """An order for now at a station of its own; the station, and the item that it gets from its worklist."""
    station = practice.add_station("CT")
    with emr(practice.ports["hl7"]) as hospital:
        answer = hospital.send(timed_order(person, new_number(), station, now()))
    assert answer.code == "AA", answer.lines
    (item,) = modality.worklist(practice, station, folder, f"0040,0100[0].0040,0001={station}")
    assert item.AccessionNumber == answer.accession
    return station, item


def exam_page(practice: Practice, accession: str, role: str = "technologist", tab: str = "overview") -> Page:
    page = visitor(practice.address, role).get(f"/a/{accession}?tab={tab}")
    assert page.status == 200, page.text
    return page


def test_from_the_phone_call_to_linked_images(practice: Practice, tmp_path: Path) -> None:
    station, at = practice.add_station("CT"), now()
    person = a_person("Okonkwo", "Amra")
    desk, room = visitor(practice.address, "frontdesk"), visitor(practice.address, "technologist")

    # 1. The patient, registered by the hospital and then corrected by it.
    corrected = Person(person.number, "Okonkwo^Amara", person.born, person.sex)
    with emr(practice.ports["hl7"]) as hospital:
        assert hospital.send(message("ADT^A04", "EVN||202611241000", person.pid, "PV1||O")).code == "AA"
        assert hospital.send(message("ADT^A08", "EVN||202611241001", corrected.pid, "PV1||O")).code == "AA"
        # 2. and 3. An order that names its time and station is booked at once.
        answer = hospital.send(timed_order(corrected, new_number(), station, at))
    assert (answer.code, answer.orders) == ("AA", ["OK"])
    accession = answer.accession
    found = desk.get(f"/patients?q={person.number}")
    assert "Okonkwo, Amara" in found.text
    assert "Amra" not in found.text

    # 5. The modality's worklist.
    keys = (f"0040,0100[0].0040,0001={station}", f"0040,0100[0].0040,0002={today(at)}")
    (item,) = modality.worklist(practice, station, tmp_path / "worklist", *keys)
    assert (item.AccessionNumber, item.PatientID, str(item.PatientName)) == (accession, person.number, "Okonkwo^Amara")
    step = item.ScheduledProcedureStepSequence[0]
    assert (step.ScheduledStationAETitle, step.Modality) == (station, "CT")

    # 4. Check-in at the desk; the board moves.
    page = desk.get(f"/a/{accession}")
    assert page.state == "Scheduled"
    drawer = desk.get(page.links("/schedule/steps/")[-1])
    (check_in,) = drawer.actions("/check-in")
    checked_in = desk.post(check_in, back="/schedule")
    assert checked_in.status == 200, checked_in.text
    assert "is checked in" in checked_in.source
    assert desk.get(f"/a/{accession}").state == "Arrived"
    assert desk.post(check_in.replace("check-in", "undo-check-in"), back="/board").status == 200
    assert desk.get(f"/a/{accession}").state == "Scheduled"
    assert desk.post(check_in, back="/schedule").status == 200
    assert "Okonkwo, Amara" in room.get("/board/rows").text

    # 6. and 7. The exam: performed step, images, the end of the step that lists them.
    performed = modality.begin(practice, station, item)
    assert room.get(f"/a/{accession}").state == "In progress"
    images = modality.series(item, 3)
    files = modality.write(tmp_path / "sent", images)
    modality.store(practice, station, *files[:2])
    assert modality.end(practice, station, performed, images) == 0x0000
    assert room.get(f"/a/{accession}").state == "Performed"
    assert "2 of 3 images received" in room.get(f"/a/{accession}").text
    modality.store(practice, station, files[2])

    # 8. Linked, complete, to read: on the one page.
    page = room.get(f"/a/{accession}")
    assert page.state == "To read"
    assert "3 of 3 images received" in page.text
    (study,) = {link for link in page.links("/studies/") if link.count("/") == 2}
    assert accession in room.get(study).text
    assert accession not in room.get("/reconcile").text


def test_the_pictures_of_a_study_and_every_tag_of_an_image(practice: Practice, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    files = modality.write(tmp_path / "sent", modality.series(item, 2))
    modality.store(practice, station, *files)
    room = visitor(practice.address, "technologist")
    page = room.get(f"/a/{item.AccessionNumber}?tab=images")
    thumbnails = [link for link in page.links("/studies/instances/") if link.endswith("/thumbnail")]
    kind, picture = room.raw(thumbnails[-1])
    assert kind == "image/jpeg"
    assert picture[:2] == b"\xff\xd8"
    tags = room.get(thumbnails[-1].removesuffix("/thumbnail"))
    for shown in ("0010,0010", item.PatientID, item.AccessionNumber, "Scheduled Procedure Step ID", "7FE0,0010"):
        assert shown in tags.text


@pytest.mark.parametrize("state", ["COMPLETED", "DISCONTINUED"])
def test_a_step_that_has_ended_stays_ended(practice: Practice, tmp_path: Path, state: str) -> None:
    """PS3.4 F.7.2.2: N-SET on a finished step is answered 0110, an unknown one 0112, a second N-CREATE 0111."""
    station, item = an_exam_on_the_worklist(practice, tmp_path, a_person())
    uid = modality.begin(practice, station, item)
    assert modality.end(practice, station, uid, [], state) == 0x0000
    assert modality.end(practice, station, uid, [], "COMPLETED") == 0x0110
    assert modality.end(practice, station, generate_uid(), [], "COMPLETED") == 0x0112
    assert exam_page(practice, item.AccessionNumber).state == state.replace("COMPLETED", "PERFORMED").capitalize()


def test_images_before_arrival_begin_the_exam(practice: Practice, tmp_path: Path) -> None:
    """Nobody checked in and no MPPS came: what happened is taken as it is."""
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    modality.store(practice, station, *modality.write(tmp_path / "sent", modality.series(item, 2)))
    page = exam_page(practice, item.AccessionNumber)
    assert page.state == "In progress"
    assert "2 images" in page.text


def test_who_saw_whom_is_in_the_audit_trail_and_its_seals_hold(practice: Practice, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    modality.store(practice, station, *modality.write(tmp_path / "sent", modality.series(item, 2)))
    exam_page(practice, item.AccessionNumber)
    audit = exam_page(practice, item.AccessionNumber, "admin", "audit").text
    assert f"{station} system store" in audit
    assert "Ruben Castaneda technologist view" in audit
    assert practice.verify("--deep") == {}


def test_every_process_says_that_it_is_well(practice: Practice) -> None:
    anyone = visitor(practice.address, "admin")
    assert anyone.get("/healthz").text == "ok"
    assert '"ready":true' in anyone.get("/readyz").source.replace(" ", "")
    assert "ris_pacs_audit_unsealed" in anyone.get("/metrics").source
