"""Every event in every state, against a transcription of PS3.8 Table 9-10 made for this test alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pynetdicom.fsm import TRANSITION_TABLE

from ris_pacs.dicom.indications import Fragment, Indication, Signal, Transport, Violation
from ris_pacs.dicom.pdu import (
    RELEASE_RP,
    RELEASE_RQ,
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    PduType,
    ProposedContext,
)
from ris_pacs.dicom.state_table import Event, State, action_for
from ris_pacs.dicom.upper_layer import UpperLayer, WrongState

# Rows as in the standard: the event's number, then for each state "action>next state", "." where blank.
TABLE_9_10 = """
 1  AE-1>4 . . . . . . . . . . . .
 2  . . . AE-2>5 . . . . . . . . .
 3  . AA-1>13 AA-8>13 . AE-3>6  AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13  AA-8>13 AA-8>13 AA-6>13
 4  . AA-1>13 AA-8>13 . AE-4>1  AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13  AA-8>13 AA-8>13 AA-6>13
 5  AE-5>2 . . . . . . . . . . . .
 6  . AE-6>3  AA-8>13 . AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13  AA-8>13 AA-8>13 AA-7>13
 7  . . AE-7>6 . . . . . . . . . .
 8  . . AE-8>13 . . . . . . . . . .
 9  . . . . . DT-1>6 . AR-7>8 . . . . .
10  . AA-1>13 AA-8>13 . AA-8>13 DT-2>6  AR-6>7  AA-8>13 AA-8>13 AA-8>13  AA-8>13 AA-8>13 AA-6>13
11  . . . . . AR-1>7 . . . . . . .
12  . AA-1>13 AA-8>13 . AA-8>13 AR-2>8  AR-8>*  AA-8>13 AA-8>13 AA-8>13  AA-8>13 AA-8>13 AA-6>13
13  . AA-1>13 AA-8>13 . AA-8>13 AA-8>13 AR-3>1  AA-8>13 AA-8>13 AR-10>12 AR-3>1  AA-8>13 AA-6>13
14  . . . . . . . AR-4>13 AR-9>11 . . AR-4>13 .
15  . . AA-1>13 AA-2>1 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 .
16  . AA-2>1 AA-3>1 . AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-2>1
17  . AA-5>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AR-5>1
18  . AA-2>1 . . . . . . . . . . AA-2>1
19  . AA-1>13 AA-8>13 . AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-7>13
"""
CELLS = [
    (Event(int(number)), State(column), cell)
    for number, *cells in (line.split() for line in TABLE_9_10.strip().splitlines())
    for column, cell in enumerate(cells, 1)
]

# What each action does (Tables 9-6 to 9-9): the PDU sent, the indication, and what the transport is told.
START, STOP, CLOSE = Transport.START_ARTIM, Transport.STOP_ARTIM, Transport.CLOSE
EFFECTS: dict[str, tuple[object, object, list[Transport]]] = {
    "AE-1": (None, None, [Transport.CONNECT]),
    "AE-2": (PduType.A_ASSOCIATE_RQ, None, []),
    "AE-3": (None, AssociateAccept, []),
    "AE-4": (None, AssociateReject, [CLOSE]),
    "AE-5": (None, None, [START]),
    "AE-6": (None, AssociateRequest, [STOP]),
    "AE-7": (PduType.A_ASSOCIATE_AC, None, []),
    "AE-8": (PduType.A_ASSOCIATE_RJ, None, [START]),
    "DT-1": (PduType.P_DATA_TF, None, []),
    "DT-2": (None, Fragment, []),
    "AR-1": (PduType.A_RELEASE_RQ, None, []),
    "AR-2": (None, Signal.RELEASE_REQUESTED, []),
    "AR-3": (None, Signal.RELEASE_CONFIRMED, [CLOSE]),
    "AR-4": (PduType.A_RELEASE_RP, None, [START]),
    "AR-5": (None, None, [STOP]),
    "AR-6": (None, Fragment, []),
    "AR-7": (PduType.P_DATA_TF, None, []),
    "AR-8": (None, Signal.RELEASE_REQUESTED, []),
    "AR-9": (PduType.A_RELEASE_RP, None, []),
    "AR-10": (None, Signal.RELEASE_CONFIRMED, []),
    "AA-1": ("abort by user", None, [START]),
    "AA-2": (None, None, [STOP, CLOSE]),
    "AA-3": (None, Abort, [CLOSE]),
    "AA-4": (None, Signal.CONNECTION_LOST, []),
    "AA-5": (None, None, [STOP]),
    "AA-6": (None, None, []),
    "AA-7": ("abort by provider", None, []),
    "AA-8": ("abort by provider", Violation, [START]),
}

REQUEST = AssociateRequest("CT1", "RISPACS", (ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),))
ACCEPT = AssociateAccept((AnsweredContext(1, 0, "1.2.840.10008.1.2"),))
REJECT = AssociateReject(1, 1, 3)
P_DATA = bytes.fromhex("04 00 00000008 00000004 01 03 0000")


def feed(layer: UpperLayer, raw: bytes) -> Indication | None:
    buffer = layer.receive_buffer()
    buffer[: len(raw)] = raw
    layer.received(len(raw))
    return layer.next_indication()


def acceptor() -> UpperLayer:
    layer = UpperLayer(requestor=False, max_pdu=16384)
    layer.transport_connected()
    return layer


def asked() -> UpperLayer:
    layer = acceptor()
    feed(layer, REQUEST.encode())
    return layer


def established(*, requestor: bool) -> UpperLayer:
    if requestor:
        layer = connected()
        feed(layer, ACCEPT.encode())
    else:
        layer = asked()
        layer.accept(ACCEPT)
    return layer


def connecting() -> UpperLayer:
    layer = UpperLayer(requestor=True, max_pdu=16384)
    layer.request(REQUEST)
    return layer


def connected() -> UpperLayer:
    layer = connecting()
    layer.transport_connected()
    return layer


def releasing(*, requestor: bool) -> UpperLayer:
    layer = established(requestor=requestor)
    layer.release()
    return layer


def asked_to_release() -> UpperLayer:
    layer = established(requestor=False)
    feed(layer, RELEASE_RQ)
    return layer


def colliding(*, requestor: bool) -> UpperLayer:
    layer = releasing(requestor=requestor)
    feed(layer, RELEASE_RQ)
    return layer


def colliding_further(*, requestor: bool) -> UpperLayer:
    layer = colliding(requestor=requestor)
    if requestor:
        layer.confirm_release()
    else:
        feed(layer, RELEASE_RP)
    return layer


def rejected() -> UpperLayer:
    layer = asked()
    layer.reject(REJECT)
    return layer


IN_STATE: dict[State, Callable[[], UpperLayer]] = {
    State.STA1: lambda: UpperLayer(requestor=False, max_pdu=16384),
    State.STA2: acceptor,
    State.STA3: asked,
    State.STA4: connecting,
    State.STA5: connected,
    State.STA6: lambda: established(requestor=False),
    State.STA7: lambda: releasing(requestor=True),
    State.STA8: asked_to_release,
    State.STA9: lambda: colliding(requestor=True),
    State.STA10: lambda: colliding(requestor=False),
    State.STA11: lambda: colliding_further(requestor=True),
    State.STA12: lambda: colliding_further(requestor=False),
    State.STA13: rejected,
}
FIRE: dict[Event, Callable[[UpperLayer], object]] = {
    Event.ASSOCIATE_REQUEST: lambda layer: layer.request(REQUEST),
    Event.TRANSPORT_CONFIRM: lambda layer: layer.transport_connected(),
    Event.RECEIVED_ASSOCIATE_AC: lambda layer: feed(layer, ACCEPT.encode()),
    Event.RECEIVED_ASSOCIATE_RJ: lambda layer: feed(layer, REJECT.encode()),
    Event.TRANSPORT_INDICATION: lambda layer: layer.transport_connected(),
    Event.RECEIVED_ASSOCIATE_RQ: lambda layer: feed(layer, REQUEST.encode()),
    Event.ACCEPT: lambda layer: layer.accept(ACCEPT),
    Event.REJECT: lambda layer: layer.reject(REJECT),
    Event.P_DATA_REQUEST: lambda layer: layer.p_data_header(1, 2, is_command=True, last=True),
    Event.RECEIVED_P_DATA: lambda layer: feed(layer, P_DATA),
    Event.RELEASE_REQUEST: lambda layer: layer.release(),
    Event.RECEIVED_RELEASE_RQ: lambda layer: feed(layer, RELEASE_RQ),
    Event.RECEIVED_RELEASE_RP: lambda layer: feed(layer, RELEASE_RP),
    Event.RELEASE_RESPONSE: lambda layer: layer.confirm_release(),
    Event.ABORT_REQUEST: lambda layer: layer.abort(),
    Event.RECEIVED_ABORT: lambda layer: feed(layer, Abort(0, 0).encode()),
    Event.TRANSPORT_CLOSED: lambda layer: layer.transport_closed(),
    Event.ARTIM_EXPIRED: lambda layer: layer.artim_expired(),
    Event.RECEIVED_INVALID_PDU: lambda layer: feed(layer, b"GET / HTTP/1.1\r\n\r\n"),
}


def test_transcription_agrees_with_another_implementation() -> None:
    assert len(CELLS) == 19 * 13
    filled = {(f"Evt{e.value}", f"Sta{s}"): cell.partition(">")[0] for e, s, cell in CELLS if cell != "."}
    assert filled == TRANSITION_TABLE


@pytest.mark.parametrize(("event", "state", "cell"), CELLS, ids=lambda value: getattr(value, "name", value))
def test_cell(event: Event, state: State, cell: str) -> None:
    layer = IN_STATE[state]()
    assert layer.state == state
    layer.take_outputs()
    if cell == ".":
        assert action_for(event, state) is None
        must_do_nothing(layer, event)
        return

    result = FIRE[event](layer)

    name, _, expected = cell.partition(">")
    action = action_for(event, state)
    assert action is not None
    assert action.name == name
    assert layer.state == (State.STA9 if expected == "*" else State(int(expected)))
    sent, indicated, transport = EFFECTS[name]
    outputs = layer.take_outputs()
    assert [output for output in outputs if isinstance(output, Transport)] == transport
    check_sent(sent, [output for output in outputs if isinstance(output, bytes)], result)
    check_indicated(indicated, None if isinstance(result, bytes) else result or layer.next_indication())


def must_do_nothing(layer: UpperLayer, event: Event) -> None:
    """A blank cell: this side's own mistakes are told, everything else passes without effect."""
    state = layer.state
    if event in (Event.TRANSPORT_CONFIRM, Event.TRANSPORT_INDICATION) and state in (State.STA1, State.STA4):
        return  # one call stands for both events, and the other one is lawful here
    from_peer = event.name.startswith("RECEIVED") or event is Event.TRANSPORT_CLOSED
    if from_peer or event is Event.ABORT_REQUEST:
        FIRE[event](layer)
        assert layer.next_indication() is None
    else:
        with pytest.raises(WrongState):
            FIRE[event](layer)
    assert (layer.state, layer.take_outputs()) == (state, [])


def check_sent(expected: object, sent: list[bytes], result: object) -> None:
    if isinstance(result, bytes):  # P-DATA: the header is handed to the caller, who sends it
        sent = [result]
    match expected:
        case None:
            assert sent == []
        case "abort by user":
            assert sent == [Abort(0, 0).encode()]
        case "abort by provider":
            (pdu,) = sent
            abort = Abort.decode(pdu[6:])
            assert (pdu[0], abort.source) == (PduType.A_ABORT, 2)
            assert abort.reason in (1, 2)
        case _:
            assert [pdu[0] for pdu in sent] == [expected]


def check_indicated(expected: object, indication: object) -> None:
    if isinstance(expected, type):
        assert isinstance(indication, expected)
    else:
        assert indication is expected


def test_a_release_collision_at_the_acceptor_leads_to_sta10() -> None:
    layer = releasing(requestor=False)
    assert feed(layer, RELEASE_RQ) is Signal.RELEASE_REQUESTED
    assert layer.state is State.STA10


def test_a_request_of_another_protocol_version_is_rejected_by_the_provider() -> None:
    """AE-6, second half: A-ASSOCIATE-RJ, start ARTIM, Sta13."""
    layer = acceptor()
    layer.take_outputs()
    other = AssociateRequest("CT1", "RISPACS", REQUEST.contexts, protocol_version=2)
    assert feed(layer, other.encode()) is None
    assert layer.take_outputs() == [AssociateReject(1, 2, 2).encode(), Transport.START_ARTIM]
    assert layer.state is State.STA13


def test_a_later_version_that_supports_ours_too_is_taken() -> None:
    layer = acceptor()
    later = AssociateRequest("CT1", "RISPACS", REQUEST.contexts, protocol_version=3)
    assert isinstance(feed(layer, later.encode()), AssociateRequest)
