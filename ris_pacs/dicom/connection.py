"""A blocking socket under the upper layer: receives, sends, and honours the timers.

Two habits make the difference on real networks. TCP_NODELAY lets an answer leave at once. TCP_QUICKACK,
set again before each receive because the kernel forgets it, acknowledges at once: senders that leave
Nagle's algorithm on otherwise wait 40 ms for every PDU.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from ris_pacs.dicom.indications import Fragment, Indication, Signal, Transport, Violation
from ris_pacs.dicom.pdu import Abort, AbortSource
from ris_pacs.dicom.state_table import State
from ris_pacs.dicom.upper_layer import UpperLayer

GATHER = 64 * 1024  # bytes of answers that are collected into one send

_LOOK_UP = 0.5  # seconds between two looks of a waiting TLS connection at whether it is interrupted
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Ending(Enum):
    """How an association ended."""

    RELEASED = "released"
    ABORTED = "aborted by the peer"
    CUT = "connection lost"
    TIMED_OUT = "timed out"
    VIOLATION = "the peer broke the protocol"
    SHUT_DOWN = "aborted because this side shuts down"


class AssociationEnded(Exception):
    """Raised where something was expected from a peer that has gone, or that had to be aborted."""

    def __init__(self, ending: Ending, detail: str = "") -> None:
        super().__init__(f"{ending.value}: {detail}" if detail else ending.value)
        self.ending = ending
        self.detail = detail


@dataclass(frozen=True)
class Timeouts:
    """Seconds. artim: PS3.8 9.1.5. idle: silence of the peer. write: the peer takes nothing more."""

    artim: float = 30.0
    idle: float = 60.0
    write: float = 30.0


class Connection:
    """A connected socket, plain or TLS, with the upper layer that speaks over it.

    All methods but interrupt() belong to one thread.
    """

    def __init__(self, sock: socket.socket, layer: UpperLayer, timeouts: Timeouts) -> None:
        self.layer = layer
        self.bytes_received = 0
        self.bytes_sent = 0
        self._socket = sock
        self._encrypted = isinstance(sock, ssl.SSLSocket)
        self._timeouts = timeouts
        self._artim: float | None = None  # when it runs out, by the monotonic clock
        self._timeout: float | None = -1.0  # as last set on the socket
        self._pending: list[bytes | memoryview] = []
        self._pending_size = 0
        self._interrupted = False
        self._quickack = None
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._quickack = _QUICKACK
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    # Receiving

    def next_indication(self) -> Indication:
        """The next indication that is not an end; waits for it, after sending what has gathered.

        Raises AssociationEnded for abort, loss, silence beyond the idle time and interrupt().
        A-RELEASE indications are ends too: answer_release() answers them.
        """
        while True:
            indication = self._ready()
            if indication is not None:
                return indication
            self.flush()
            if not self._fill(self._timeouts.idle):
                self._time_out()

    def next_fragment(self) -> Fragment:
        """The next piece of a message: once established, anything else is an end."""
        fragment = self.layer.next_fragment()
        if fragment is not None:
            return fragment
        indication = self.next_indication()
        assert isinstance(indication, Fragment)
        return indication

    def poll_fragment(self) -> Fragment | None:
        """Like next_fragment(), but None instead of waiting."""
        while True:
            indication = self._ready()
            if indication is not None:
                assert isinstance(indication, Fragment)
                return indication
            if not self._poll.poll(0):
                return None
            self._fill(self._timeouts.idle)

    def _ready(self) -> Indication | None:
        """What the bytes at hand say; raises AssociationEnded if it is the end."""
        indication = self.layer.next_indication()
        if isinstance(indication, Fragment):
            return indication
        if indication is not None:
            return self._unless_ended(indication)
        self.carry_out()
        if self._interrupted:
            self._shut_down()
        if self.layer.state is State.STA13:
            raise AssociationEnded(Ending.VIOLATION, self.layer.fault)
        if self.layer.state is State.STA1:
            raise AssociationEnded(Ending.CUT)
        return None

    def _unless_ended(self, indication: Indication) -> Indication:
        match indication:
            case Violation():
                with suppress(AssociationEnded):
                    self.carry_out()
                raise AssociationEnded(Ending.VIOLATION, indication.detail)
            case Abort():
                by = "its user" if indication.source == AbortSource.USER else f"reason {indication.reason}"
                raise AssociationEnded(Ending.ABORTED, by)
            case Signal.CONNECTION_LOST:
                raise AssociationEnded(Ending.CUT)
            case Signal.RELEASE_REQUESTED | Signal.RELEASE_CONFIRMED:
                raise AssociationEnded(Ending.RELEASED)
            case _:
                return indication

    def _fill(self, timeout: float) -> bool:
        """Take what the network has, at least a byte or its end; false when time ran out."""
        if self._artim is not None:
            timeout = self._artim - time.monotonic()
        try:
            count = self._receive(max(timeout, 0.001))
        except TimeoutError:
            count = -1
        except OSError:
            count = 0
        if count > 0:
            self.bytes_received += count
            self.layer.received(count)
        elif self._interrupted:
            self._shut_down()
        elif count == 0:
            self.layer.transport_closed()
        return count >= 0

    def _receive(self, timeout: float) -> int:
        """One receive, as recv_into() does it."""
        until = time.monotonic() + timeout
        while True:
            self._set_timeout(min(timeout, _LOOK_UP) if self._encrypted else timeout)
            if self._quickack is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, self._quickack, 1)
            try:
                return self._socket.recv_into(self.layer.receive_buffer())
            except TimeoutError:
                timeout = until - time.monotonic()
                if timeout <= 0 or self._interrupted:
                    raise

    def _time_out(self) -> None:
        if self._artim is not None:
            self.layer.artim_expired()
            self.carry_out()
            raise AssociationEnded(Ending.TIMED_OUT, "no association was requested in time")
        self.abort()
        raise AssociationEnded(Ending.TIMED_OUT, f"nothing came for {self._timeouts.idle:g} s")

    # Sending

    def write(self, *parts: bytes | memoryview) -> None:
        """Bytes to send with the next flush(), or at once when many have gathered."""
        self._pending += parts
        self._pending_size += sum(map(len, parts))
        if self._pending_size >= GATHER:
            self.flush()

    def take_pending(self) -> bytes:
        """What write() has gathered, for someone who sends it along with more."""
        pending = b"".join(self._pending)
        self._pending, self._pending_size = [], 0
        return pending

    def flush(self) -> None:
        if self._pending:
            self.send(self.take_pending())

    def send(self, raw: bytes | memoryview) -> None:
        """Send now. Raises AssociationEnded when the peer takes nothing, or is gone."""
        if self._interrupted and self.layer.state is State.STA6:
            self._shut_down()
        self._set_timeout(self._timeouts.write)
        try:
            self._socket.sendall(raw)
        except OSError as error:
            self.layer.transport_closed()
            self._artim = None
            if isinstance(error, TimeoutError):
                detail = f"the peer took nothing for {self._timeouts.write:g} s"
                raise AssociationEnded(Ending.TIMED_OUT, detail) from None
            raise AssociationEnded(Ending.CUT) from None
        self.bytes_sent += len(raw)

    def carry_out(self) -> None:
        """Do what a call to the upper layer asks for. Raises AssociationEnded as send() does."""
        for output in self.layer.take_outputs():
            match output:
                case bytes():
                    self.flush()
                    self.send(output)
                case Transport.START_ARTIM:
                    self._artim = time.monotonic() + self._timeouts.artim
                case Transport.STOP_ARTIM:
                    self._artim = None
                case Transport.CLOSE:
                    self.close()

    def _set_timeout(self, seconds: float) -> None:
        if seconds != self._timeout:
            self._socket.settimeout(seconds)
            self._timeout = seconds

    # Ending

    def abort(self) -> None:
        """A-ABORT, if there is an association; never raises."""
        self.take_pending()
        self.layer.abort()
        with suppress(AssociationEnded):
            self.carry_out()

    def violate(self, detail: str) -> AssociationEnded:
        """The peer broke a rule above the upper layer: abort, and the exception to raise."""
        self.abort()
        return AssociationEnded(Ending.VIOLATION, detail)

    def release(self) -> None:
        """A-RELEASE, wait for its confirmation, close. What the peer still sends is of no interest.

        Raises AssociationEnded when it ends in another way.
        """
        self.flush()
        self.layer.release()
        self.carry_out()
        while self.layer.state is not State.STA1:
            try:
                self.next_indication()
            except AssociationEnded as end:
                if end.ending is not Ending.RELEASED:
                    raise
                if self.layer.state is State.STA9:  # both asked for it at the same time
                    self.layer.confirm_release()
                self.carry_out()
        self.close()

    def finish(self) -> None:
        """Whatever the state, come to an end: answer_release() and linger()."""
        self.answer_release()
        self.linger()

    def answer_release(self) -> None:
        """A-RELEASE response, if the peer has asked. Never raises."""
        with suppress(AssociationEnded):
            if self.layer.state in (State.STA8, State.STA9, State.STA12):
                self.flush()
                self.layer.confirm_release()
                self.carry_out()

    def linger(self) -> None:
        """Let the peer close the connection (Sta13), at most until ARTIM runs out; close it. Never raises."""
        try:
            while self.layer.state is State.STA13 and not self._interrupted:
                if not self._fill(self._timeouts.artim):
                    self.layer.artim_expired()
                self.layer.next_indication()
                self.carry_out()
        except AssociationEnded:
            pass
        finally:
            self.close()

    def interrupt(self) -> None:
        """From another thread: the association is aborted as soon as its own thread looks."""
        self._interrupted = True
        if not self._encrypted:  # there it would break the encryption, and the A-ABORT with it
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def _shut_down(self) -> None:
        self.abort()
        raise AssociationEnded(Ending.SHUT_DOWN)

    def close(self) -> None:
        self._socket.close()
