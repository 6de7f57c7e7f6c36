"""The normalized services as provider: MPPS, storage commitment, print … (PS3.7 10)."""

from __future__ import annotations

from ris_pacs.dicom.encode import DataSetEncoder
from ris_pacs.dicom.exchange import Message
from ris_pacs.dicom.handlers import DimseFailure, NormalizedRequest, Status
from ris_pacs.dicom.messages import CommandField, response_to
from ris_pacs.dicom.session import NO_SUCH_SOP_CLASS, PROCESSING_FAILURE, Outcome, Session, read_data_set

MAX_ATTRIBUTES = 16 * 1024 * 1024  # bytes; a storage commitment of 100,000 instances has about 15 MB


def serve(session: Session, message: Message) -> Outcome:
    """Hand the request to the handler of the presentation context's SOP class, and answer.

    The context decides, not the command's SOP class: print and unified worklist use contexts of one
    class for requests on others (PS3.4 CC.2, H.2).
    """
    command, context = message.command, message.context
    handler = session.services.normalized.get(context.abstract_syntax)
    if handler is None:
        raise DimseFailure(Status(NO_SUCH_SOP_CLASS, "not served in this presentation context"))
    operation = CommandField(command.command_field).operation
    request = NormalizedRequest(
        operation,
        command.sop_class_uid,
        command.sop_instance_uid,
        read_data_set(session, message, PROCESSING_FAILURE, MAX_ATTRIBUTES),
        command.action_type_id if operation == "N-ACTION" else command.event_type_id,
        command.attribute_identifier_list or (),
    )
    answer = handler.handle(request, session.association)
    data = None
    if answer.elements is not None:
        encoder = DataSetEncoder(context.transfer_syntax, answer.character_set)
        data = encoder.encode(answer.elements)
    response = response_to(command, answer.status, has_data_set=data is not None)
    response.affected_sop_instance_uid = answer.instance_uid or response.affected_sop_instance_uid
    session.exchange.send(context, response, data)
    session.log.info(operation, sop_class=command.sop_class_uid, status=f"0x{answer.status.code:04X}")
    return Outcome(answer.status.code, len(data or b""))
