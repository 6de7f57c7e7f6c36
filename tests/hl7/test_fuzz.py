"""Whatever bytes come: a message or a ParseFailure, and never another exception from anything done with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ris_pacs.hl7.acks import ACCEPTED, acknowledge, answer_unreadable, answers, header_faults, refused
from ris_pacs.hl7.build import Header, build
from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.escapes import Syntax, decode, encode
from ris_pacs.hl7.faults import FieldFault
from ris_pacs.hl7.groups import order_groups
from ris_pacs.hl7.identifiers import authority, entity_identifier, extended_identifiers
from ris_pacs.hl7.names import describe
from ris_pacs.hl7.paths import BadPath
from ris_pacs.hl7.persons import addresses, name_groups, person_names, practitioners, telecoms
from ris_pacs.hl7.reading import ParseFailure
from ris_pacs.hl7.times import read_date, read_moment
from ris_pacs.hl7.values import all_coded, integer, measure, number, sex, text
from tests.hl7.samples import ORDERS
from tests.hl7.samples import text as sample

AT = datetime(2026, 11, 24, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
SAMPLE = sample(*ORDERS, kind="ORM^O01").encode()
READERS: list[Callable[[Element], object]] = [
    text, number, integer, measure, sex, all_coded, read_date, authority, entity_identifier, extended_identifiers,
    lambda element: name_groups(person_names(element)), practitioners, addresses, telecoms,
    lambda element: read_moment(element, ZONE),
]  # fmt: skip

pieces = st.sampled_from(
    [b"MSH", b"PID", b"OBR", b"ORC", b"OBX", b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"\\X0D\\", b"\\.br\\",
     b"\\M2442\\", b"\x0b", b"\x1c", b"\x00", b"\xff", b"\xc3\xbc", b"\x1b$B;3\x1b(B", b"2.5.1", b"20260329023000",
     b"8859/1", b"~ISO IR87", b"UNICODE", b"\x85", b"MSH|^~\\&|", b"MSH|^~|", b"#*@!%"]
)  # fmt: skip
soup = st.lists(st.one_of(pieces, st.binary(max_size=4)), max_size=40).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message in which some bytes were replaced."""
    raw = SAMPLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        raw = raw[:start] + draw(soup) + raw[start + draw(st.integers(0, 6)) :]
    return raw


anything = st.one_of(damaged(), soup, soup.map(lambda tail: b"MSH|^~\\&|" + tail), st.binary(max_size=100))


def parsed(raw: bytes | str) -> Message | None:
    try:
        return parse(raw, "8859/7")
    except ParseFailure:
        return None


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_bytes_are_a_message_or_a_failure(raw: bytes) -> None:
    found = parsed(raw)
    if found is None:
        return
    for segment in found:
        for place in range(1, len(segment.fields)):
            for element in segment.at(place).repetitions():
                for read in READERS:
                    with suppress(FieldFault):
                        read(element)
    for group in order_groups(found):
        assert group.get("OBR-4.1") is not None
    header_faults(found)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), damaged().map(lambda raw: raw.decode("latin-1"))))
def test_any_text_is_a_message_or_a_failure(pasted: str) -> None:
    parsed(pasted)
    found = parsed("MSH|^~\\&|" + pasted)
    if found is not None:
        assert parse(found.raw).segments


def assert_echoed(found: Message, reply: Message) -> None:
    """The control id comes back byte for byte."""
    separator, code = reply.syntax.field, reply.get("MSA-1")
    if found.codec in ("utf_8", "iso8859_1", "iso8859_7", "cp1252"):
        echo = f"\rMSA{separator}{code}{separator}{found.control_id.split(chr(10))[0]}".rstrip(separator)
        assert echo.encode(found.codec) in reply.raw


@settings(max_examples=200, deadline=None)
@given(anything)
def test_any_bytes_are_answered_with_a_readable_acknowledgement(raw: bytes) -> None:
    fault = FieldFault("PID-7", "a|b\r\x00", "is not a ^~\\& date")
    answer = answer_unreadable(raw, fault, AT)
    found = parsed(raw)
    if found is None:
        assert answer is None or answer.get("MSA-1") in ("AR", "CR")
        return
    for verdict in (ACCEPTED, refused(fault)):
        replies = answers(found, verdict, AT)
        for reply in (replies.now, replies.later, acknowledge(found, "AE", verdict, AT)):
            if reply is not None:
                assert [segment.name for segment in reply][:2] == ["MSH", "MSA"]
                assert reply.raw.count(b"\rMSA") == 1
                assert_echoed(found, reply)


@settings(max_examples=60, deadline=None)
@given(anything)
def test_any_message_can_be_described(raw: bytes) -> None:
    found = parsed(raw)
    for row in describe(found) if found is not None else []:
        assert row.name
        assert found is not None
        assert found.at(row.path).raw == row.raw


paths = st.builds(
    lambda segment, field, tail: f"{segment}-{field}{tail}",
    st.sampled_from(["MSH", "PID", "OBR", "OBR[2]", "OBX", "ZZZ"]),
    st.integers(1, 30),
    st.sampled_from(["", ".1", ".3", "[2]", "[2].2", ".1.2", "[3].2.2"]),
)


@settings(max_examples=300, deadline=None)
@given(paths, st.text(max_size=12), st.one_of(st.just(SAMPLE), damaged()))
def test_a_change_is_found_again_and_leaves_the_neighbours_alone(path: str, value: str, raw: bytes) -> None:
    found = parsed(raw)
    if found is None:
        return
    try:
        changed = found.with_field(path, value)
    except (FieldFault, BadPath, ParseFailure):
        return
    assert [segment.name for segment in changed] == [segment.name for segment in found]
    target = found.at(path).path
    for before, after in zip(found, changed, strict=True):
        if (before.name, before.occurrence) != (target.segment, target.occurrence):
            assert after.raw == before.raw
            continue
        for place in range(1, len(before.fields)):
            if place != target.field:
                assert after.fields[place] == before.fields[place]


syntaxes = st.sampled_from([Syntax(), Syntax("#", "*", "@", "!", "%"), Syntax(truncation="#")])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), syntaxes)
def test_text_survives_being_written_and_read(meant: str, syntax: Syntax) -> None:
    written = encode(meant, syntax)
    assert decode(written, syntax) == meant.replace("\r\n", "\n").replace("\r", "\n")
    assert not set(written) & {syntax.field, syntax.component, syntax.repetition, syntax.subcomponent, "\r", "\n"}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=5))
def test_what_is_built_reads_back(values: list[str]) -> None:
    header = Header("ADT^A08", ("A", "B"), ("C", "D"), AT, "1")
    found = build(header, [["ZZZ", "x", *values, tuple(values), list(values), "end"]])
    expected = [value.replace("\r\n", "\n").replace("\r", "\n") for value in values]
    segment = found["ZZZ"][0]
    assert [segment.get(place) for place in range(2, len(values) + 2)] == expected
    last = len(values) + 2
    assert [segment.at(last).component(place).whole for place in range(1, len(values) + 1)] == expected
    assert [segment.at(f"{last + 1}[{place}]").text for place in range(1, len(values) + 1)] == expected
