"""Somebody on the network who sends what was sent before, with bytes changed, left out, doubled or cut.

vandal = Vandal(port_of, recordings)
vandal.strike()        # one connection; whatever comes back is thrown away
"""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.practice import HOST

_TOKENS = (
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"|",
    b"^",
    b"\\",
    b"\r",
    b"\x0b",
    b"\x1c\r",
    b"\x01\x00\x00\x00",
    b"MSH",
)
_MOST_CHANGES = 4
_ANSWER_SECONDS = 0.3

Recordings = dict[str, list[bytes]]
"""What a well-behaved peer sent in one connection to "dicom", "hl7" or "http"."""


@contextmanager
def recorder(port: int) -> Iterator[tuple[int, list[bytes]]]:
    """A port that passes everything on to `port`; what each connection sent, one after the other, is in the list."""
    sent: list[bytes] = []
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    here, _ = listening.accept()
                    with here, socket.create_connection((HOST, port)) as there:
                        back = threading.Thread(target=_pass_on, args=(there, here), daemon=True)
                        back.start()
                        sent.append(b"".join(_pass_on(here, there)))
                        back.join(5)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], sent


def _pass_on(source: socket.socket, target: socket.socket) -> list[bytes]:
    passed = []
    with suppress(OSError):
        while piece := source.recv(65536):
            passed.append(piece)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    return passed


class Vandal:
    """counts: connections by protocol."""

    def __init__(self, port_of: Callable[[str], int], recordings: Recordings, seed: int = 1) -> None:
        self.counts: Counter[str] = Counter()
        self._port_of = port_of
        self._recordings = recordings
        self._draw = random.Random(seed)

    def strike(self) -> None:
        """Raises OSError when nobody listens."""
        protocol = self._draw.choice(sorted(self._recordings))
        raw = self._damaged(self._draw.choice(self._recordings[protocol]))
        with socket.create_connection((HOST, self._port_of(protocol)), _ANSWER_SECONDS) as connection:
            self.counts[protocol] += 1
            with suppress(OSError):  # Being thrown out is an answer too.
                connection.sendall(raw)
                while connection.recv(65536):
                    pass

    def _damaged(self, raw: bytes) -> bytes:
        draw = self._draw
        for _ in range(draw.randint(1, _MOST_CHANGES)):
            # Half of the changes hit the beginning, where a connection is asked for.
            place = draw.randrange(min(len(raw), 300) if draw.random() < 0.5 else len(raw))
            piece = draw.choice((draw.choice(_TOKENS), draw.randbytes(draw.randint(1, 6)), raw[place : place + 40]))
            raw = raw[:place] + piece + raw[place + draw.choice((0, len(piece), draw.randint(0, 12))) :]
        return raw[: draw.randrange(len(raw))] if draw.random() < 0.2 else raw
