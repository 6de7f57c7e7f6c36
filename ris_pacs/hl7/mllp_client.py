"""MLLP client: one persistent connection to a partner, one message at a time, each answer matched to its message."""

from __future__ import annotations

import socket
import ssl
import threading
from time import monotonic
from types import TracebackType

import structlog

from ris_pacs.hl7.ack_reading import read_acknowledgement
from ris_pacs.hl7.acks import read_head
from ris_pacs.hl7.framing import Deframer, Frame, frame
from ris_pacs.hl7.reading import MAX_BYTES, ParseFailure
from ris_pacs.hl7.sockets import prepare, wait_readable

log = structlog.get_logger()

RECEIVE_BYTES = 64 * 1024


class NotDelivered(Exception):
    """No answer to the message. The text says why, for a person.

    may_have_arrived: the message, or part of it, was sent; the partner may have it.
    """

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class _Gone(Exception):
    """The partner ended the connection before it answered anything."""


class Connection:
    """A connection that is opened when needed, kept, and opened again when the partner has closed it.

    Times in seconds. server_name: for the check of the partner's certificate, if it is not `host`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        connect_seconds: float = 10.0,
        answer_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._tls = tls
        self._server_name = server_name or host
        self._socket: socket.socket | None = None
        self._deframer = Deframer(MAX_BYTES)
        self._lock = threading.Lock()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, raw: bytes) -> bytes:
        """Deliver a message and return the acknowledgement whose MSA-2 is its control id, whatever it says.

        On a kept connection that turns out to be closed the message is sent once more on a new one: it may reach
        the partner twice, with the same control id. Raises NotDelivered.
        """
        head = read_head(raw)
        if head is None or not head.at("MSH-10").has_value:
            raise NotDelivered("the message has no control id (MSH-10)", may_have_arrived=False)
        with self._lock:
            kept = self._still_open()
            try:
                return self._exchange(raw, head.at("MSH-10").whole)
            except _Gone as gone:
                self.close()
                if not kept:
                    raise self._failure(str(gone), sent=True) from gone
            try:
                return self._exchange(raw, head.at("MSH-10").whole)
            except _Gone as gone:
                self.close()
                raise self._failure(str(gone), sent=True) from gone

    def _still_open(self) -> bool:
        """Whether there is a connection; what has come on it since the last answer is late and dropped."""
        try:
            while self._socket is not None and wait_readable(self._socket, 0):
                self._socket.setblocking(False)
                late = self._socket.recv(RECEIVE_BYTES)
                if not late:
                    self.close()
                for _ in self._deframer.feed(late):
                    log.warning("hl7 late answer dropped", host=self._host, port=self._port)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True  # TLS had something for itself
        except OSError:
            self.close()
        return self._socket is not None

    def _exchange(self, raw: bytes, control_id: str) -> bytes:
        sock = self._socket or self._connect()
        try:
            sock.settimeout(self._answer_seconds)
            sock.sendall(frame(raw))
            return self._await(sock, control_id)
        except TimeoutError as error:
            self.close()
            raise self._failure(f"did not take the message within {self._answer_seconds:g} s", sent=True) from error
        except OSError as error:
            raise _Gone("broke the connection before it answered") from error

    def _connect(self) -> socket.socket:
        try:
            sock = socket.create_connection((self._host, self._port), self._connect_seconds)
        except OSError as error:
            raise self._failure(_why_unreachable(error, self._connect_seconds), sent=False) from error
        try:
            prepare(sock)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._server_name)
        except OSError as error:
            sock.close()
            why = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
            raise self._failure(f"does not agree on a secure connection: {why}", sent=False) from error
        self._socket = sock
        self._deframer = Deframer(MAX_BYTES)
        return sock

    def _await(self, sock: socket.socket, control_id: str) -> bytes:
        """The answer to this message; answers to others are logged and dropped."""
        deadline = monotonic() + self._answer_seconds
        others: list[str] = []
        while (remaining := deadline - monotonic()) > 0:
            if not wait_readable(sock, remaining):
                break
            sock.settimeout(max(0.01, remaining))
            try:
                data = sock.recv(RECEIVE_BYTES)
            except TimeoutError:
                break
            if not data:
                raise _Gone("closed the connection before it answered")
            answer: bytes | None = None
            for found in self._deframer.feed(data):
                content = found.content if isinstance(found, Frame) else b""
                other = _mismatch(content, control_id)
                if not other and answer is None:
                    answer = content
                elif other:
                    others.append(other)
                    log.warning("hl7 answer to another message dropped", host=self._host, port=self._port)
            if answer is not None:
                return answer
        self.close()
        came = f"; what came instead: {others[-1]}" if others else ""
        raise self._failure(f"did not answer within {self._answer_seconds:g} s{came}", sent=True)

    def _failure(self, what: str, *, sent: bool) -> NotDelivered:
        return NotDelivered(f"{self._host}:{self._port} {what}", may_have_arrived=sent)


def _mismatch(content: bytes, control_id: str) -> str:
    """Why this is not the answer to the message with that control id; "" if it is."""
    try:
        found = read_acknowledgement(content)
    except ParseFailure:
        return "something that is not an HL7 acknowledgement"
    if found.control_id == control_id:
        return ""
    return (
        f"{found.code} for message {found.control_id!r}" if found.control_id else f"{found.code} without a control id"
    )


def _why_unreachable(error: OSError, seconds: float) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection; nothing listens there"
    if isinstance(error, TimeoutError):
        return f"cannot be reached within {seconds:g} s"
    if isinstance(error, socket.gaierror):
        return "is not a known name"
    return f"cannot be reached: {error.strerror or type(error).__name__}"
