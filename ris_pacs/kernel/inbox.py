"""Messages in: a row first, unique by sender and control id, so that a repeat is answered and not done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.tables import MessageIn

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Arrived:
    """A message as it came. sender: "EMR|HOSPITAL"; kind: "ORM^O01"."""

    sender: str
    control_id: str
    kind: str
    raw: bytes
    address: str = ""


@dataclass(frozen=True)
class About:
    """Whom and what a message turned out to be about."""

    patient_id: int | None = None
    patient_name: str | None = None
    accession_number: str | None = None


def take(uow: UnitOfWork, arrived: Arrived) -> int | None:
    """A new row for the message, held until the end of the transaction; None when its control id has one already.

    Another process that takes the same message meanwhile waits here for the outcome.
    """
    taken: int | None = uow.session.scalar(
        insert_of(uow.dialect)(MessageIn)
        .values(
            sender=arrived.sender[:200],
            control_id=arrived.control_id[:200],
            kind=arrived.kind[:40],
            raw=arrived.raw,
            state="refused",
            received_at=uow.now,
            address=arrived.address[:64],
            repeats=0,
        )
        .on_conflict_do_nothing(index_elements=["sender", "control_id"])
        .returning(MessageIn.id)
    )
    return taken


def known(uow: UnitOfWork, sender: str, control_id: str) -> MessageIn | None:
    return uow.session.scalar(
        select(MessageIn)
        .where(MessageIn.sender == sender[:200], MessageIn.control_id == control_id[:200])
        .with_for_update()
    )


def accept(uow: UnitOfWork, message_id: int, answer: bytes | None, about: About, state: str = "accepted") -> None:
    """It was done, in this transaction; the answer is given again to every repeat."""
    uow.session.execute(
        update(MessageIn)
        .where(MessageIn.id == message_id)
        .values(
            state=state,
            answer=answer,
            error=None,
            fault_at=None,
            handled_at=uow.now,
            patient_id=about.patient_id,
            patient_name=about.patient_name,
            accession_number=about.accession_number,
        )
    )
    uow.touch("messages")


def refuse(
    uow: UnitOfWork, message_id: int, answer: bytes | None, error: str, fault_at: str | None, about: About
) -> None:
    """Nothing was done; a person may mend and replay it."""
    uow.session.execute(
        update(MessageIn)
        .where(MessageIn.id == message_id)
        .values(
            state="refused",
            answer=answer,
            error=error[:2000],
            fault_at=fault_at[:60] if fault_at else None,
            handled_at=uow.now,
            patient_id=about.patient_id,
            patient_name=about.patient_name,
            accession_number=about.accession_number,
        )
    )
    uow.touch("messages")


def count_repeat(uow: UnitOfWork, message_id: int) -> None:
    uow.session.execute(update(MessageIn).where(MessageIn.id == message_id).values(repeats=MessageIn.repeats + 1))
