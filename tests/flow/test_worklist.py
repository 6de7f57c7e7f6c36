"""The worklist as a modality asks for it with DCMTK's findscu: by each key, and in its own character set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flow import modality
from tests.flow.emr import Person, a_person, emr, new_number, timed_order
from tests.flow.practice_running import Practice, today

STATION, DATE = "0040,0100[0].0040,0001", "0040,0100[0].0040,0002"
MODALITY = "0040,0100[0].0008,0060"


@dataclass(frozen=True)
class Booked:
    station: str
    accession: str
    person: Person
    at: datetime


def book(practice: Practice, person: Person | None = None, modality_: str = "CT", minutes: int = 3) -> Booked:
    procedure = {"CT": "CTCHEST", "MR": "MRKNEE"}[modality_]
    who, station = person or a_person(), practice.add_station(modality_)
    at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=minutes)
    with emr(practice.ports["hl7"]) as hospital:
        answer = hospital.send(timed_order(who, new_number(), station, at, procedure))
    assert answer.code == "AA", answer.lines
    return Booked(station, answer.accession, who, at)


def accessions(practice: Practice, calling: str, folder: Path, *keys: str) -> set[str]:
    return {item.AccessionNumber for item in modality.worklist(practice, calling, folder, *keys)}


def test_by_station(practice: Practice, tmp_path: Path) -> None:
    one, other = book(practice), book(practice)
    assert accessions(practice, one.station, tmp_path, f"{STATION}={one.station}") == {one.accession}
    assert accessions(practice, one.station, tmp_path, f"{STATION}={other.station}") == {other.accession}


def test_by_date_and_by_a_range_of_dates(practice: Practice, tmp_path: Path) -> None:
    booked = book(practice)
    mine = f"{STATION}={booked.station}"
    day, before, after = (today(booked.at + timedelta(days=shift)) for shift in (0, -1, 1))
    found = {booked.accession}
    for key, expected in (
        (day, found),
        (f"{before}-{after}", found),
        (f"-{day}", found),
        (f"{day}-", found),
        (before, set()),
        (f"{after}-", set()),
    ):
        assert accessions(practice, booked.station, tmp_path, mine, f"{DATE}={key}") == expected, key


def test_by_accession_number_by_patient_id_and_by_modality(practice: Practice, tmp_path: Path) -> None:
    scan, knee = book(practice), book(practice, modality_="MR")
    assert accessions(practice, scan.station, tmp_path, f"0008,0050={scan.accession}") == {scan.accession}
    assert accessions(practice, scan.station, tmp_path, f"0010,0020={knee.person.number}") == {knee.accession}
    knees = accessions(practice, scan.station, tmp_path, f"{MODALITY}=MR")
    assert knee.accession in knees
    assert scan.accession not in knees


@pytest.mark.parametrize("pattern", ["{family}^Amara", "{family}*", "{lower}*", "{family}^A?ara", "*{tail}^*"])
def test_by_a_patients_name_with_wildcards(practice: Practice, tmp_path: Path, pattern: str) -> None:
    """Case does not count (PS3.4 K.6.1.1, C.2.2.2.1 leaves it to us)."""
    family = f"Q{new_number('').lower()[:8]}"
    booked, _ = book(practice, a_person(family.capitalize())), book(practice)
    key = pattern.format(family=family.capitalize(), lower=family, tail=family[4:])
    assert accessions(practice, booked.station, tmp_path, f"0010,0010={key}") == {booked.accession}


def test_every_return_key_that_was_asked_for_comes_back(practice: Practice, tmp_path: Path) -> None:
    booked = book(practice)
    keys = (f"{STATION}={booked.station}", "0008,0051", "0010,0021")
    (item,) = modality.worklist(practice, booked.station, tmp_path, *keys)
    assert (item.PatientID, item.PatientBirthDate, item.PatientSex) == (booked.person.number, "19680603", "F")
    assert item.IssuerOfPatientID == "HOSPITAL"
    assert item.RequestedProcedureDescription == "CT chest"
    assert item.RequestedProcedureID
    assert item.StudyInstanceUID
    step = item.ScheduledProcedureStepSequence[0]
    assert step.ScheduledProcedureStepStartDate == today(booked.at)
    assert step.ScheduledProcedureStepID
    assert "ReferringPhysicianName" not in item


# What the hospital sends (PID-5, its character set), the set that the device asks in, and the name that it gets.
YAMADA = "Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P"
HONG = "Hong^Gildong^^^^^L^A~洪^吉洞^^^^^L^I~홍^길동^^^^^L^P"
NAMES = {
    "Japanese": (YAMADA, "utf-8", "UNICODE UTF-8", "\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Korean": (HONG, "utf-8", "UNICODE UTF-8", "\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동"),
    "Greek": ("Διονυσίου^Ελένη", "iso8859-7", "8859/7", "ISO_IR 126", "Διονυσίου^Ελένη"),
    "Russian": ("Иванова^Анна", "iso8859-5", "8859/5", "ISO_IR 144", "Иванова^Анна"),
    "German": ("Müller^Jörg", "iso8859-1", "8859/1", "ISO_IR 100", "Müller^Jörg"),
    "Chinese": ("王^小東", "utf-8", "UNICODE UTF-8", "GB18030", "王^小東"),
    "Greek in Unicode": ("Διονυσίου^Ελένη", "utf-8", "UNICODE UTF-8", "ISO_IR 192", "Διονυσίου^Ελένη"),
}


@pytest.mark.parametrize(("sent", "encoding", "charset", "asked", "name"), NAMES.values(), ids=NAMES)
def test_names_come_in_the_character_set_that_the_device_asks_in(
    practice: Practice, tmp_path: Path, sent: str, encoding: str, charset: str, asked: str, name: str
) -> None:
    person, station = Person(new_number("H"), sent), practice.add_station("CT")
    order = timed_order(person, new_number(), station, datetime.now(UTC).replace(second=0, microsecond=0))
    with emr(practice.ports["hl7"]) as hospital:
        assert hospital.send(_declared(order, charset), encoding).code == "AA"
    (item,) = modality.worklist(practice, station, tmp_path, f"{STATION}={station}", f"0008,0005={asked}")
    declared = item.SpecificCharacterSet
    assert ("\\".join(declared) if not isinstance(declared, str) else declared) == asked
    assert str(item.PatientName) == name
    # The device goes on with the name as it got it, and finds it again.
    (again,) = modality.worklist(practice, station, tmp_path, f"{STATION}={station}", f"0010,0020={person.number}")
    assert again.AccessionNumber == item.AccessionNumber


def _declared(order: str, charset: str) -> str:
    """With MSH-18."""
    head, _, rest = order.partition("\r")
    fields = head.split("|")
    fields += [""] * (18 - len(fields))
    fields[17] = charset
    return "|".join(fields) + "\r" + rest


def test_a_registered_character_set_goes_before_what_the_query_says(practice: Practice, tmp_path: Path) -> None:
    person = Person(new_number("H"), "Διονυσίου^Ελένη")
    station = practice.add_station("CT", character_sets=("ISO_IR 126",))
    with emr(practice.ports["hl7"]) as hospital:
        order = timed_order(person, new_number(), station, datetime.now(UTC).replace(second=0, microsecond=0))
        assert hospital.send(_declared(order, "UNICODE UTF-8")).code == "AA"
    (item,) = modality.worklist(practice, station, tmp_path, f"{STATION}={station}", "0008,0005=ISO_IR 192")
    assert item.SpecificCharacterSet == "ISO_IR 126"
    assert str(item.PatientName) == "Διονυσίου^Ελένη"


def test_a_device_that_reads_no_greek_gets_something_that_it_can_show(practice: Practice, tmp_path: Path) -> None:
    """Nothing is left out and nothing is mojibake: what the set lacks is replaced."""
    person = Person(new_number("H"), "Διονυσίου^Ελένη")
    station = practice.add_station("CT", character_sets=("ISO_IR 100",))
    with emr(practice.ports["hl7"]) as hospital:
        order = timed_order(person, new_number(), station, datetime.now(UTC).replace(second=0, microsecond=0))
        assert hospital.send(_declared(order, "UNICODE UTF-8")).code == "AA"
    (item,) = modality.worklist(practice, station, tmp_path, f"{STATION}={station}")
    assert item.PatientID == person.number
    assert "Ä" not in str(item.PatientName)
    assert str(item.PatientName).count("^") == 1
