"""What the providers of the DIMSE services share: the association they serve, and how they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from ris_pacs.dicom.decode import MAX_SIZE, UndecodableDataSet, decode_data_set
from ris_pacs.dicom.exchange import Exchange, Message, TooLarge
from ris_pacs.dicom.handlers import Association, DimseFailure, Services, Status
from ris_pacs.dicom.messages import response_to

# Statuses that every service may answer (PS3.7 Annex C)
PROCESSING_FAILURE = 0x0110
INVALID_INSTANCE = 0x0117
NO_SUCH_SOP_CLASS = 0x0118
SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION = 0x0211

# Statuses of queries and retrievals (PS3.4 Tables C.4-1 to C.4-3)
IDENTIFIER_MISMATCH = 0xA900
UNABLE_TO_PROCESS = 0xC000


@dataclass(frozen=True)
class Session:
    """An established association on the listener's side.

    log: a structlog logger bound to the association. extended: as negotiated, by SOP class UID.
    timeout: seconds that a peer has to answer.
    """

    exchange: Exchange
    association: Association
    services: Services
    log: Any
    extended: Mapping[str, bytes]
    timeout: float

    def respond(self, message: Message, status: Status) -> int:
        """A response without a data set; returns the status's code."""
        self.exchange.send(message.context, response_to(message.command, status))
        return status.code


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request came to. size: bytes of the data set received, or sent in answer."""

    status: int
    size: int = 0


def read_data_set(session: Session, message: Message, failure: int, max_size: int = MAX_SIZE) -> Dataset:
    """The request's data set, decoded; empty if it has none.

    Raises DimseFailure with the status code `failure`.
    """
    try:
        raw = session.exchange.read_data(max_size)
        return decode_data_set(raw, message.context.transfer_syntax, max_size=max_size)
    except (TooLarge, UndecodableDataSet) as error:
        if error.__cause__:
            session.log.info("data set cannot be read", error=repr(error.__cause__))
        raise DimseFailure(Status(failure, str(error))) from error


def read_identifier(session: Session, message: Message) -> Dataset:
    """The identifier of a C-FIND, C-MOVE or C-GET. Raises DimseFailure."""
    if not message.command.has_data_set:
        raise DimseFailure(Status(IDENTIFIER_MISMATCH, "the request has no identifier"))
    return read_data_set(session, message, UNABLE_TO_PROCESS)
