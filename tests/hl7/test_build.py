"""Messages that we write, read back by ourselves and by hl7apy."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message as PeerMessage
from hl7apy.parser import parse_message

from ris_pacs.hl7.build import (
    DELETE,
    Er7,
    Field,
    Header,
    Row,
    build,
    new_control_id,
    sparse,
    structure_of,
    write_row,
)
from ris_pacs.hl7.elements import Presence
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.escapes import Syntax
from ris_pacs.hl7.groups import order_groups
from ris_pacs.hl7.times import PartialDate
from tests.hl7.samples import ORDERS, text

AT = datetime(2026, 11, 24, 10, 41, 5, tzinfo=timezone(timedelta(hours=-5)))


def header(kind: str = "ORM^O01", version: str = "2.5.1", charset: str = "UNICODE UTF-8") -> Header:
    return Header(kind, ("RISPACS", "RIVERSIDE"), ("EMR", "HOSPITAL"), AT, "C1", version, charset=charset)


ORDER: list[Row] = [
    ["PID", 1, None, [("M1", None, None, ("RIVERSIDE", "1.2.3", "ISO"), "MR"), "S2"], None, ("O'Brien & Co", "Ann|e"),
     None, date(1986, 2, 28), "F"],
    ["PV1", 1, "O"],
    ["ORC", "NW", ("P1", "EMR"), None, None, None, None, None, None, AT],
    sparse("OBR", {1: 1, 2: ("P1", "EMR"), 4: ("CT1", "CT head ^ neck", "L"), 13: "pain\nsince May"}),
]  # fmt: skip


def test_a_message_reads_back_as_it_was_meant() -> None:
    found = build(header(), ORDER)
    assert found.get("MSH-7") == "20261124104105-0500"
    assert (found.kind, found.get("MSH-9.3"), found.control_id, found.version) == ("ORM^O01", "ORM_O01", "C1", "2.5.1")
    assert found.get("PID-3.4.2") == "1.2.3"
    assert found.get("PID-3[2]") == "S2"
    assert found.at("PID-5.1").whole == "O'Brien & Co"
    assert found.get("PID-5.2") == "Ann|e"
    assert found.get("PID-7") == "19860228"
    assert found.get("OBR-4.2") == "CT head ^ neck"
    assert found.get("OBR-13") == "pain\nsince May"
    assert b"OBR|1|P1^EMR||CT1^CT head \\S\\ neck^L|||||||||pain\\.br\\since May\r" in found.raw


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.5.1", "2.6"])
def test_hl7apy_reads_what_we_write(version: str) -> None:
    """hl7apy validates strictly: structure, data types and lengths of its own tables."""
    peer = parse_message(build(header(version=version), ORDER).raw.decode(), VALIDATION_LEVEL.STRICT)
    assert peer.msh.msh_9.msh_9_1.value == "ORM"
    pid = peer.children.get("ORM_O01_PATIENT")[0].pid
    assert pid.pid_3[0].cx_1.value == "M1"
    assert pid.pid_7.value == "19860228"
    order = peer.children.get("ORM_O01_ORDER")[0]
    assert order.orc.orc_1.value == "NW"


def test_hl7apy_reads_our_imaging_order() -> None:
    rows: list[Row] = [
        ORDER[0],
        ["ORC", "NW", ("P1", "EMR")],
        ["TQ1", 1, None, None, None, None, None, AT],
        ["OBR", 1, ("P1", "EMR"), None, ("CT1", "CT head")],
        ["IPC", ("A1", "EMR"), ("R1", "EMR"), ("1.2.3", "EMR"), ("S1", "EMR"), "CT", None, None, None, "CT1"],
    ]
    found = build(header("OMI^O23"), rows)
    peer = parse_message(found.raw.decode(), VALIDATION_LEVEL.STRICT)
    order = peer.children.get("OMI_O23_ORDER")[0]
    assert order.children.get("IPC")[0].ipc_9.value == "CT1"
    (group,) = order_groups(found)
    assert (group.get("IPC-9"), group.get("TQ1-7")) == ("CT1", "20261124104105-0500")


def test_we_read_what_hl7apy_writes() -> None:
    peer = PeerMessage("ADT_A01", version="2.5.1")
    peer.msh.msh_3 = "EMR"
    peer.msh.msh_9 = "ADT^A01^ADT_A01"
    peer.msh.msh_10 = "77"
    peer.evn.evn_2 = "20261124"
    peer.pid.pid_3 = "M1^^^RIVERSIDE~S2"
    peer.pid.pid_5.pid_5_1.fn_1 = "van Damme"
    peer.pid.pid_5.pid_5_2 = "Anna"
    peer.pv1.pv1_2 = "O"
    found = parse(peer.to_er7())
    assert (found.kind, found.control_id, found.get("PID-5.1"), found.get("PID-5.2")) == (
        "ADT^A01",
        "77",
        "van Damme",
        "Anna",
    )
    assert found.get("PV1-2") == "O"


@pytest.mark.parametrize("segment", ["PID", "OBR", "NTE", "DG1", "ORC"])
def test_hl7apy_and_we_see_the_same_fields(segment: str) -> None:
    raw = text(*ORDERS, kind="ORM^O01")
    peer = parse_message(raw, VALIDATION_LEVEL.TOLERANT, find_groups=False)
    theirs = peer.children.get(segment)
    ours = parse(raw)[segment]
    assert [field.to_er7() for field in theirs] == [segment.text for segment in ours]
    for their, our in zip(theirs, ours, strict=True):
        for child in their.children:
            if child.value:
                assert our.raw_at(int(child.name.rpartition("_")[2])) == child.value


def test_a_letter_beyond_ascii_brings_its_declaration() -> None:
    assert build(header(), [["PID", 1]]).get("MSH-18") == ""
    utf8 = build(header(), [["PID", 1, None, None, None, "Müller"]])
    assert (utf8.get("MSH-18"), "Müller".encode() in utf8.raw) == ("UNICODE UTF-8", True)
    latin = build(header(charset="8859/1"), [["PID", 1, None, None, None, "Müller"]])
    assert (latin.get("MSH-18"), "Müller".encode("iso8859_1") in latin.raw) == ("8859/1", True)
    beyond = build(header(charset="8859/1"), [["PID", 1, None, None, None, "Łukasz"]])
    assert (beyond.get("MSH-18"), beyond.get("PID-5")) == ("UNICODE UTF-8", "Łukasz")
    japanese = build(header(charset="ISO IR87"), [["PID", 1, None, None, None, "山田"]])
    assert (japanese.at("MSH-18").raw, b"\x1b$B" in japanese.raw, japanese.get("PID-5")) == ("~ISO IR87", True, "山田")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        ("", ""),
        (DELETE, '""'),
        ('""', r"\X22\\X22\ ".strip()),
        (0, "0"),
        (True, "Y"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (date(986, 2, 8), "09860208"),
        (PartialDate(1986, 2), "198602"),
        (AT, "20261124104105-0500"),
        (datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), "18791231230632+0000"),
        (Er7("a^b"), "a^b"),
        (("a", None, "b", None), "a^^b"),
        (["a", None, ("b", ("c", "d"))], "a~~b^c&d"),
    ],
)
def test_values_are_written_as_hl7_writes_them(value: Field, written: str) -> None:
    assert write_row(["ZZZ", "x", value, "y"], Syntax()) == f"ZZZ|x|{written}|y"


def test_a_deleted_field_is_not_an_empty_one() -> None:
    found = build(header("ADT^A08"), [["PID", 1, None, "M1", None, DELETE, '""']])
    assert found.presence("PID-5") is Presence.NULL
    assert (found.presence("PID-6"), found.get("PID-6")) == (Presence.VALUE, '""')


@pytest.mark.parametrize("row", [["pid", 1], ["PIDX"], [1], ["PID", datetime(2026, 1, 1)], ["PID", Decimal("NaN")]])
def test_what_cannot_be_written_is_a_mistake(row: Row) -> None:
    with pytest.raises(ValueError):
        build(header(), [row])


def test_the_structure_is_named_from_2_4_on() -> None:
    assert build(header(version="2.3.1"), []).at("MSH-9").raw == "ORM^O01"
    assert build(header(version="2.4"), []).at("MSH-9").raw == "ORM^O01^ORM_O01"


def test_structures_that_events_share() -> None:
    kinds = {"ADT^A08": "ADT_A01", "ADT^A40": "ADT_A39", "ADT^A31": "ADT_A05", "SIU^S15": "SIU_S12"}
    kinds |= {"ORU^R01": "ORU_R01", "MDM^T02": "MDM_T02", "MDM^T04": "MDM_T02", "ACK^A08": "ACK", "ACK": "ACK"}
    assert {kind: structure_of(kind) for kind in kinds} == kinds


def test_control_ids_are_short_and_never_the_same() -> None:
    ids = {new_control_id() for _ in range(10_000)}
    assert len(ids) == 10_000
    assert {len(one) for one in ids} == {20}


def test_a_time_is_written_with_its_zone_whatever_the_zone() -> None:
    found = build(Header("ACK", ("A", "B"), ("C", "D"), datetime(2026, 7, 1, 8, tzinfo=UTC), "1"), [])
    assert found.get("MSH-7") == "20260701080000+0000"
    assert found.at("MSH-9").raw == "ACK"
