"""What the upper layer tells its user, and what it asks of the transport connection (PS3.8 7 and 9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ris_pacs.dicom.pdu import Abort, AbortReason, AssociateAccept, AssociateReject, AssociateRequest


class Transport(Enum):
    """What the owner of the transport connection has to do."""

    CONNECT = "connect"
    CLOSE = "close"
    START_ARTIM = "start ARTIM"  # or start it again
    STOP_ARTIM = "stop ARTIM"


class Signal(Enum):
    """Indications without content."""

    RELEASE_REQUESTED = "A-RELEASE indication"
    RELEASE_CONFIRMED = "A-RELEASE confirmation"
    CONNECTION_LOST = "A-P-ABORT indication: the transport connection closed"


@dataclass(frozen=True, slots=True)
class Violation:
    """A-P-ABORT indication: the peer broke the protocol and was sent an A-ABORT."""

    reason: AbortReason
    detail: str


class Fragment(NamedTuple):
    """P-DATA indication: a piece of a command set or data set (PS3.8 E.1).

    last: nothing of that command or data set follows. data: valid until receive_buffer() is called.
    """

    context_id: int
    is_command: bool
    last: bool
    data: memoryview


Indication = AssociateRequest | AssociateAccept | AssociateReject | Fragment | Abort | Violation | Signal
Output = bytes | Transport
