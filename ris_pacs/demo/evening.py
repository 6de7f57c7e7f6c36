"""What follows the images in `demo day`: a radiologist signs, the hospital gets the result, the office sends claims."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import partners
from ris_pacs.demo import emr
from ris_pacs.demo.reading import ReadingRoom
from ris_pacs.hl7.acks import ACCEPTED, acknowledge
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.handlers import Peer
from ris_pacs.hl7.mllp import Server
from ris_pacs.kernel.actor import OPERATOR, PROGRAM
from ris_pacs.kernel.clock import system_clock
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import ExamState
from ris_pacs.reporting import queries as reading


@dataclass
class Hospital:
    """The EMR's own listener: takes order states and results, and says so. results: accession numbers of ORU^R01."""

    messages: Counter[str] = field(default_factory=Counter)
    results: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._server = Server(self._door, self._take)
        self._server.start()

    @property
    def port(self) -> int:
        port: int = self._door.getsockname()[1]
        return port

    def _take(self, raw: bytes, _peer: Peer) -> bytes:
        message = parse(raw)
        self.messages[message.kind] += 1
        if message.kind.startswith("ORU"):
            self.results.add(message.get("OBR-3.1"))
        return acknowledge(message, "AA", ACCEPTED, system_clock()).raw

    def close(self) -> None:
        self._server.drain(5)
        self._door.close()


def tell_where(system: System, site_id: int, port: int) -> None:
    """The partner's messages go to the hospital that is played."""
    with unit_of_work(system) as uow:
        known = catalog.partner(uow, emr.APPLICATION, emr.FACILITY)
        if known is not None:
            facts = partners.PartnerFacts(
                emr.APPLICATION,
                emr.FACILITY,
                site_id,
                known.patient_issuer.namespace,
                known.order_issuer.namespace,
                order_ids_from_obr=known.order_ids_from_obr,
                host="127.0.0.1",
                port=port,
            )
            partners.change_partner(uow, known.id, facts, OPERATOR)


def read_next(system: System, room: ReadingRoom, wanted: set[str]) -> Order | None:
    """Reads and signs one of these exams that waits; its order. None when there is none."""
    with read_only(system) as uow:
        waiting = [
            row.exam
            for row in reading.to_read(uow, PROGRAM, state=ExamState.TO_READ)
            if row.exam.accession_number in wanted
        ]
        order = orders.order(uow, waiting[0].order_id, PROGRAM) if waiting else None
    if order is not None:
        room.read_plainly(order)
    return order
