"""The hospital's system at its end of an MLLP connection: messages as text, answers as segments."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.flow.practice_running import PATIENCE

START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True)
class Person:
    """As the EMR knows somebody. name: the whole field PID-5."""

    number: str
    name: str
    born: str = "19680603"
    sex: str = "F"

    @property
    def pid(self) -> str:
        return f"PID|1||{self.number}^^^HOSPITAL^MR||{self.name}||{self.born}|{self.sex}"


@dataclass(frozen=True)
class Answer:
    """An acknowledgement. raw: its bytes without the frame."""

    raw: bytes

    @property
    def code(self) -> str:
        return self.fields("MSA")[1]

    @property
    def control_id(self) -> str:
        return self.fields("MSA")[2]

    @property
    def orders(self) -> list[str]:
        """ORC-1 of each order in it."""
        return [line.split("|")[1] for line in self.lines if line.startswith("ORC|")]

    @property
    def accession(self) -> str:
        """The filler's number that we gave the order."""
        return self.fields("ORC")[3].split("^")[0]

    @property
    def lines(self) -> list[str]:
        return self.raw.decode("utf-8", "replace").split("\r")

    def fields(self, segment: str) -> list[str]:
        """Of the first segment of this name; [] without one."""
        return next((line.split("|") for line in self.lines if line.startswith(segment)), [])


def a_person(family: str = "Okonkwo", given: str = "Amara", **facts: str) -> Person:
    """Somebody whom nobody has met before."""
    number = f"H{secrets.token_hex(5).upper()}"
    return Person(number, f"{family}^{given}", **facts)


def new_number(prefix: str = "P") -> str:
    return f"{prefix}{secrets.token_hex(6).upper()}"


def message(kind: str, *segments: str, control_id: str = "", charset: str = "", modes: str = "|") -> str:
    """charset: MSH-18; modes: MSH-15 and MSH-16, "AL|NE"."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    head = (
        f"MSH|^~\\&|EMR|HOSPITAL|RISPACS|MILL LANE|{now}||{kind}|{control_id or new_number('C')}|P|2.5.1|||{modes}"
        f"||{charset}"
    )
    return "".join(f"{segment}\r" for segment in (head, *segments))


def new_order(person: Person, placer: str, procedure: str = "CTCHEST", *more: str, orc: str = "", obr: str = "") -> str:
    """ORM^O01 with ORC-1 NW. orc, obr: the rest of these segments, from ORC-7 and OBR-5 on."""
    return message(
        "ORM^O01",
        person.pid,
        f"ORC|NW|{placer}|||||{orc}",
        f"OBR|1|{placer}||{procedure}|{obr}",
        *more,
    )


def timed_order(person: Person, placer: str, station: str, at: datetime, procedure: str = "CTCHEST") -> str:
    """OMI^O23 that names its time (TQ1-7) and its station (IPC-9): booked at once."""
    return message(
        "OMI^O23",
        person.pid,
        f"ORC|NW|{placer}",
        f"TQ1|1||||||{at:%Y%m%d%H%M%z}||R",
        f"OBR|1|{placer}||{procedure}",
        f"IPC|||||||||{station}",
    )


def change_order(control: str, person: Person, placer: str, *more: str) -> str:
    """ORM^O01 with another ORC-1: CA, DC, XO, HD, RL."""
    return message("ORM^O01", person.pid, f"ORC|{control}|{placer}", *more)


class Emr:
    """A kept connection: one message, one answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._held = b""

    def send(self, text: str | bytes, encoding: str = "utf-8") -> Answer:
        """The answer to a message. Raises ConnectionError when the other side goes away before it answers."""
        raw = text if isinstance(text, bytes) else text.encode(encoding)
        self.socket.sendall(START + raw + END)
        return self.receive()

    def receive(self) -> Answer:
        while END not in self._held:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError("closed before it answered")
            self._held += data
        frame, _, self._held = self._held.partition(END)
        return Answer(frame.lstrip(START))

    def close(self) -> None:
        self.socket.close()


@contextmanager
def emr(port: int) -> Iterator[Emr]:
    connection = Emr(port)
    try:
        yield connection
    finally:
        connection.close()
