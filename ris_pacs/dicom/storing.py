"""C-STORE as provider: the data set goes to the sink as it comes (PS3.7 9.1.1, PS3.4 Annex B)."""

from __future__ import annotations

import errno
import re

from ris_pacs.dicom.connection import AssociationEnded
from ris_pacs.dicom.exchange import Message
from ris_pacs.dicom.handlers import DimseFailure, Status, StoreRequest, StoreSink
from ris_pacs.dicom.session import (
    INVALID_INSTANCE,
    PROCESSING_FAILURE,
    SOP_CLASS_NOT_SUPPORTED,
    UNABLE_TO_PROCESS,
    Outcome,
    Session,
)

OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3: senders try again later
SOP_CLASS_MISMATCH = 0xA900

_UID = re.compile(r"[0-9.]{1,64}")
_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))


def store(session: Session, message: Message) -> Outcome:
    """Answers once the sink says that file and row are durable, never before."""
    status, size = _receive(session, message)
    return Outcome(session.respond(message, status), size)


def _receive(session: Session, message: Message) -> tuple[Status, int]:
    sink = _begin(session, message)
    if isinstance(sink, Status):
        session.exchange.skip_data()
        return sink, 0
    size = 0
    try:
        for fragment in session.exchange.data():
            sink.write(fragment)
            size += len(fragment)
    except AssociationEnded:
        _discard(session, sink)
        raise
    except Exception as error:
        status = _status_of(session, error)
        _discard(session, sink)
        session.exchange.skip_data()
        return status, size
    try:
        return sink.finish(), size
    except Exception as error:
        return _status_of(session, error), size


def _begin(session: Session, message: Message) -> StoreSink | Status:
    command, context, handler = message.command, message.context, session.services.store
    if handler is None:
        return Status(SOP_CLASS_NOT_SUPPORTED, "storage is not offered")
    if command.sop_class_uid != context.abstract_syntax:
        return Status(SOP_CLASS_MISMATCH, "SOP class differs from the presentation context's")
    if not _UID.fullmatch(command.sop_instance_uid):
        return Status(INVALID_INSTANCE, "SOP Instance UID is missing or no UID")
    if not command.has_data_set:
        return Status(UNABLE_TO_PROCESS, "the request has no data set")
    request = StoreRequest(
        command.sop_class_uid,
        command.sop_instance_uid,
        context.transfer_syntax,
        command.move_originator_title or "",
    )
    try:
        return handler.receive(request, session.association)
    except Exception as error:
        return _status_of(session, error)


def _status_of(session: Session, error: Exception) -> Status:
    if isinstance(error, DimseFailure):
        return error.status
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        session.log.error("no space left to store", error=str(error))
        return Status(OUT_OF_RESOURCES, "no space left")
    session.log.error("storing failed", exc_info=error)
    return Status(PROCESSING_FAILURE, "storing failed")


def _discard(session: Session, sink: StoreSink) -> None:
    try:
        sink.discard()
    except Exception as error:
        session.log.error("discarding failed", exc_info=error)
