"""The table that a person sees of a message."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

from ris_pacs.hl7.field_names import spoken
from ris_pacs.hl7.names import FieldRow, describe
from ris_pacs.hl7.times import Moment, PartialDate
from tests.hl7.samples import PATIENT, message

FULL = (
    "EVN|A08|20261124104105-0500",
    "PID|1||M1^^^RIVERSIDE^MR~S2^^^&1.2.3&ISO||van Damme&van^Anna^M.||19860228|F|||14 Quarry Ln^^Millbrook^NY^12545"
    '||(845)555-0123^PRN^PH^^^^^12|||||""',
    "PV1|1|O|RAD^US1||||77^Smith^John^^^Dr.^^^NPI",
    r"OBR|1|P1^EMR||CT1^CT Head & neck^L|||2026112410||||||pain\.br\since May",
    "OBX|1|CE|X||A1^Answer^L~B2||||||F",
    "OBX|2|SN|Y||>^60",
    "ZDS|1.2.3^x",
)


def rows(version: str = "2.5.1") -> dict[str, FieldRow]:
    return {row.path: row for row in describe(message(*FULL, version=version))}


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("MSH-7", "Date/time of message", "24 Nov 2026, 10:41:05 -0500"),
        ("MSH-9", "Message type", "ADT^A08"),
        ("MSH-10", "Message control ID", "8841207"),
        ("EVN-2", "Recorded date/time", "24 Nov 2026, 10:41:05 -0500"),
        ("PID-1", "Set ID", "1"),
        ("PID-3[1]", "Patient identifier list", "M1 (RIVERSIDE)"),
        ("PID-3[2]", "Patient identifier list", "S2 (1.2.3)"),
        ("PID-5", "Patient name", "van Damme, Anna M."),
        ("PID-7", "Date/time of birth", "28 Feb 1986"),
        ("PID-8", "Administrative sex", "F, female"),
        ("PID-11", "Patient address", "14 Quarry Ln, Millbrook, NY 12545"),
        ("PID-13", "Phone number, home", "(845)555-0123 (ext. 12)"),
        ("PID-18", "Patient account number", "(delete)"),
        ("PV1-2", "Patient class", "O, outpatient"),
        ("PV1-3", "Assigned patient location", "RAD, US1"),
        ("PV1-7", "Attending doctor", "Smith, Dr. John (NPI 77)"),
        ("OBR-2", "Placer order number", "P1 (EMR)"),
        ("OBR-4", "Universal service identifier", "CT Head & neck (CT1)"),
        ("OBR-7", "Observation date/time", "24 Nov 2026, 10:00 +0000"),
        ("OBR-13", "Relevant clinical information", "pain\nsince May"),
        ("OBX-5[1]", "Observation value", "Answer (A1)"),
        ("OBX-5[2]", "Observation value", "B2"),
        ("OBX-11", "Observation result status", "F, final"),
        ("OBX[2]-5", "Observation value", ">, 60"),
        ("ZDS-1", "ZDS-1", "1.2.3, x"),
    ],
)
def test_fields_have_names_and_values_for_people(path: str, name: str, value: str) -> None:
    row = rows()[path]
    assert (row.name, row.value) == (name, value)


def test_only_what_says_something_is_listed_in_the_messages_order() -> None:
    paths = [row.path for row in describe(message(PATIENT))]
    assert paths == [f"MSH-{n}" for n in (3, 4, 5, 6, 7, 9, 10, 11, 12)] + [f"PID-{n}" for n in (1, 3, 5, 7, 8, 11)]


def test_a_value_that_cannot_be_read_is_shown_as_it_came_and_can_be_mended() -> None:
    found = message(PATIENT.replace("19860228", "19860231"))
    (row,) = [row for row in describe(found) if row.path == "PID-7"]
    assert (row.value, row.raw) == ("19860231", "19860231")
    mended = {row.path: row.value for row in describe(found.with_field(row.path, "19860228"))}
    assert mended["PID-7"] == "28 Feb 1986"


def test_every_row_leads_back_to_its_place() -> None:
    found = message(*FULL)
    for row in describe(found):
        assert found.at(row.path).raw == row.raw
        assert found.with_field(row.path, row.raw).raw == found.raw


@pytest.mark.parametrize(
    ("version", "name"), [("2.3.1", "Sex"), ("2.8", "Administrative sex"), ("9.9", "Administrative sex")]
)
def test_names_are_those_of_the_messages_version(version: str, name: str) -> None:
    assert rows(version)["PID-8"].name == name


def test_the_reader_chooses_how_times_look_and_the_sender_its_zone() -> None:
    def when(value: PartialDate | Moment) -> str:
        return value.utc.isoformat() if isinstance(value, Moment) else f"day {value.day}"

    found = {row.path: row.value for row in describe(message(*FULL), when, ZoneInfo("America/New_York"))}
    assert found["PID-7"] == "day 28"
    assert found["OBR-7"] == "2026-11-24T15:00:00+00:00"


def test_text_is_shown_with_the_delimiters_that_were_typed_in_it() -> None:
    (row,) = [row for row in describe(message("OBX|1|TX|R||A ^ B & C")) if row.path == "OBX-5"]
    assert row.value == "A ^ B & C"


def test_a_message_of_very_many_fields_or_parts_is_cut_short() -> None:
    assert len(describe(message(*["NTE" + "|a" * 999] * 12))) == 10_000
    (row,) = [row for row in describe(message("ZZZ|" + "a^" * 1_000_000)) if row.path == "ZZZ-1"]
    assert row.value == ", ".join("a" * 50)


def test_a_long_value_is_clipped_and_its_raw_text_is_not() -> None:
    (row,) = [row for row in describe(message("OBX|1|TX|R||" + "x" * 10_000)) if row.path == "OBX-5"]
    assert (len(row.value), len(row.raw)) == (300, 10_000)


@pytest.mark.parametrize(
    ("constant", "segment", "said"),
    [
        ("DATE_TIME_OF_BIRTH", "PID", "Date/time of birth"),
        ("MOTHER_S_MAIDEN_NAME", "PID", "Mother's maiden name"),
        ("SET_ID___BPO", "BPO", "Set ID"),
        ("PRIORITY_OBR", "OBR", "Priority"),
        ("TOTAL_OCCURRENCE_S", "TQ1", "Total occurrence(s)"),
        ("INACTIVATIO   N_DATE", "STF", "Inactivation date"),
        ("DIAGNOSTIC_SERV_SECT_ID", "OBR", "Diagnostic service section ID"),
        ("RELATIONSHIP_TO_PATIENT", "NK1", "Relationship to patient"),
    ],
)
def test_constants_become_plain_english(constant: str, segment: str, said: str) -> None:
    assert spoken(constant, segment) == said


def test_hl7apy_is_not_loaded_before_it_is_needed() -> None:
    script = (
        "import sys, ris_pacs.hl7.names, ris_pacs.hl7.mllp, ris_pacs.hl7.mllp_client; print('hl7apy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "False"
