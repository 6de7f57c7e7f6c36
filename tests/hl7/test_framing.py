"""Frames cut out of a stream, however the stream is chopped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_pacs.hl7.framing import HEAD_BYTES, Deframer, Frame, Junk, TooLong, frame

Event = Frame | TooLong | Junk


def cut(stream: bytes, pieces: int, limit: int = 1000) -> tuple[list[Event], Deframer]:
    deframer = Deframer(limit)
    found: list[Event] = []
    for start in range(0, len(stream), pieces):
        found += deframer.feed(stream[start : start + pieces])
    return found, deframer


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (frame(b"one") + frame(b"two"), [Frame(b"one"), Frame(b"two")]),
        (frame(b"one") + b"\r\n" + frame(b"two") + b"\n", [Frame(b"one"), Frame(b"two")]),
        (frame(b""), [Frame(b"")]),
        (frame(b"a\x1cb\x0bc\rd"), [Frame(b"a\x1cb\x0bc\rd")]),  # FS or VT alone are content
        (frame(b"a\x1c"), [Frame(b"a\x1c")]),
        (b"\x0bMSH|half\x0bMSH|whole\x1c\r", [Frame(b"MSH|whole", dropped=8)]),
        (frame(b"x" * 1000), [Frame(b"x" * 1000)]),
        (frame(b"x" * 1001) + frame(b"two"), [TooLong(b"x" * 1001, 1001), Frame(b"two")]),
        (frame(b"x" * 999 + b"\x1c"), [Frame(b"x" * 999 + b"\x1c")]),
    ],
)
def test_frames_come_out_whole_and_in_order(stream: bytes, expected: list[Event], pieces: int) -> None:
    found, deframer = cut(stream, pieces)
    heads = [TooLong(event.head[:900], event.size) if isinstance(event, TooLong) else event for event in found]
    wanted = [TooLong(event.head[:900], event.size) if isinstance(event, TooLong) else event for event in expected]
    assert heads == wanted
    assert not deframer.inside


def test_what_is_outside_of_frames_is_counted() -> None:
    found, deframer = cut(b"GET / HTTP/1.1\r\n" + frame(b"one") + b"xy", 100)
    assert found == [Junk(14), Frame(b"one"), Junk(2)]
    assert not deframer.inside


def test_half_a_frame_is_known_to_be_one() -> None:
    found, deframer = cut(b"\x0bMSH|half\x1c", 3)
    assert found == []
    assert (deframer.inside, deframer.held) == (True, 9)


def test_a_frame_that_is_too_long_is_not_kept() -> None:
    deframer = Deframer(1000)
    assert list(deframer.feed(b"\x0bMSH|")) == []
    for _ in range(1000):
        assert list(deframer.feed(b"x" * 1000)) == []
    assert deframer.held == 1_000_004
    assert len(deframer._buffer) <= 1001
    (event,) = deframer.feed(b"\x1c\r")
    assert isinstance(event, TooLong)
    assert event.size == 1_000_004
    assert event.head.startswith(b"MSH|xxx")
    assert len(event.head) <= HEAD_BYTES


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=40).filter(lambda content: b"\x1c\r" not in content and b"\x0bMSH" not in content)),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_any_contents_survive_any_chopping(contents: list[bytes], steps: list[int]) -> None:
    contents = [content for content in contents if not content.endswith(b"\x1c")]
    stream = b"".join(map(frame, contents))
    deframer = Deframer(40)
    found: list[Event] = []
    position, turn = 0, 0
    while position < len(stream):
        step = steps[turn % len(steps)]
        found += deframer.feed(stream[position : position + step])
        position, turn = position + step, turn + 1
    assert found == [Frame(content) for content in contents]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_give_the_same_frames_whole_or_in_pieces(stream: bytes, pieces: int) -> None:
    spiced = stream.replace(b"\x00", b"\x0b").replace(b"\x01", b"\x1c\r")
    whole = [event for event in cut(spiced, 1000, 30)[0] if not isinstance(event, Junk)]
    chopped = [event for event in cut(spiced, pieces, 30)[0] if not isinstance(event, Junk)]
    assert [type(event) for event in whole] == [type(event) for event in chopped]
    assert [event for event in whole if isinstance(event, Frame)] == [
        event for event in chopped if isinstance(event, Frame)
    ]
