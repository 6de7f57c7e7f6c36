"""Reading messages as they come, wrong in form as they may be, and changing one field of them."""

from __future__ import annotations

import pytest

from ris_pacs.hl7.elements import Presence
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.groups import order_groups
from ris_pacs.hl7.paths import BadPath
from ris_pacs.hl7.reading import MAX_BYTES, ParseFailure
from tests.hl7.samples import ORDERS, PATIENT, message, text

PID3 = "PID|1||A1^^^ONE&1.2.3&ISO^MR~B2^^^TWO^SS"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("MSH-1", "|"),
        ("MSH-2", r"^~\&"),
        ("MSH-3", "EMR"),
        ("MSH-9.2", "A08"),
        ("PID-3", "A1"),
        ("PID-3.1", "A1"),
        ("PID-3.4", "ONE"),
        ("PID-3.4.2", "1.2.3"),
        ("PID-3[1].5", "MR"),
        ("PID-3[2]", "B2"),
        ("PID-3[2].4.1", "TWO"),
        ("PID-3[2].4.2", ""),
        ("PID-3[3].1", ""),
        ("PID-99", ""),
        ("PV1-3", ""),
        ("PID[2]-3", ""),
    ],
)
def test_a_path_leads_to_its_place(path: str, expected: str) -> None:
    assert message(PID3).get(path) == expected


def test_segments_of_one_name_are_counted_and_each_reads_paths_of_its_own() -> None:
    found = message("OBX|1|NM|A||1", "NTE|1||x", "OBX|2|NM|B^C||2")
    assert [segment.get("3.1") for segment in found["OBX"]] == ["A", "B"]
    assert found["OBX"][1].get("3.2") == "C"
    assert found.get("OBX[2]-5") == "2"
    assert str(found["OBX"][1].at(5).path) == "OBX[2]-5"
    assert found["ZZZ"] == []
    assert "NTE" in found
    assert "ZZZ" not in found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("PID-2", Presence.EMPTY),
        ("PID-3", Presence.VALUE),
        ("PID-4", Presence.NULL),
        ("PID-4.1", Presence.NULL),
        ("PID-4.3", Presence.NULL),  # a deleted field is deleted in all its parts
        ("PID-5", Presence.EMPTY),  # delimiters alone say nothing
        ("PID-5.1", Presence.EMPTY),
        ("PID-6.2", Presence.NULL),
        ("PID-6.1", Presence.VALUE),
        ("PID-7", Presence.ABSENT),
        ("PV1-2", Presence.ABSENT),
    ],
)
def test_not_said_deleted_and_not_sent_are_three_things(path: str, expected: Presence) -> None:
    found = message('PID|1||A1|""|^^|Kim^""')
    assert found.presence(path) is expected
    assert (found.get(path) != "") is (expected is Presence.VALUE)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n", "\r\r\n"])
def test_any_line_end_will_do(ending: str) -> None:
    raw = text(PATIENT, "PV1|1|O").replace("\r", ending)
    found = parse(raw)
    assert [segment.name for segment in found] == ["MSH", "PID", "PV1"]
    assert found.get("PV1-2") == "O"
    assert found.raw == raw.encode()


def test_line_ends_may_be_mixed_and_the_last_may_be_missing() -> None:
    found = parse(text() + "PID|1||A1\nPV1|1|O\r\nOBX|1|NM")
    assert [segment.name for segment in found] == ["MSH", "PID", "PV1", "OBX"]
    assert found.get("PID-3") == "A1"


def test_a_line_that_is_no_segment_continues_the_one_before_and_is_noted() -> None:
    found = parse(text("OBX|1|TX|R||Findings:") + "no fracture|seen\nImpression: normal\r" + "OBX|2|TX|R||x\r")
    assert [segment.name for segment in found] == ["MSH", "OBX", "OBX"]
    assert found.at("OBX-5").whole == "Findings:\nno fracture"
    assert found.get("OBX[2]-5") == "x"
    assert found.notes == ("2 lines after OBX do not begin like a segment; joined to it",)
    assert found.raw.count(b"no fracture|seen\nImpression") == 1


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"\x0b", b"  \n"])
def test_what_stands_before_a_message_is_tolerated_and_kept(before: bytes) -> None:
    raw = before + text(PATIENT).encode()
    assert parse(raw).get("MSH-3") == "EMR"
    assert parse(raw).raw == raw


def test_framing_left_at_the_end_belongs_to_no_segment() -> None:
    found = parse(b"\x0b" + text("PV1|1|O").encode() + b"\x1c\r")
    assert [segment.name for segment in found] == ["MSH", "PV1"]


def test_delimiters_are_those_that_the_message_names() -> None:
    found = parse("MSH#*@!%#EMR#HOSPITAL\rPID#1##A1*x@B2*y%z#a|b^c~d!F!e")
    assert found.get("PID-3[2].2.2") == "z"
    assert found.get("PID-4") == "a|b^c~d#e"


def test_delimiters_that_are_not_named_are_not_used() -> None:
    found = parse("MSH|^~|EMR\rPID|1||A1^Head & neck~B2^C:\\temp\\F\\x")
    assert found.get("PID-3.2") == "Head & neck"
    assert found.get("PID-3[2].2") == "C:\\temp\\F\\x"


def test_without_any_delimiters_the_usual_ones_are_taken_and_noted() -> None:
    found = parse("MSH||EMR\rPID|1||A1^x~B2")
    assert found.get("PID-3.2") == "x"
    assert "MSH-2" in found.notes[0]


def test_the_truncation_character_of_2_7_is_a_delimiter() -> None:
    found = parse("MSH|^~\\&#|EMR\rPID|1||A1\\P\\2")
    assert found.get("PID-3") == "A1#2"


@pytest.mark.parametrize(
    ("raw", "location", "word"),
    [
        (b"", "message", "MSH"),
        (b"\xff\xfe\x00", "message", "UTF-16"),
        (b"hello", "message", "MSH"),
        (b"PID|1\r", "message", "begins with PID"),
        (b"BHS|^~\\&|\rMSH|^~\\&|", "message", "begins with BHS"),
        (b"MSH", "MSH-1", "separator"),
        (b"MSHA^~\\&", "MSH-1", "separator"),
        (b"MSH|^^\\&|x", "MSH-2", "twice"),
        (b"MSH|^~\\&#*|x", "MSH-2", "five"),
        (b"MSH|^~\\a|x", "MSH-2", "letter"),
        (b"MSH|^~\\&|x\rPID|1\rMSH|^~\\&|y", "segment 3", "second MSH"),
        (b"MSH|^~\\&|x\rPID" + b"|" * 1001, "segment 2", "fields"),
        (b"MSH|^~\\&|x\rPID|" + b"~" * 10_001, "segment 2", "repetitions"),
        (b"MSH|^~\\&|x\r" + b"NTE|1\r" * 10_000, "message", "segments"),
        (b"MSH|^~\\&|x\rNTE|" + b"a" * MAX_BYTES, "message", "bytes"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(raw: bytes, location: str, word: str) -> None:
    with pytest.raises(ParseFailure) as failure:
        parse(raw)
    assert failure.value.location == location
    assert word in str(failure.value)


def test_ten_megabytes_in_one_field_are_read() -> None:
    content = "A" * (MAX_BYTES - 1000)
    assert parse(text(f"OBX|1|ED|R||{content}")).get("OBX-5") == content


@pytest.mark.parametrize(
    "path", ["", "PID", "PID-0", "PID-3[0]", "PID-3.1.2.3", "pid-3", "PID-1001", "OBX[10001]-1", "3.1"]
)
def test_a_path_that_names_nothing_is_a_mistake(path: str) -> None:
    with pytest.raises(BadPath):
        message(PATIENT).get(path)


def test_order_groups_hold_everything_up_to_the_next_order() -> None:
    first, second = order_groups(message(*ORDERS, kind="ORM^O01"))
    assert [segment.name for segment in first.segments] == ["ORC", "OBR", "NTE", "DG1", "OBX", "NTE", "ZDS"]
    assert (first.get("ORC-2"), first.get("ZDS-1")) == ("P1", "1.2.3.1")
    assert (second.get("ORC-2"), second.get("ZDS-1")) == ("P2", "1.2.3.2")
    assert str(second.at("OBR-4.1").path) == "OBR[2]-4.1"
    assert [note.get(3) for note in first.after(first["OBX"][0], "NTE")] == ["measured today"]
    assert first.obr is not None
    assert [note.get(3) for note in first.after(first.obr, "NTE")] == ["first order"]
    assert second.get("DG1-3") == ""


def test_imaging_orders_keep_timing_before_and_procedure_steps_after_the_obr() -> None:
    segments = ("ORC|NW|P1", "TQ1|1||||||20261125090000", "OBR|1|P1||CT1", "IPC|A1|R1|1.2.3|S1", "IPC|A1|R1|1.2.3|S2")
    (group,) = order_groups(message(PATIENT, *segments, kind="OMI^O23"))
    assert group.get("TQ1-7") == "20261125090000"
    assert [step.get(4) for step in group["IPC"]] == ["S1", "S2"]
    assert group.get("IPC[2]-4") == "S2"


def test_several_obr_share_the_orc_before_them() -> None:
    groups = order_groups(message("ORC|NW|P1", "OBR|1|P1||A", "OBR|2|P1||B", "NTE|1||b", "ORC|NW|P2", "OBR|3|P2||C"))
    assert [(group.get("ORC-2"), group.get("OBR-4"), len(group["NTE"])) for group in groups] == [
        ("P1", "A", 0),
        ("P1", "B", 1),
        ("P2", "C", 0),
    ]


def test_orders_without_orc_and_prior_results_are_told_apart() -> None:
    groups = order_groups(message(PATIENT, "OBR|1|P1||A", "PID|1||OTHER", "PV1|1|O", "OBR|2|P0||OLD"))
    assert [(group.get("OBR-4"), group.patient and group.patient.get(3)) for group in groups] == [
        ("A", "M0047719"),
        ("OLD", "OTHER"),
    ]
    assert groups[0].orc is None


@pytest.mark.parametrize(
    ("path", "value", "segment"),
    [
        ("PID-7", "19860228", "PID|1||A1^^^ONE&1.2.3&ISO^MR~B2^^^TWO^SS||||19860228"),
        ("PID-3", "Z9", "PID|1||Z9"),
        ("PID-3[1]", "Z9^x", "PID|1||Z9^x~B2^^^TWO^SS"),
        ("PID-3[2].1", "Z9", "PID|1||A1^^^ONE&1.2.3&ISO^MR~Z9^^^TWO^SS"),
        ("PID-3.4.1", "NEW", "PID|1||A1^^^NEW&1.2.3&ISO^MR~B2^^^TWO^SS"),
        ("PID-3[4].2", "x", "PID|1||A1^^^ONE&1.2.3&ISO^MR~B2^^^TWO^SS~~^x"),
        ("PID-3", '""', 'PID|1||""'),
        ("PID-3", "", "PID|1||"),
        ("PID-3", "a|b\rPV1|x", r"PID|1||a\F\b\.br\PV1\F\x"),  # nothing breaks out of its field
        ("PID-3.1", "a^b~c", r"PID|1||a\S\b\R\c^^^ONE&1.2.3&ISO^MR~B2^^^TWO^SS"),
        ("PID-3.4.1", "a&b", r"PID|1||A1^^^a\T\b&1.2.3&ISO^MR~B2^^^TWO^SS"),
    ],
)
def test_a_changed_field_changes_nothing_else(path: str, value: str, segment: str) -> None:
    original = message(PID3, "PV1|1|O", "ZZZ|  odd  |\\bad\\|")
    changed = original.with_field(path, value)
    assert changed.raw == original.raw.replace(PID3.encode(), segment.encode())
    assert changed.with_field(path, value) == changed


def test_a_null_field_is_replaced_part_by_part() -> None:
    assert message('PID|1||""').with_field("PID-3.2", "x").at("PID-3").raw == "^x"


def test_bytes_around_a_change_stay_as_they_came() -> None:
    raw = b"\xef\xbb\xbfMSH|^~\\&|EMR\r\nPID|1||A1||M\xc3\xbcller\nNTE|1||\x01odd\r\n\r\nPV1|1|O"
    changed = parse(raw).with_field("PID-3", "B2")
    assert changed.raw == raw.replace(b"A1", b"B2")


def test_a_field_in_msh_is_counted_from_its_separator() -> None:
    changed = message(PATIENT).with_field("MSH-10", "NEW1")
    assert changed.control_id == "NEW1"
    assert changed.get("MSH-9.1") == "ADT"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("PV1-2", "O", Condition.SEGMENT_SEQUENCE),
        ("MSH-1", "#", Condition.DATA_TYPE),
        ("MSH-2", "^~\\&", Condition.DATA_TYPE),
    ],
)
def test_what_cannot_be_changed_is_said(path: str, value: str, code: Condition) -> None:
    with pytest.raises(FieldFault) as fault:
        message(PATIENT).with_field(path, value)
    assert (fault.value.path, fault.value.code) == (path, code)


def test_letters_that_the_character_set_lacks_are_refused() -> None:
    latin = parse(text(PATIENT).replace("|2.5.1", "|2.5.1||||||8859/1").encode("ascii"))
    assert latin.with_field("PID-5", "MÜLLER").raw.count("MÜLLER".encode("iso8859_1")) == 1
    with pytest.raises(FieldFault, match="8859/1"):
        latin.with_field("PID-5", "ŁUKASZ")


def test_a_change_that_needs_an_escape_character_where_there_is_none_is_refused() -> None:
    with pytest.raises(FieldFault, match="no escape character"):
        parse("MSH|^~|EMR\rPID|1||A1").with_field("PID-3", "a|b")


def test_what_a_segment_must_have_is_asked_for_by_name() -> None:
    assert message(PATIENT).require("PID").get(3) == "M0047719"
    with pytest.raises(FieldFault) as fault:
        message().require("PID")
    assert (fault.value.path, fault.value.code) == ("PID", Condition.SEGMENT_SEQUENCE)
