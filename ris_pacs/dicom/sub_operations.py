"""C-STORE as requestor: a stored file over an established association (PS3.7 9.1.1, PS3.4 C.4)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ris_pacs.dicom.exchange import Context, Exchange, Message
from ris_pacs.dicom.handlers import Status, StoredFile
from ris_pacs.dicom.messages import DATA_SET, CommandField, CommandSet
from ris_pacs.dicom.negotiation import UNCOMPRESSED
from ris_pacs.dicom.transfer_syntaxes import ConversionFailed, Transcode, convert

# Local outcomes of a sub-operation that was never sent; the codes are of C-STORE's own ranges.
NO_CONTEXT = Status(0xA900, "no presentation context for the SOP class was accepted")
NO_CONVERSION = Status(0xA900, "the peer accepts no transfer syntax that can be made of the stored one")
UNREADABLE = Status(0x0110, "the stored file cannot be read")


@dataclass(frozen=True, slots=True)
class Originator:
    """Whose C-MOVE causes a store: Move Originator AE Title and Message ID (PS3.7 9.1.1.1)."""

    ae_title: str
    message_id: int


def store_file(
    exchange: Exchange,
    file: StoredFile,
    message_id: int,
    *,
    originator: Originator | None = None,
    transcode: Transcode | None = None,
) -> Status:
    """Send one file and wait for the answer's status.

    As it lies on the disk, if the peer accepted its transfer syntax; else converted, where that can be
    done. A file that cannot be sent gives a Status with the reason, and the association goes on.
    """
    contexts = [c for c in exchange.contexts.values() if c.as_scu and c.abstract_syntax == file.sop_class_uid]
    if not contexts:
        return NO_CONTEXT
    command = _request(file, message_id, originator)
    as_stored = next((c for c in contexts if c.transfer_syntax == file.transfer_syntax_uid), None)
    try:
        if as_stored:
            _send_as_stored(exchange, as_stored, command, file)
        elif not _send_converted(exchange, contexts, command, file, transcode):
            return NO_CONVERSION
    except OSError as error:
        return Status(UNREADABLE.code, f"{UNREADABLE.comment}: {error.strerror or error}")
    except ConversionFailed as error:
        return Status(UNREADABLE.code, str(error))
    answer = await_answer(exchange, command).command
    return Status(answer.status or 0, answer.error_comment or "", answer.offending_element or ())


def _request(file: StoredFile, message_id: int, originator: Originator | None) -> CommandSet:
    return CommandSet(
        CommandField.C_STORE_RQ,
        affected_sop_class_uid=file.sop_class_uid,
        message_id=message_id,
        priority=0,
        command_data_set_type=DATA_SET,
        affected_sop_instance_uid=file.sop_instance_uid,
        move_originator_title=originator.ae_title if originator else None,
        move_originator_message_id=originator.message_id if originator else None,
    )


def _send_as_stored(exchange: Exchange, context: Context, command: CommandSet, file: StoredFile) -> None:
    descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        length = os.fstat(descriptor).st_size - file.offset
        if length <= 0:
            raise OSError("file has no data set")
        exchange.send_file(context, command, descriptor, file.offset, length)
    finally:
        os.close(descriptor)


def _send_converted(
    exchange: Exchange,
    contexts: list[Context],
    command: CommandSet,
    file: StoredFile,
    transcode: Transcode | None,
) -> bool:
    """Uncompressed, if the peer takes that; else whatever the hook can make."""
    for context in sorted(contexts, key=lambda context: context.transfer_syntax not in UNCOMPRESSED):
        made = convert(file, context.transfer_syntax, transcode)
        if made is None:
            continue
        if isinstance(made, bytes):
            exchange.send(context, command, made)
        else:
            with made:
                exchange.send_file(context, command, made.fileno(), 0, os.fstat(made.fileno()).st_size)
        return True
    return False


def await_answer(exchange: Exchange, request: CommandSet) -> Message:
    """The response to a request that was sent; pending ones too. Cancel requests may come in between."""
    message = exchange.read_message()
    answer = message.command
    expected = CommandField(request.command_field).response
    if answer.command_field != expected or answer.message_id_being_responded_to != request.message_id:
        raise exchange.violate(f"expected {expected.name}, got command 0x{answer.command_field:04X}")
    return message
