"""What comes off the network: in pieces, hostile, or both. Never an exception, never unbounded memory."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_pacs.dicom.indications import Fragment, Indication, Signal, Violation
from ris_pacs.dicom.pdu import (
    RELEASE_RP,
    RELEASE_RQ,
    Abort,
    AbortReason,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ProposedContext,
    UserInformation,
)
from ris_pacs.dicom.state_table import State
from ris_pacs.dicom.upper_layer import MAX_CONTROL_PDU, MAX_SENT_PDU, UpperLayer, WrongState

MAX_PDU = 16384
REQUEST = AssociateRequest(
    "CT1",
    "RISPACS",
    (ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)), ProposedContext(3, "1.2.3", ("1.2.4",))),
)


def established(max_pdu: int = MAX_PDU, peer_max_pdu: int = 16384) -> UpperLayer:
    """An acceptor in Sta6 with presentation context 1 accepted and 3 refused."""
    layer = UpperLayer(requestor=False, max_pdu=max_pdu)
    layer.transport_connected()
    request = AssociateRequest("CT1", "RISPACS", REQUEST.contexts, UserInformation(peer_max_pdu))
    receive(layer, request.encode())
    layer.accept(AssociateAccept((AnsweredContext(1, 0, "1.2.840.10008.1.2"), AnsweredContext(3, 3, ""))))
    layer.take_outputs()
    return layer


def receive(layer: UpperLayer, raw: bytes, step: int = 1 << 30) -> list[Indication]:
    """Feed bytes in steps; the indications, with the data of fragments copied out of the buffer."""
    found: list[Indication] = []
    while raw:
        buffer = layer.receive_buffer()
        count = min(len(buffer), len(raw), step)
        assert count, "the receive buffer is full"
        buffer[:count] = raw[:count]
        layer.received(count)
        raw = raw[count:]
        found += map(kept, taken(layer))
    return found


def taken(layer: UpperLayer) -> Iterator[Indication]:
    while (indication := layer.next_fragment() or layer.next_indication()) is not None:
        yield indication


def kept(indication: Indication) -> Indication:
    if isinstance(indication, Fragment):
        return indication._replace(data=memoryview(bytes(indication.data)))
    return indication


def pdv(data: bytes, *, context: int = 1, command: bool = False, last: bool = True) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context, command | last << 1) + data


def p_data(*pdvs: bytes) -> bytes:
    return struct.pack(">BxL", 4, sum(map(len, pdvs))) + b"".join(pdvs)


def test_a_whole_association_byte_by_byte() -> None:
    layer = UpperLayer(requestor=False, max_pdu=MAX_PDU)
    layer.transport_connected()
    (request,) = receive(layer, REQUEST.encode(), step=1)
    assert isinstance(request, AssociateRequest)
    assert (request.calling, request.called, request.contexts) == ("CT1", "RISPACS", REQUEST.contexts)
    layer.accept(AssociateAccept((AnsweredContext(1, 0, "1.2.840.10008.1.2"),)))

    message = p_data(pdv(b"command!", command=True)) + p_data(pdv(b"some", last=False), pdv(b"data"))
    fragments = receive(layer, message + RELEASE_RQ, step=1)
    assert fragments.pop() is Signal.RELEASE_REQUESTED
    pieces = [fragment for fragment in fragments if isinstance(fragment, Fragment)]
    assert b"".join(piece.data for piece in pieces if piece.is_command) == b"command!"
    assert b"".join(piece.data for piece in pieces if not piece.is_command) == b"somedata"
    assert [piece.is_command for piece in pieces if piece.last] == [True, False]


@pytest.mark.parametrize("step", [1, 5, 7, 11, 12, 13, 100, 4096, 1 << 20])
def test_cuts_in_the_stream_change_nothing(step: int) -> None:
    layer = established()
    sizes = (0, 2, 16378, 4, 16378, 16)
    stream = b"".join(p_data(pdv(bytes([n]) * size, last=n == 5)) for n, size in enumerate(sizes))
    pieces = receive(layer, stream, step)
    assert all(isinstance(piece, Fragment) for piece in pieces)
    data = b"".join(piece.data for piece in pieces if isinstance(piece, Fragment))
    assert data == b"".join(bytes([n]) * size for n, size in enumerate(sizes))
    assert [piece.last for piece in pieces if isinstance(piece, Fragment)][-1]
    assert sum(piece.last for piece in pieces if isinstance(piece, Fragment)) == 1


def test_fragments_lie_in_the_receive_buffer() -> None:
    """No copies: writing to the buffer changes what the fragment shows."""
    layer = established()
    buffer = layer.receive_buffer()
    raw = p_data(pdv(b"abcd"))
    buffer[: len(raw)] = raw
    layer.received(len(raw))
    fragment = layer.next_fragment()
    assert fragment is not None
    buffer[len(raw) - 4 : len(raw)] = b"wxyz"
    assert bytes(fragment.data) == b"wxyz"


UNRECOGNIZED, INVALID, UNEXPECTED = (
    AbortReason.UNRECOGNIZED_PDU,
    AbortReason.INVALID_PARAMETER,
    AbortReason.UNEXPECTED_PDU,
)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"\x08\0\0\0\0\4\0\0\0\0", UNRECOGNIZED, id="unknown type"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", UNRECOGNIZED, id="TLS hello"),
        pytest.param(b"\x04\0\xff\xff\xff\xff", INVALID, id="P-DATA of 4 GB"),
        pytest.param(p_data(pdv(bytes(MAX_PDU))), INVALID, id="P-DATA beyond the agreed maximum"),
        pytest.param(b"\x01\0\xff\xff\xff\xff", INVALID, id="A-ASSOCIATE-RQ of 4 GB"),
        pytest.param(b"\x04\0\0\0\0\0", INVALID, id="empty P-DATA"),
        pytest.param(b"\x04\0\0\0\0\5\0\0\0\1\1", INVALID, id="P-DATA shorter than a PDV header"),
        pytest.param(struct.pack(">BxLLBB", 4, 6, 1, 1, 3), INVALID, id="PDV length 1"),
        pytest.param(struct.pack(">BxLLBB", 4, 8, 100, 1, 3) + b"ab", INVALID, id="PDV longer than its PDU"),
        pytest.param(struct.pack(">BxLLBB", 4, 9, 4, 1, 3) + b"abc", INVALID, id="bytes behind the last PDV"),
        pytest.param(p_data(pdv(b"ab", context=3)), INVALID, id="refused context"),
        pytest.param(p_data(pdv(b"ab", context=5)), INVALID, id="context never proposed"),
        pytest.param(p_data(pdv(b"abc", last=False)), INVALID, id="odd fragment before the last"),
        pytest.param(REQUEST.encode(), UNEXPECTED, id="second A-ASSOCIATE-RQ"),
        pytest.param(AssociateReject(1, 1, 1).encode(), UNEXPECTED, id="A-ASSOCIATE-RJ"),
        pytest.param(RELEASE_RP, UNEXPECTED, id="A-RELEASE-RP"),
        pytest.param(b"\x05\0\0\0\0\2\0\0", INVALID, id="A-RELEASE-RQ of 2 bytes"),
        pytest.param(b"\x07\0\0\0\0\0", INVALID, id="A-ABORT of 0 bytes"),
    ],
)
def test_hostile_bytes_are_answered_by_an_abort(raw: bytes, reason: AbortReason) -> None:
    layer = established()
    (violation,) = receive(layer, raw)
    assert isinstance(violation, Violation)
    assert violation.reason == reason
    assert layer.take_outputs()[0] == Abort(2, reason).encode()
    assert layer.state is State.STA13
    assert layer.fault == violation.detail
    assert receive(layer, bytes(1 << 20)) == []  # what follows is read and thrown away


def test_an_odd_last_fragment_is_taken() -> None:
    """Deflated data sets of some senders are not padded to an even length."""
    (fragment,) = receive(established(), p_data(pdv(b"abc")))
    assert isinstance(fragment, Fragment)
    assert bytes(fragment.data) == b"abc"


def test_bytes_that_are_not_dicom_are_aborted_before_any_association() -> None:
    layer = UpperLayer(requestor=False, max_pdu=MAX_PDU)
    layer.transport_connected()
    layer.take_outputs()
    assert receive(layer, b"GET / HTTP/1.1\r\n\r\n") == []
    assert layer.take_outputs()[0] == Abort(0, 0).encode()  # AA-1
    assert "0x47" in layer.fault


def test_a_peer_without_limit_gets_our_own() -> None:
    assert established(peer_max_pdu=0).max_fragment == MAX_SENT_PDU - 6


@pytest.mark.parametrize(("announced", "fragment"), [(16384, 16378), (16383, 16376), (8, 2), (1, 2)])
def test_fragments_respect_the_peers_limit_and_stay_even(announced: int, fragment: int) -> None:
    assert established(peer_max_pdu=announced).max_fragment == fragment


def test_data_for_a_context_that_was_not_accepted_is_our_own_mistake() -> None:
    with pytest.raises(WrongState):
        established().p_data_header(3, 2, is_command=True, last=True)


def test_an_abort_in_the_middle_of_a_pdu_skips_the_rest_of_it() -> None:
    layer = established()
    whole = p_data(pdv(bytes(100)))
    receive(layer, whole[:50])
    layer.abort()
    assert receive(layer, whole[50:] + Abort(0, 0).encode()) == []
    assert layer.state is State.STA1  # AA-2: the abort behind it was understood


def test_an_answer_cannot_accept_what_was_not_proposed() -> None:
    layer = UpperLayer(requestor=True, max_pdu=MAX_PDU)
    layer.request(REQUEST)
    layer.transport_connected()
    receive(layer, AssociateAccept((AnsweredContext(1, 0, "1.2"), AnsweredContext(77, 0, "1.2"))).encode())
    assert layer.state is State.STA6
    with pytest.raises(WrongState):
        layer.p_data_header(77, 2, is_command=True, last=True)


def test_memory_does_not_follow_the_length_of_a_pdu() -> None:
    layer = established(max_pdu=0)
    tracemalloc.start()
    try:
        header = struct.pack(">BxLLBB", 4, 0x7FFFFFFE, 0x7FFFFFFA, 1, 2)
        receive_without_keeping(layer, header)
        for _ in range(400):
            receive_without_keeping(layer, bytes(MAX_CONTROL_PDU))
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_CONTROL_PDU
    finally:
        tracemalloc.stop()
    assert layer.state is State.STA6


def receive_without_keeping(layer: UpperLayer, raw: bytes) -> None:
    buffer = layer.receive_buffer()
    buffer[: len(raw)] = raw
    layer.received(len(raw))
    for _ in taken(layer):
        pass


LAWFUL = [
    REQUEST.encode(),
    AssociateAccept((AnsweredContext(1, 0, "1.2.840.10008.1.2"),)).encode(),
    AssociateReject(1, 1, 3).encode(),
    p_data(pdv(b"command!", command=True)),
    p_data(pdv(b"data", last=False), pdv(b"more")),
    RELEASE_RQ,
    RELEASE_RP,
    Abort(2, 1).encode(),
]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Lawful PDUs in any order, some of their bytes changed, cut anywhere; or anything at all."""
    raw = bytearray(b"".join(draw(st.lists(st.sampled_from(LAWFUL) | st.binary(max_size=40), max_size=8))))
    for position, value in draw(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6)):
        if raw:
            raw[position % len(raw)] = value
    return bytes(raw[: draw(st.integers(0, len(raw)))])


@settings(max_examples=400, deadline=None)
@given(streams(), st.integers(1, 200), st.sampled_from(["acceptor", "requestor", "established"]))
def test_no_stream_raises_or_stalls(raw: bytes, step: int, role: str) -> None:
    if role == "established":
        layer = established()
    else:
        layer = UpperLayer(requestor=role == "requestor", max_pdu=MAX_PDU)
        if role == "requestor":
            layer.request(REQUEST)
        layer.transport_connected()
    for indication in receive(layer, raw, step):
        if isinstance(indication, AssociateRequest) and layer.state is State.STA3:
            layer.reject(AssociateReject(1, 1, 1))
    assert all(len(output) < 4096 for output in layer.take_outputs() if isinstance(output, bytes))
    layer.transport_closed()
    assert layer.state is State.STA1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=64), min_size=1, max_size=6), st.integers(1, 80), st.booleans())
def test_any_data_comes_through_whole(parts: list[bytes], step: int, one_pdu: bool) -> None:
    parts = [part + b"\0" * (len(part) % 2) for part in parts]
    pdvs = [pdv(part, last=n == len(parts) - 1) for n, part in enumerate(parts)]
    stream = p_data(*pdvs) if one_pdu else b"".join(map(p_data, pdvs))
    pieces = [piece for piece in receive(established(), stream, step) if isinstance(piece, Fragment)]
    assert b"".join(piece.data for piece in pieces) == b"".join(parts)
    assert [piece.last for piece in pieces].count(True) == 1
    assert pieces[-1].last
