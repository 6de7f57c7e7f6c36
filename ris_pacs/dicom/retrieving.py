"""C-MOVE and C-GET as provider (PS3.7 9.1.3 and 9.1.4, PS3.4 C.4.2 and C.4.3)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

from ris_pacs.dicom.encode import encode_data_set
from ris_pacs.dicom.exchange import Message
from ris_pacs.dicom.forwarding import Route, forward
from ris_pacs.dicom.handlers import (
    CANCELLED,
    PENDING,
    SUCCESS,
    DimseFailure,
    Retrieval,
    RetrieveRequest,
    Status,
    StoredFile,
)
from ris_pacs.dicom.messages import CommandField, CommandSet, response_to
from ris_pacs.dicom.session import SOP_CLASS_NOT_SUPPORTED, Outcome, Session, read_identifier
from ris_pacs.dicom.sub_operations import Originator, store_file

UNKNOWN_DESTINATION = 0xA801
WARNING = Status(0xB000, "one or more sub-operations failed")
NONE_SENT = 0xA702  # refused: out of resources, unable to perform sub-operations

_FAILED_INSTANCES = 0x00080058  # Failed SOP Instance UID List
_MOST = 0xFFFF  # what the counts, US, can say


def move(session: Session, message: Message) -> Outcome:
    """Send what the handler found to the destination, on associations of its own."""
    command = message.command
    request, retrieval = _retrieve(session, message, command.move_destination or "")
    if retrieval.destination is None:
        raise DimseFailure(Status(UNKNOWN_DESTINATION, f"destination {command.move_destination} is not known"))
    caller = session.association.caller
    originator = Originator(caller.calling, command.message_id or 0)
    route = Route(retrieval.destination, caller.called, originator, session.services.transcode, session.timeout)
    progress = _Progress(session, message, retrieval.count)
    with closing(forward(retrieval.files, route)) as outcomes:
        for file, status in outcomes:
            progress.record(file, status)
            session.exchange.flush_sometimes()
            if request.cancelled():
                break
    return progress.finish(cancelled=request.cancelled())


def get(session: Session, message: Message) -> Outcome:
    """Send what the handler found over the same association."""
    request, retrieval = _retrieve(session, message, None)
    progress = _Progress(session, message, retrieval.count)
    message_id = 0
    for file in retrieval.files:
        if request.cancelled():
            break
        message_id = message_id % 0xFFFF + 1
        status = store_file(session.exchange, file, message_id, transcode=session.services.transcode)
        progress.record(file, status)
    return progress.finish(cancelled=request.cancelled())


def _retrieve(session: Session, message: Message, destination: str | None) -> tuple[RetrieveRequest, Retrieval]:
    """The request as the handler sees it, and what it found."""
    sop_class = message.context.abstract_syntax
    handler = session.services.retrieve.get(sop_class)
    if handler is None:
        raise DimseFailure(Status(SOP_CLASS_NOT_SUPPORTED, "nothing to retrieve in this presentation context"))
    identifier = read_identifier(session, message)
    if destination == "":
        raise DimseFailure(Status(UNKNOWN_DESTINATION, "the request names no destination"))
    message_id = message.command.message_id or 0
    request = RetrieveRequest(
        sop_class,
        identifier,
        destination,
        lambda: session.exchange.is_cancelled(message_id),
        session.extended.get(sop_class, b""),
    )
    return request, handler.retrieve(request, session.association)


@dataclass
class _Progress:
    """The counts of sub-operations (PS3.7 9.1.3.1), told after each."""

    session: Session
    message: Message
    total: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_instances: list[str] = field(default_factory=list)
    last_failure: str = ""
    _logged: set[Status] = field(default_factory=set)

    def record(self, file: StoredFile, status: Status) -> None:
        """One more is done; the pending response is queued."""
        if status.code == 0:
            self.completed += 1
        elif _is_warning(status.code):
            self.warning += 1
        else:
            self.failed += 1
            self.failed_instances.append(file.sop_instance_uid)
            self.last_failure = status.comment
        if status.code and status not in self._logged:  # a thousand failures have few reasons
            self._logged.add(status)
            self.session.log.warning(
                "sub-operation failed",
                sop_instance=file.sop_instance_uid,
                sop_class=file.sop_class_uid,
                transfer_syntax=file.transfer_syntax_uid,
                status=f"0x{status.code:04X}",
                comment=status.comment,
            )
        response = self._count(response_to(self.message.command, PENDING), with_remaining=True)
        self.session.exchange.send(self.message.context, response)

    def finish(self, *, cancelled: bool) -> Outcome:
        """The final response (PS3.4 Tables C.4-2 and C.4-3), naming the instances that failed."""
        cancelled = cancelled and self._remaining > 0
        status = CANCELLED if cancelled else self._final_status()
        data = None
        if self.failed_instances and status.code:
            names = {_FAILED_INSTANCES: self.failed_instances}
            data = encode_data_set(names, self.message.context.transfer_syntax)
        response = response_to(self.message.command, status, has_data_set=data is not None)
        self._count(response, with_remaining=cancelled)
        self.session.exchange.send(self.message.context, response, data)
        self.session.log.info(
            CommandField(self.message.command.command_field).operation,
            status=f"0x{status.code:04X}",
            completed=self.completed,
            failed=self.failed,
            warning=self.warning,
            total=self.total,
        )
        return Outcome(status.code)

    @property
    def _remaining(self) -> int:
        return max(self.total - self.completed - self.failed - self.warning, 0)

    def _final_status(self) -> Status:
        if not self.failed and not self.warning:
            return SUCCESS
        if self.completed or self.warning:
            return WARNING
        return Status(NONE_SENT, self.last_failure)

    def _count(self, response: CommandSet, *, with_remaining: bool) -> CommandSet:
        if with_remaining:
            response.remaining_sub_operations = min(self._remaining, _MOST)
        response.completed_sub_operations = min(self.completed, _MOST)
        response.failed_sub_operations = min(self.failed, _MOST)
        response.warning_sub_operations = min(self.warning, _MOST)
        return response


def _is_warning(code: int) -> bool:
    """PS3.7 C.1.3."""
    return code in (0x0001, 0x0107, 0x0116) or 0xB000 <= code <= 0xBFFF
