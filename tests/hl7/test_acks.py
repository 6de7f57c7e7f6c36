"""What we answer, to whom, and in which version's form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from ris_pacs.hl7.ack_reading import read_acknowledgement
from ris_pacs.hl7.acks import (
    ACCEPTED,
    Due,
    Mode,
    Verdict,
    acknowledge,
    answer_unreadable,
    answers,
    due,
    fault_of,
    header_faults,
    mode_of,
    read_head,
    refused,
    rejected,
    try_later,
)
from ris_pacs.hl7.build import Row
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.reading import ParseFailure
from tests.hl7.samples import PATIENT, message

AT = datetime(2026, 11, 24, 15, 41, 6, tzinfo=UTC)
BAD_DATE = FieldFault("PID-7", "19860231", "is not a date", Condition.DATA_TYPE, "February has no 31st")
BAD_ORDER = FieldFault("OBR[2]-4[3].1", "X|9", "is not in the catalogue", Condition.UNKNOWN_KEY)


def received(accept: str = "", application: str = "", kind: str = "ORM^O01", version: str = "2.5.1") -> Message:
    names = "EMR^1.2.3^ISO|HOSPITAL|RISPACS|RIVERSIDE"
    return parse(f"MSH|^~\\&|{names}|20261124||{kind}|ID 1 |T|{version}|||{accept}|{application}\r{PATIENT}")


def test_an_acknowledgement_goes_back_to_where_the_message_came_from() -> None:
    answer = acknowledge(received(), "AA", ACCEPTED, AT)
    assert answer.raw.startswith(b"MSH|^~\\&|RISPACS|RIVERSIDE|EMR^1.2.3^ISO|HOSPITAL|")
    assert answer.get("MSH-7") == "20261124154106+0000"
    assert (answer.get("MSH-11"), answer.version) == ("T", "2.5.1")
    assert answer.at("MSA-1").raw == "AA"
    assert answer.at("MSA-2").raw == "ID 1 "  # exactly, blanks included
    assert "ERR" not in answer
    assert answer.control_id not in ("", "ID 1 ")


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("ORM^O01", "AA", "ORR^O02^ORR_O02"),
        ("OMI^O23", "AE", "ORI^O24^ORI_O24"),
        ("OMG^O19^OMG_O19", "AR", "ORG^O20^ORG_O20"),
        ("ORM^O01", "CA", "ACK^O01^ACK"),
        ("ADT^A08", "AA", "ACK^A08^ACK"),
        ("ORU^R01", "AE", "ACK^R01^ACK"),
        ("ADT", "AA", "ACK"),
        ("ADT^\\X07\\", "AA", "ACK"),
        ("", "AR", "ACK"),
    ],
)
def test_an_order_gets_the_order_response_and_the_rest_an_ack(kind: str, code: str, expected: str) -> None:
    assert acknowledge(received(kind=kind), code, ACCEPTED, AT).at("MSH-9").raw == expected


def test_a_partner_that_wants_a_plain_ack_gets_one() -> None:
    assert acknowledge(received(), "AA", ACCEPTED, AT, general=True).kind == "ACK^O01"


def test_an_order_response_carries_the_orders() -> None:
    body: list[Row] = [["PID", 1, None, "M1"], ["ORC", "OK", "P1", "F1"], ["OBR", 1, "P1", "F1", ("CT1", "CT head")]]
    answer = acknowledge(received(), "AA", ACCEPTED, AT, body)
    assert [segment.name for segment in answer] == ["MSH", "MSA", "PID", "ORC", "OBR"]
    peer = parse_message(answer.raw.decode(), VALIDATION_LEVEL.STRICT)
    response = peer.children.get("ORR_O02_RESPONSE")[0]
    assert response.children.get("ORR_O02_ORDER")[0].orc.orc_3.value == "F1"


@pytest.mark.parametrize("version", ["2.3.1", "2.4"])
def test_faults_up_to_2_4_repeat_in_one_err(version: str) -> None:
    answer = acknowledge(received(version=version), "AE", refused(BAD_DATE, BAD_ORDER), AT)
    assert answer.version == version
    assert answer["ERR"][0].text == (
        "ERR|PID^1^7^102&Data type error&HL70357~OBR^2^4^204&Unknown key identifier&HL70357"
    )
    assert (
        answer.get("MSA-3") == "PID-7 is not a date: February has no 31st; OBR[2]-4[3].1 is not in the catalogue"[:80]
    )
    assert answer.at("MSA-6").raw == "102^Data type error^HL70357"
    assert (
        parse_message(answer.raw.decode(), VALIDATION_LEVEL.TOLERANT, find_groups=False).err.err_1.eld_1.value == "PID"
    )


@pytest.mark.parametrize("version", ["2.5", "2.5.1", "2.6", "2.7", "2.8"])
def test_faults_from_2_5_on_have_an_err_each(version: str) -> None:
    answer = acknowledge(received(kind="ADT^A08", version=version), "AE", refused(BAD_DATE, BAD_ORDER), AT)
    first, second = answer["ERR"]
    assert first.text == (
        "ERR||PID^1^7|102^Data type error^HL70357|E|||PID-7 was sent as 19860231"
        "|PID-7 is not a date: February has no 31st"
    )
    assert second.raw_at(2) == "OBR^2^4^3^1"
    assert second.at(7).whole == "OBR[2]-4[3].1 was sent as X|9"
    assert bool(answer.get("MSA-3")) is (version < "2.7")
    peer = parse_message(answer.raw.decode(), VALIDATION_LEVEL.STRICT)
    assert [err.err_3.cwe_1.value for err in peer.children.get("ERR")] == ["102", "204"]


@pytest.mark.parametrize(("path", "location"), [("PV1", "PV1^1"), ("OBX[2]", "OBX^2"), ("", ""), ("nonsense", "")])
def test_a_fault_without_a_field_says_as_much_as_is_known(path: str, location: str) -> None:
    answer = acknowledge(received(), "AE", refused(FieldFault(path, "", "is missing", Condition.SEGMENT_SEQUENCE)), AT)
    assert answer["ERR"][0].raw_at(2) == location
    assert answer["ERR"][0].get("3.1") == "100"


@pytest.mark.parametrize("version", ["2.1", "2.9", "9.9", "", "abc"])
def test_an_unknown_version_is_answered_in_2_5_1(version: str) -> None:
    sent = received(version=version)
    (fault,) = header_faults(sent)
    assert (fault.path, fault.code) == ("MSH-12", Condition.UNSUPPORTED_VERSION)
    answer = acknowledge(sent, "AR", rejected(fault), AT)
    assert (answer.version, answer.get("MSA-1"), answer.get("ERR-3.1")) == ("2.5.1", "AR", "203")


def test_what_a_header_must_have() -> None:
    assert header_faults(received()) == []
    bare = parse("MSH|^~\\&|EMR||||||||X|2.5.1")
    assert [(fault.path, fault.code.value) for fault in header_faults(bare)] == [
        ("MSH-9", 101),
        ("MSH-10", 101),
        ("MSH-11", 202),
    ]


GOOD, BAD, UNSAFE = ACCEPTED, refused(BAD_DATE), try_later("the disk is full")
KEPT_BUT_BAD = Verdict("AE", "CA", (BAD_DATE,))


@pytest.mark.parametrize(
    ("accept", "application", "verdict", "expected"),
    [
        ("", "", GOOD, Due(False, True)),
        ("", "", BAD, Due(False, True)),
        ('""', "", GOOD, Due(False, True)),
        ("AL", "", GOOD, Due(True, False)),
        ("AL", "NE", BAD, Due(True, False)),
        ("AL", "AL", GOOD, Due(True, True)),
        ("AL", "AL", BAD, Due(True, False)),  # CE ends the exchange
        ("AL", "AL", KEPT_BUT_BAD, Due(True, True)),
        ("AL", "ER", GOOD, Due(True, False)),
        ("AL", "ER", KEPT_BUT_BAD, Due(True, True)),
        ("AL", "SU", GOOD, Due(True, True)),
        ("AL", "SU", KEPT_BUT_BAD, Due(True, False)),
        ("NE", "AL", GOOD, Due(False, True)),
        ("NE", "AL", BAD, Due(False, True)),
        ("NE", "NE", BAD, Due(False, False)),
        ("", "AL", GOOD, Due(False, True)),
        ("ER", "NE", GOOD, Due(False, False)),
        ("ER", "NE", BAD, Due(True, False)),
        ("SU", "NE", GOOD, Due(True, False)),
        ("SU", "NE", UNSAFE, Due(False, False)),
        ("al", "ne", GOOD, Due(True, False)),
    ],
)
def test_which_acknowledgements_are_due(accept: str, application: str, verdict: Verdict, expected: Due) -> None:
    assert due(received(accept, application), verdict) == expected


@pytest.mark.parametrize(
    ("accept", "application", "verdict", "now", "later"),
    [
        ("", "", GOOD, "AA", None),
        ("", "", BAD, "AE", None),
        ("", "", UNSAFE, "AR", None),
        ("AL", "AL", GOOD, "CA", "AA"),
        ("AL", "AL", KEPT_BUT_BAD, "CA", "AE"),
        ("AL", "NE", UNSAFE, "CE", None),
        ("NE", "AL", BAD, "AE", None),
        ("NE", "NE", BAD, None, None),
    ],
)
def test_the_answers_to_a_message(
    accept: str, application: str, verdict: Verdict, now: str | None, later: str | None
) -> None:
    found = answers(received(accept, application), verdict, AT)
    assert (found.now and found.now.get("MSA-1"), found.later and found.later.get("MSA-1")) == (now, later)


def test_the_later_answer_asks_for_its_receipt_and_the_first_does_not() -> None:
    found = answers(received("AL", "AL"), GOOD, AT)
    assert found.now is not None
    assert found.later is not None
    assert mode_of(found.now) is Mode.ORIGINAL
    assert (found.later.get("MSH-15"), found.later.get("MSH-16"), found.later.kind) == ("AL", "NE", "ORR^O02")
    assert found.now.control_id != found.later.control_id


def test_trouble_of_ours_is_said_without_blaming_a_field() -> None:
    answer = acknowledge(received(), "AR", try_later("the archive is full; send the message again"), AT)
    assert (answer.get("ERR-3.1"), answer.at("ERR-2").raw) == ("207", "")
    assert answer.get("ERR-8") == "the archive is full; send the message again"


def test_the_senders_delimiters_and_letters_come_back() -> None:
    sent = parse("MSH#*@!%#EMR*Größe#H###20261124##ADT*A08#Ü1#P#2.5.1######8859/1".encode("iso8859_1"))
    answer = acknowledge(sent, "AE", refused(BAD_DATE), AT)
    assert answer.raw.startswith(b"MSH#*@!%#")
    assert "MSA#AE#Ü1#".encode("iso8859_1") in answer.raw
    assert answer.get("MSH-5.2") == "Größe"
    assert answer.get("MSH-18") == "8859/1"


def test_a_sender_without_an_escape_character_is_answered_all_the_same() -> None:
    answer = acknowledge(parse("MSH|^~|EMR|H|||1||ADT^A08|7|P|2.5.1"), "AE", refused(BAD_ORDER), AT)
    assert (answer.control_id != "", answer.get("MSA-2")) == (True, "7")
    assert answer.at("ERR-7").whole.endswith("X|9")


@pytest.mark.parametrize(
    ("raw", "control_id", "receiver"),
    [
        (b"", "", ""),
        (b"hello", "", ""),
        (b"\x00\xff\xfe", "", ""),
        (b"PID|1||A1\r", "", ""),
        (b"MSH|^~\\&|EMR|H|||1||ADT^A08|77|P|2.5.1\rMSH|^~\\&|x", "77", "EMR"),
        (b"MSH|^^^^^^^|EMR|H|||1||ADT^A08|77|P|2.5.1\rPID|1", "77", "EMR"),
        (b"MSH|^~\\&|EMR|H|||1||ADT^A08|77|P|2.5.1|" + b"x" * 100_000, "77", "EMR"),
    ],
)
def test_bytes_that_are_no_message_are_rejected_with_what_could_be_read(
    raw: bytes, control_id: str, receiver: str
) -> None:
    answer = answer_unreadable(raw, FieldFault("", "", "is not a message", Condition.SEGMENT_SEQUENCE), AT)
    assert answer is not None
    assert (answer.get("MSA-1"), answer.get("MSA-2"), answer.get("MSH-5")) == ("AR", control_id, receiver)
    assert answer.get("ERR-8") == "is not a message"


def test_an_unreadable_message_in_enhanced_mode_gets_cr_or_silence() -> None:
    broken = b"MSH|^~\\&|EMR|H|||1||ADT^A08|77|P|2.5.1|||%s|NE\rMSH|"
    fault = fault_of(ParseFailure("segment 2", "is a second MSH"))
    answer = answer_unreadable(broken % b"AL", fault, AT)
    assert answer is not None
    assert (answer.get("MSA-1"), answer.get("ERR-8")) == ("CR", "segment 2 is a second MSH")
    assert answer_unreadable(broken % b"NE", fault, AT) is None


def test_a_parse_failure_in_the_header_names_its_field() -> None:
    assert fault_of(ParseFailure("MSH-2", "names a sign twice")).path == "MSH-2"
    assert fault_of(ParseFailure("message", "is empty")).path == ""


def test_a_line_end_inside_the_header_does_not_break_the_answer() -> None:
    sent = parse("MSH|^~\\&|EMR|H|||1||ADT^A08|77\nstray|P|2.5.1")
    answer = acknowledge(sent, "AA", ACCEPTED, AT)
    assert [segment.name for segment in answer] == ["MSH", "MSA"]
    assert answer.get("MSA-2") == "77"


def test_the_head_of_a_message_is_read_alone() -> None:
    head = read_head(message(PATIENT).raw)
    assert head is not None
    assert ([segment.name for segment in head], head.control_id) == (["MSH"], "8841207")


@pytest.mark.parametrize(
    ("segments", "accepted", "retry", "said"),
    [
        (("MSA|AA|77",), True, False, ""),
        (("MSA|CA|77",), True, False, ""),
        (("MSA|AE|77|bad date", "ERR|PID^1^7^102&Data type error"), False, False, "bad date; PID-7 Data type error"),
        (("MSA|AE|77", "ERR||PID^1^7|102^Data type error|E||||not a date"), False, False, "not a date"),
        (("MSA|ae|77", "ERR||PID^1^7|102^Data type error|E"), False, False, "PID-7 Data type error"),
        (("MSA|AR|77|busy",), False, True, "busy"),
        (("MSA|CE|77",), False, True, ""),
        (("MSA|CR|77",), False, False, ""),
    ],
)
def test_a_partners_answer_is_read(segments: tuple[str, ...], accepted: bool, retry: bool, said: str) -> None:
    found = read_acknowledgement(message(*segments, kind="ACK").raw)
    assert (found.accepted, found.worth_retrying, found.control_id, found.text) == (accepted, retry, "77", said)


def test_an_answer_without_msa_is_none() -> None:
    with pytest.raises(ParseFailure, match="without an MSA"):
        read_acknowledgement(message(PATIENT).raw)
