"""What the MLLP listener gives to a handler, and what may be set and counted from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """Who sent a message. connection: unique among all processes, for logs. certificate_name: the common name
    in the sender's certificate, "" without TLS or certificate."""

    address: str
    port: int
    connection: str
    certificate_name: str = ""


# Takes a message as it came and returns the acknowledgement, without frame; None sends nothing.
Handler = Callable[[bytes, Peer], bytes | None]


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    frame_seconds: a frame that has begun must be complete within it. junk_bytes: that many outside of any frame
    end the connection. connections: at once in this process; further ones wait for a place, or for another process.
    """

    frame_bytes: int = 10 * 1024 * 1024
    junk_bytes: int = 64 * 1024
    connections: int = 200
    idle_seconds: float = 3600.0
    frame_seconds: float = 120.0
    send_seconds: float = 30.0
    handshake_seconds: float = 10.0


@dataclass(frozen=True)
class Exchange:
    """One message that was dealt with. kind: "ORM^O01". received, answered: bytes.

    outcome: "answered"; "silent", the handler had nothing to say; "failed", it raised; "too long";
    "answer lost", the sender had gone when the answer was ready.
    """

    kind: str
    control_id: str
    outcome: str
    received: int
    answered: int
    seconds: float


def _ignore(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Meters:
    """Called for what is worth counting. connections: how many are open now. discarded: why ("junk",
    "half frame") and how many bytes."""

    connections: Callable[[int], None] = _ignore
    exchange: Callable[[Exchange], None] = _ignore
    discarded: Callable[[str, int], None] = _ignore
