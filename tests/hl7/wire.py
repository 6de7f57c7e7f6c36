"""A listener on a free port and raw senders, for tests that speak MLLP over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ris_pacs.hl7.acks import ACCEPTED, acknowledge
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.framing import Deframer, Frame
from ris_pacs.hl7.handlers import Exchange, Handler, Limits, Meters, Peer
from ris_pacs.hl7.mllp import Server

PATIENCE = 20.0


def accept_all(raw: bytes, peer: Peer) -> bytes:
    return acknowledge(parse(raw), "AA", ACCEPTED, datetime.now(UTC)).raw


@dataclass
class Tally:
    """What the meters were told, with a condition to wait on."""

    exchanges: list[Exchange] = field(default_factory=list)
    discarded: list[tuple[str, int]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def meters(self) -> Meters:
        return Meters(
            connections=lambda count: self._note(self.counts, count),
            exchange=lambda exchange: self._note(self.exchanges, exchange),
            discarded=lambda why, size: self._note(self.discarded, (why, size)),
        )

    def _note(self, notes: list[Any], note: Any) -> None:
        with self.changed:
            notes.append(note)
            self.changed.notify_all()

    def wait_until_closed(self) -> None:
        """Until no connection is open any more."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.counts[-1:] == [0], PATIENCE), "a connection stayed open"


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=128)


@contextmanager
def serving(handler: Handler = accept_all, limits: Limits | None = None, tally: Tally | None = None) -> Iterator[int]:
    """A running server; gives its port."""
    listener = listening()
    server = Server(listener, handler, limits, tally.meters() if tally else None)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.drain(PATIENCE)
        listener.close()


class Sender:
    """A raw MLLP sender."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._deframer = Deframer(100 * 1024 * 1024)
        self._answers: list[bytes] = []

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Message:
        """The next acknowledgement."""
        while not self._answers:
            data = self.socket.recv(65536)
            assert data, "the listener closed the connection"
            self._answers += [event.content for event in self._deframer.feed(data) if isinstance(event, Frame)]
        return parse(self._answers.pop(0))

    def closed_by_listener(self) -> bool:
        """Waits for the end of the stream."""
        try:
            return self.socket.recv(65536) == b""
        except ConnectionResetError:
            return True
