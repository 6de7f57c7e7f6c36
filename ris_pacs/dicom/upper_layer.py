"""The DICOM upper layer without a socket (PS3.8 9): bytes in, indications out; requests in, bytes out.

Whoever owns the transport connection does three things:

- puts received bytes into `receive_buffer()`, says how many with `received()`, and takes
  `next_indication()` until it is None;
- after every call carries out `take_outputs()`, in order: bytes to send, or a `Transport` command;
- tells of the transport's own events: `transport_connected`, `transport_closed`, `artim_expired`.

P-DATA-TF is walked where it lies: each fragment is a view into the receive buffer, given out as soon
as its bytes are there, so memory does not depend on the length of a PDU. Whatever a peer sends, the
answer is an A-ABORT as the table says; calls that the table has no cell for raise WrongState, because
they are mistakes of this side.
"""

from __future__ import annotations

import struct
from collections import deque

from ris_pacs.dicom.indications import Fragment, Indication, Output, Signal, Transport, Violation
from ris_pacs.dicom.pdu import (
    RELEASE_RP,
    RELEASE_RQ,
    Abort,
    AbortReason,
    AbortSource,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    InvalidPdu,
    PduType,
)
from ris_pacs.dicom.state_table import Action, Artim, Event, State, action_for

MAX_CONTROL_PDU = 256 * 1024  # bytes; 128 contexts with 50 transfer syntaxes each take 180 KB
MAX_SENT_PDU = 128 * 1024  # bytes; where the peer sets no limit
DATA_HEADER_SIZE = 12  # bytes before a fragment: PDU header, PDV length, context, control

_PDU_HEADER = struct.Struct(">BxL")
_PDV_HEADER = struct.Struct(">LBB")
_DATA_HEADER = struct.Struct(">BxLLBB")
_COMMAND, _LAST = 1, 2  # bits of the message control header (PS3.8 E.2)
_VERSION_NOT_SUPPORTED = AssociateReject(result=1, source=2, reason=2)  # PS3.8 Table 9-21


_EVENTS = {
    PduType.A_ASSOCIATE_RQ: Event.RECEIVED_ASSOCIATE_RQ,
    PduType.A_ASSOCIATE_AC: Event.RECEIVED_ASSOCIATE_AC,
    PduType.A_ASSOCIATE_RJ: Event.RECEIVED_ASSOCIATE_RJ,
    PduType.A_RELEASE_RQ: Event.RECEIVED_RELEASE_RQ,
    PduType.A_RELEASE_RP: Event.RECEIVED_RELEASE_RP,
    PduType.A_ABORT: Event.RECEIVED_ABORT,
}


class WrongState(RuntimeError):
    """This side asked for something that the state does not allow."""


class UpperLayer:
    """One association, as requestor or acceptor.

    max_pdu: the longest P-DATA-TF accepted, as announced to the peer; 0 is no limit.
    fault: in words, what was wrong with what the peer sent; empty while nothing was.
    """

    def __init__(self, *, requestor: bool, max_pdu: int) -> None:
        self.state = State.STA1
        self.fault = ""
        self._requestor = requestor
        self._max_pdu = max_pdu
        self._max_sent_pdu = MAX_SENT_PDU
        self._contexts: frozenset[int] = frozenset()
        self._request: AssociateRequest | None = None
        self._outputs: list[Output] = []
        self._ready: deque[Indication] = deque()
        self._buffer = bytearray(_PDU_HEADER.size + MAX_CONTROL_PDU)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # the bytes not yet looked at
        self._pdu_left = 0  # bytes of the current P-DATA-TF still to come
        self._pdv_left = 0  # of these, bytes of the current fragment
        self._pdv = (0, 0)  # its presentation context and message control header
        self._skip = 0  # bytes of a PDU that the table says to ignore
        self._deaf = False  # framing is lost: nothing that follows can be read

    # The transport connection

    def transport_connected(self) -> None:
        """The connection is open: incoming (Evt5) or as asked for with CONNECT (Evt2)."""
        if self._requestor:
            assert self._request is not None
            self._fire(Event.TRANSPORT_CONFIRM, self._request.encode())
        else:
            self._fire(Event.TRANSPORT_INDICATION)

    def transport_closed(self) -> None:
        """The peer closed it, or it broke (Evt17)."""
        self._pdu_left = self._skip = 0
        self._start = self._end
        if self.state is not State.STA1 and self._fire(Event.TRANSPORT_CLOSED).indicate:
            self._ready.append(Signal.CONNECTION_LOST)

    def artim_expired(self) -> None:
        """The timer ran out (Evt18)."""
        self._fire(Event.ARTIM_EXPIRED)

    def take_outputs(self) -> list[Output]:
        """What to do now; empty when there is nothing."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # Requests and answers of the local user

    def request(self, request: AssociateRequest) -> None:
        """A-ASSOCIATE request (Evt1)."""
        self._request = request
        self._fire(Event.ASSOCIATE_REQUEST)

    def accept(self, accept: AssociateAccept) -> None:
        """A-ASSOCIATE response, accepting (Evt7)."""
        self._contexts = _accepted(accept)
        self._fire(Event.ACCEPT, accept.encode())

    def reject(self, reject: AssociateReject) -> None:
        """A-ASSOCIATE response, refusing (Evt8)."""
        self._fire(Event.REJECT, reject.encode())

    def release(self) -> None:
        """A-RELEASE request (Evt11)."""
        self._fire(Event.RELEASE_REQUEST, RELEASE_RQ)

    def confirm_release(self) -> None:
        """A-RELEASE response (Evt14)."""
        self._fire(Event.RELEASE_RESPONSE, RELEASE_RP)

    def abort(self) -> None:
        """A-ABORT request (Evt15). Nothing happens where there is no association to abort."""
        if action_for(Event.ABORT_REQUEST, self.state):
            self._skip, self._pdu_left = self._pdu_left, 0
            self._fire(Event.ABORT_REQUEST)

    @property
    def max_fragment(self) -> int:
        """The longest fragment that the peer takes (PS3.8 D.1), even as PS3.5 makes every data set."""
        return (self._max_sent_pdu - 6) & ~1

    def p_data_header(self, context_id: int, length: int, *, is_command: bool, last: bool) -> bytes:
        """P-DATA request (Evt9): the bytes to send before a fragment of `length` bytes."""
        if context_id not in self._contexts:
            raise WrongState(f"presentation context {context_id} was not accepted")
        if self.state is not State.STA6:  # there it is DT-1: send, and stay
            self._fire(Event.P_DATA_REQUEST)
        control = (_COMMAND if is_command else 0) | (_LAST if last else 0)
        return _DATA_HEADER.pack(PduType.P_DATA_TF, length + 6, length + 2, context_id, control)

    # Bytes off the network

    def receive_buffer(self) -> memoryview:
        """Where the next bytes go. Fragments given out before are no longer valid."""
        left = self._end - self._start
        if self._start and left:
            self._view[:left] = self._view[self._start : self._end]
        self._start, self._end = 0, left
        return self._view[left:]

    def received(self, count: int) -> None:
        """`count` bytes were put into receive_buffer()."""
        self._end += count

    def next_indication(self) -> Indication | None:
        """What the bytes received so far mean, one at a time; None when more are needed."""
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._pdu_left:
                fragment = self._next_piece()
                if fragment or not self._ready:
                    return fragment
            elif not self._read_pdu():
                return None

    def next_fragment(self) -> Fragment | None:
        """next_indication() for what nearly everything is: a P-DATA-TF with one fragment, in Sta6 (DT-2).

        Twice as fast. None when anything else is next, or nothing: next_indication() knows.
        """
        if self._pdu_left or self.state is not State.STA6 or self._ready:
            return None
        start = self._start + DATA_HEADER_SIZE
        if self._end < start:
            return None
        kind, length, item, context_id, control = _DATA_HEADER.unpack_from(self._buffer, self._start)
        size = item - 2
        if (
            kind != PduType.P_DATA_TF
            or length != item + 4
            or size < 0
            or (self._max_pdu and length > self._max_pdu)
            or context_id not in self._contexts
            or (size & 1 and not control & _LAST)
        ):
            return None
        here = min(size, self._end - start)
        self._start = end = start + here
        self._pdu_left = self._pdv_left = size - here
        self._pdv = (context_id, control)
        last = control & _LAST != 0 and here == size
        return Fragment(context_id, control & _COMMAND != 0, last, self._view[start:end])

    def _next_piece(self) -> Fragment | None:
        """The next piece of the P-DATA-TF at hand (PS3.8 9.3.5.1)."""
        if not self._pdv_left and not self._read_pdv_header():
            return None
        start = self._start
        size = min(self._pdv_left, self._end - start)
        context_id, control = self._pdv
        if not size and self._pdv_left:
            return None
        self._start = start + size
        self._pdv_left -= size
        self._pdu_left -= size
        last = control & _LAST != 0 and not self._pdv_left
        return Fragment(context_id, control & _COMMAND != 0, last, self._view[start : self._start])

    def _read_pdv_header(self) -> bool:
        if self._end - self._start < _PDV_HEADER.size:
            return False
        length, context_id, control = _PDV_HEADER.unpack_from(self._buffer, self._start)
        left = self._pdu_left - _PDV_HEADER.size
        size = length - 2
        if not 0 <= size <= left or 0 < left - size < _PDV_HEADER.size:
            return self._invalid("a presentation data value does not fit into its PDU")
        if context_id not in self._contexts:
            return self._invalid(f"presentation context {context_id} was not accepted")
        if size & 1 and not control & _LAST:
            return self._invalid("a fragment that is not the last has an odd length")
        self._start += _PDV_HEADER.size
        self._pdu_left, self._pdv_left, self._pdv = left, size, (context_id, control)
        return True

    def _read_pdu(self) -> bool:
        """Deal with the PDU at the front; false when more bytes are needed for that."""
        if self._deaf or self.state in (State.STA1, State.STA4):
            self._start = self._end
            return False
        skipped = min(self._skip, self._end - self._start)
        self._start += skipped
        self._skip -= skipped
        if self._skip or self._end - self._start < _PDU_HEADER.size:
            return False
        kind, length = _PDU_HEADER.unpack_from(self._buffer, self._start)
        body = self._start + _PDU_HEADER.size
        if kind == PduType.P_DATA_TF:
            self._start = body
            self._received_p_data(length)
            return True
        if kind not in _EVENTS:
            self._invalid(f"PDU type 0x{kind:02X} is unknown", AbortReason.UNRECOGNIZED_PDU)
            return True
        if length > MAX_CONTROL_PDU:
            self._invalid(f"a PDU of type 0x{kind:02X} claims {length} bytes")
            return True
        if self._end < body + length:
            return False
        self._start = body + length
        self._received_control(PduType(kind), bytes(self._view[body : self._start]))
        return True

    def _received_p_data(self, length: int) -> None:
        """Evt10, once for each PDU, before its fragments."""
        if length < _PDV_HEADER.size:
            self._invalid("a P-DATA-TF has no room for a fragment")
        elif self._max_pdu and length > self._max_pdu:
            self._invalid(f"a P-DATA-TF of {length} bytes exceeds the agreed {self._max_pdu}")
        else:
            action = self._receive(Event.RECEIVED_P_DATA, "P-DATA-TF")
            if action.abort is None and action.indicate:
                self._pdu_left = length
            else:
                self._skip = length

    def _received_control(self, kind: PduType, body: bytes) -> None:
        """Evt3, 4, 6, 12, 13, 16: a whole PDU other than P-DATA-TF."""
        event = _EVENTS[kind]
        name = kind.name.replace("_", "-")
        try:
            indication = _decode(kind, body)
        except InvalidPdu as error:
            self._invalid(f"{name}: {error}", error.reason)
            return
        if isinstance(indication, AssociateRequest):
            self._received_request(indication)
            return
        action = self._receive(event, name, otherwise=not self._requestor)
        if action.abort is None and action.indicate:
            if isinstance(indication, AssociateAccept):
                self._contexts = _accepted(indication) & self._proposed()
                self._limit_sent_pdu(indication.user.max_pdu)
            self._ready.append(indication)

    def _received_request(self, request: AssociateRequest) -> None:
        """Evt6. The provider's own test is the protocol version (PS3.8 Table 9-11)."""
        refusal = b"" if request.protocol_version & 1 else _VERSION_NOT_SUPPORTED.encode()
        action = self._receive(Event.RECEIVED_ASSOCIATE_RQ, "A-ASSOCIATE-RQ", refusal, otherwise=bool(refusal))
        if action.abort is None and action.indicate:
            self._limit_sent_pdu(request.user.max_pdu)
            self._ready.append(request)
        elif refusal and not self.fault:
            self.fault = f"protocol version 0x{request.protocol_version:04X} is not supported"

    def _receive(self, event: Event, name: str, pdu: bytes = b"", *, otherwise: bool = False) -> Action:
        """Fire an event of the network; where the table answers with an abort, say why."""
        state = self.state
        action = self._fire(event, pdu, reason=AbortReason.UNEXPECTED_PDU, otherwise=otherwise)
        if action.abort is not None:
            self._violated(action, AbortReason.UNEXPECTED_PDU, f"{name} is not expected in {state.name}")
        return action

    def _invalid(self, detail: str, reason: AbortReason = AbortReason.INVALID_PARAMETER) -> bool:
        """Evt19. Always false, for those who have nothing to go on with."""
        self._deaf = True
        self._pdu_left = self._skip = 0
        self._violated(self._fire(Event.RECEIVED_INVALID_PDU, reason=reason), reason, detail)
        return False

    def _violated(self, action: Action, reason: AbortReason, detail: str) -> None:
        self.fault = self.fault or detail
        if action.indicate:
            self._ready.append(Violation(reason, detail))

    def _proposed(self) -> frozenset[int]:
        return frozenset(context.id for context in self._request.contexts) if self._request else frozenset()

    def _limit_sent_pdu(self, max_pdu: int) -> None:
        """The peer's Maximum Length (PS3.7 D.3.3.1): a limit of 8 is the least that carries anything."""
        self._max_sent_pdu = min(max(max_pdu, 8), MAX_SENT_PDU) if max_pdu else MAX_SENT_PDU

    def _fire(
        self,
        event: Event,
        pdu: bytes = b"",
        *,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
        otherwise: bool = False,
    ) -> Action:
        """Carry out the cell of Table 9-10 for this event and the present state."""
        action = action_for(event, self.state, otherwise=otherwise)
        if action is None:
            raise WrongState(f"{event.name} in {self.state.name}")
        if action.connect:
            self._outputs.append(Transport.CONNECT)
        if action.abort is not None:
            says = reason if action.abort is AbortSource.PROVIDER else AbortReason.NOT_SPECIFIED
            pdu = Abort(action.abort, says).encode()
        if action.send and pdu:
            self._outputs.append(pdu)
        if action.artim is not Artim.LEAVE:
            start = action.artim is Artim.START
            self._outputs.append(Transport.START_ARTIM if start else Transport.STOP_ARTIM)
        if action.close:
            self._outputs.append(Transport.CLOSE)
        self.state = action.next
        return action


def _accepted(accept: AssociateAccept) -> frozenset[int]:
    return frozenset(answer.id for answer in accept.contexts if answer.result == ContextResult.ACCEPTED)


def _decode(kind: PduType, body: bytes) -> Indication:
    match kind:
        case PduType.A_ASSOCIATE_RQ:
            return AssociateRequest.decode(body)
        case PduType.A_ASSOCIATE_AC:
            return AssociateAccept.decode(body)
        case PduType.A_ASSOCIATE_RJ:
            return AssociateReject.decode(body)
        case PduType.A_ABORT:
            return Abort.decode(body)
        case _ if len(body) != 4:
            raise InvalidPdu("its length is not 4")
        case PduType.A_RELEASE_RQ:
            return Signal.RELEASE_REQUESTED
        case _:
            return Signal.RELEASE_CONFIRMED
