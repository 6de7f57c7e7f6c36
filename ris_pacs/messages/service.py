"""What a person does with messages: mend a field, dismiss, send again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.faults import FieldFault
from ris_pacs.hl7.paths import BadPath
from ris_pacs.hl7.reading import ParseFailure
from ris_pacs.kernel import audit, outbox
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.tables import MessageIn, MessageOut
from ris_pacs.messages.errors import CannotMend, NoSuchMessage

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def mend(uow: UnitOfWork, message_id: int, fields: dict[str, str], actor: Actor) -> MessageIn:
    """Other values for fields of a refused message, by path ("PID-7"); what came is kept beside it.

    Raises NoSuchMessage, CannotMend, Forbidden.
    """
    demand(actor, Right.MESSAGES_MEND)
    row = _refused(uow, message_id)
    try:
        message = parse(row.mended or row.raw)
        for path, value in fields.items():
            if message.at(path).raw != value:
                message = message.with_field(path, value)
    except (ParseFailure, BadPath, FieldFault) as problem:
        raise CannotMend(f"The message cannot be changed like this: {problem}") from problem
    row.mended = message.raw
    uow.session.flush()
    audit.record(
        uow, actor, "mend message", ("message", row.id), patient_id=row.patient_id, detail={"fields": sorted(fields)}
    )
    return row


def dismiss(uow: UnitOfWork, message_id: int, actor: Actor) -> None:
    """Nothing will be done with it; it stays to be seen. Raises NoSuchMessage, CannotMend, Forbidden."""
    demand(actor, Right.MESSAGES_MEND)
    row = _refused(uow, message_id)
    row.state = "dismissed"
    audit.record(uow, actor, "dismiss message", ("message", row.id), patient_id=row.patient_id)
    uow.touch("messages")


def send_again(uow: UnitOfWork, message_id: int, actor: Actor) -> None:
    """A message out that failed, or that the partner lost. Raises NoSuchMessage, Forbidden."""
    demand(actor, Right.MESSAGES_MEND)
    row = uow.session.get(MessageOut, message_id)
    if row is None:
        raise NoSuchMessage("There is no such message.")
    outbox.replay(uow, message_id)
    audit.record(
        uow,
        actor,
        "send message again",
        ("message", row.id),
        patient_id=row.patient_id,
        accession_number=row.accession_number,
    )


def _refused(uow: UnitOfWork, message_id: int) -> MessageIn:
    row = uow.session.scalar(select(MessageIn).where(MessageIn.id == message_id).with_for_update())
    if row is None:
        raise NoSuchMessage("There is no such message.")
    if row.state != "refused":
        raise CannotMend("Only a refused message can be mended; this one was dealt with.")
    return row
