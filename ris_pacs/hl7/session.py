"""One MLLP connection, from the first byte to the last: frames are handled in order, each answered before the next."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any

import structlog

from ris_pacs.hl7.acks import answer_unreadable, read_head
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.framing import Deframer, Frame, Junk, TooLong, frame
from ris_pacs.hl7.handlers import Exchange, Handler, Limits, Meters, Peer
from ris_pacs.hl7.sockets import prepare, wait_readable

log = structlog.get_logger()

RECEIVE_BYTES = 256 * 1024
LOGGED_LENGTH = 64


class _Over(Exception):
    """The connection is to end; the text says why, for the log."""


class Session:
    """Serves one accepted socket until either side has had enough. `run` is called in a thread of its own.

    draining: a file number that becomes readable, and stays so, when the process wants to stop.
    """

    def __init__(
        self,
        sock: socket.socket,
        peer: Peer,
        handler: Handler,
        limits: Limits,
        meters: Meters,
        clock: Callable[[], datetime],
        draining: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = sock
        self.peer = peer
        self._handler = handler
        self._limits = limits
        self._meters = meters
        self._clock = clock
        self._draining = draining
        self._tls = tls
        self._deframer = Deframer(limits.frame_bytes)
        self._frame_deadline = 0.0
        self._junk = 0
        self._log = log.bind(peer=peer.address, connection=peer.connection)

    def run(self) -> None:
        reason = "ended by the sender"
        try:
            self._open()
            while data := self._receive():
                self._take(data)
        except _Over as over:
            reason = str(over)
        except OSError as error:
            reason = f"lost: {type(error).__name__}"
        finally:
            self._report_leftovers()
            self._log.info("hl7 connection closed", reason=reason)
            self._socket.close()

    def cut(self) -> None:
        """End the connection from another thread, whatever it is doing."""
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # TLS's own would wait for its lock
        except OSError:
            return  # it has ended by itself

    def _open(self) -> None:
        prepare(self._socket)
        if self._tls is not None:
            self._socket.settimeout(self._limits.handshake_seconds)
            secured = self._tls.wrap_socket(self._socket, server_side=True)
            self._socket = secured
            self.peer = replace(self.peer, certificate_name=_common_name(secured))
        self._log.info("hl7 connection opened", certificate=self.peer.certificate_name)

    def _receive(self) -> bytes:
        """The next bytes; b"" once the sender has ended."""
        inside = self._deframer.inside
        remaining = self._frame_deadline - monotonic() if inside else self._limits.idle_seconds
        ready = wait_readable(self._socket, remaining, None if inside else self._draining)
        if not ready:
            raise _Over("a frame was not complete in time" if inside else "idle for too long")
        if self._socket.fileno() not in ready:
            raise _Over("this process stops")
        self._socket.settimeout(max(0.01, remaining))
        return self._socket.recv(RECEIVE_BYTES)

    def _take(self, data: bytes) -> None:
        was_inside = self._deframer.inside
        for found in self._deframer.feed(data):
            was_inside = False
            if isinstance(found, Junk):
                self._skip(found)
            elif isinstance(found, TooLong):
                self._refuse(found)
            else:
                self._handle(found)
        if self._deframer.inside and not was_inside:
            self._frame_deadline = monotonic() + self._limits.frame_seconds

    def _skip(self, junk: Junk) -> None:
        self._junk += junk.size
        self._meters.discarded("junk", junk.size)
        if self._junk > self._limits.junk_bytes:
            raise _Over("only junk comes, no frame")

    def _refuse(self, frame_: TooLong) -> None:
        began = monotonic()
        limit = f"at most {self._limits.frame_bytes:,} are taken"
        fault = FieldFault("", "", f"message too long: {frame_.size:,} bytes, {limit}", Condition.INTERNAL_ERROR)
        self._conclude(frame_.head, frame_.size, self._refusal(frame_.head, fault), "too long", began)

    def _handle(self, frame_: Frame) -> None:
        began = monotonic()
        if frame_.dropped:
            self._log.warning("hl7 frame begun again", dropped=frame_.dropped)
            self._meters.discarded("half frame", frame_.dropped)
        outcome = "answered"
        try:
            answer = self._handler(frame_.content, self.peer)
        except Exception as error:
            self._log.error("hl7 handler failed", error=type(error).__name__, where=_where(error))
            reason = "an error of the receiver; the message was not processed"
            answer = self._refusal(frame_.content, FieldFault("", "", reason, Condition.INTERNAL_ERROR))
            outcome = "failed"
        self._conclude(frame_.content, len(frame_.content), answer, outcome, began)

    def _refusal(self, content: bytes, fault: FieldFault) -> bytes | None:
        answer = answer_unreadable(content, fault, self._clock())
        return None if answer is None else answer.raw

    def _conclude(self, content: bytes, size: int, answer: bytes | None, outcome: str, began: float) -> None:
        """Send the answer, if there is one, and count and log what happened, never with content."""
        if self._junk:
            self._log.warning("hl7 junk before a frame skipped", size=self._junk)
            self._junk = 0
        if answer is None and outcome == "answered":
            outcome = "silent"
        try:
            if answer is not None:
                self._socket.settimeout(self._limits.send_seconds)
                self._socket.sendall(frame(answer))
        except OSError:
            outcome = "answer lost"
            raise
        finally:
            self._record(content, size, 0 if answer is None else len(answer), outcome, began)

    def _record(self, content: bytes, received: int, answered: int, outcome: str, began: float) -> None:
        head = read_head(content)
        kind, control_id = (head.kind, head.control_id) if head is not None else ("", "")
        exchange = Exchange(kind, control_id, outcome, received, answered, monotonic() - began)
        self._meters.exchange(exchange)
        self._log.info(
            "hl7 message",
            type=kind[:LOGGED_LENGTH],
            control_id=control_id[:LOGGED_LENGTH],
            outcome=outcome,
            received=received,
            answered=answered,
            milliseconds=round(exchange.seconds * 1000, 1),
        )

    def _report_leftovers(self) -> None:
        if self._deframer.inside:
            self._log.warning("hl7 half frame discarded", size=self._deframer.held)
            self._meters.discarded("half frame", self._deframer.held)
        if self._junk:
            self._log.warning("hl7 junk skipped, no frame followed", size=self._junk)


def _common_name(secured: ssl.SSLSocket) -> str:
    """The name in the sender's certificate; "" if it showed none."""
    certificate: dict[str, Any] = dict(secured.getpeercert() or {})
    names = [value for pairs in certificate.get("subject", ()) for key, value in pairs if key == "commonName"]
    return str(names[0]) if names else ""


def _where(error: BaseException) -> str:
    """File and line that raised, without the message, which may quote a patient."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
