"""The MLLP listener of one process, and what it does with each kind of message."""

from __future__ import annotations

import socket

import ris_pacs.patients.hl7
import ris_pacs.scheduling.hl7.orders
from ris_pacs.bootstrap.tls import server_context
from ris_pacs.config import Settings
from ris_pacs.hl7.mllp import Server as MllpServer
from ris_pacs.kernel.uow import System
from ris_pacs.messages.hl7 import Handler, Receiver

HL7_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        ("ADT^A01", "ADT^A04", "ADT^A05", "ADT^A08", "ADT^A28", "ADT^A31"), ris_pacs.patients.hl7.keep_patient
    ),
    **dict.fromkeys(("ORM^O01", "OMI^O23", "OMG^O19"), ris_pacs.scheduling.hl7.orders.handle_orders),
}

# ORC-1 of an order → ORC-1 of the answer when it is done, and when it is not possible (HL7 table 0119).
ORDER_CONTROLS = {
    control: (done, ris_pacs.scheduling.hl7.orders.UNABLE[control])
    for control, done in ris_pacs.scheduling.hl7.orders.DONE.items()
}


def build_receiver(system: System) -> Receiver:
    return Receiver(system, HL7_HANDLERS)


def build_hl7(settings: Settings, system: System, listener: socket.socket) -> MllpServer:
    return MllpServer(listener, build_receiver(system).receive, clock=system.clock, tls=server_context(settings))
