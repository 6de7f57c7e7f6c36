"""Reads for the message console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit, outbox
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.tables import MessageIn, MessageOut
from ris_pacs.kernel.text import like_prefix
from ris_pacs.messages.errors import NoSuchMessage

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

STATES_OUT = {"queued": "trying", "sent": "accepted", "dead": "refused"}


@dataclass(frozen=True)
class MessageRow:
    """A message in the list. state: key of a chip; about: accession number, or the field at fault."""

    id: int
    inward: bool
    at: datetime
    partner: str
    kind: str
    patient: str
    state: str
    about: str
    repeats: int


@dataclass(frozen=True)
class MessageFilter:
    """text: of patient, accession number, type or partner; direction: "in", "out" or ""; state: as shown."""

    text: str = ""
    direction: str = ""
    state: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class PartnerQueue:
    """state: key of a chip; words and below: what stands on the partner's card."""

    name: str
    state: str
    words: str
    below: str


def find(uow: UnitOfWork, wanted: MessageFilter, limit: int = 100) -> Sequence[MessageRow]:
    """Newest first, in and out together."""
    rows: list[MessageRow] = []
    if wanted.direction != "out":
        rows += _inward(uow, wanted, limit)
    if wanted.direction != "in":
        rows += _outward(uow, wanted, limit)
    return sorted(rows, key=lambda row: (row.at, row.id), reverse=True)[:limit]


def _inward(uow: UnitOfWork, wanted: MessageFilter, limit: int) -> list[MessageRow]:
    query = select(MessageIn).order_by(MessageIn.received_at.desc(), MessageIn.id.desc()).limit(limit)
    if wanted.since is not None:
        query = query.where(MessageIn.received_at >= wanted.since)
    if wanted.state:
        query = query.where(MessageIn.state == wanted.state)
    if wanted.text:
        query = query.where(
            _contains(wanted.text, MessageIn.patient_name, MessageIn.accession_number, MessageIn.kind, MessageIn.sender)
        )
    return [
        MessageRow(
            one.id,
            True,
            one.received_at,
            one.sender,
            one.kind,
            one.patient_name or "",
            one.state,
            one.accession_number or one.fault_at or "",
            one.repeats,
        )
        for one in uow.session.scalars(query)
    ]


def _outward(uow: UnitOfWork, wanted: MessageFilter, limit: int) -> list[MessageRow]:
    query = select(MessageOut).order_by(MessageOut.made_at.desc(), MessageOut.id.desc()).limit(limit)
    if wanted.since is not None:
        query = query.where(MessageOut.made_at >= wanted.since)
    if wanted.state:
        ours = [state for state, shown in STATES_OUT.items() if shown == wanted.state]
        query = query.where(MessageOut.state.in_(ours))
    if wanted.text:
        query = query.where(
            _contains(
                wanted.text,
                MessageOut.patient_name,
                MessageOut.accession_number,
                MessageOut.kind,
                MessageOut.destination,
            )
        )
    return [
        MessageRow(
            one.id,
            False,
            one.made_at,
            one.destination,
            one.kind,
            one.patient_name or "",
            STATES_OUT[one.state],
            one.accession_number or "",
            max(0, one.attempts - 1),
        )
        for one in uow.session.scalars(query)
    ]


def _contains(text: str, *columns: Any) -> Any:
    pattern = "%" + like_prefix(text.lower())
    return or_(*(func.lower(column).like(pattern, escape="\\") for column in columns))


def count_refused(uow: UnitOfWork) -> int:
    query = select(func.count()).select_from(MessageIn).where(MessageIn.state == "refused")
    dead = select(func.count()).select_from(MessageOut).where(MessageOut.state == "dead")
    return (uow.session.scalar(query) or 0) + (uow.session.scalar(dead) or 0)


def count_since(uow: UnitOfWork, since: datetime) -> int:
    inward = select(func.count()).select_from(MessageIn).where(MessageIn.received_at >= since)
    outward = select(func.count()).select_from(MessageOut).where(MessageOut.made_at >= since)
    return (uow.session.scalar(inward) or 0) + (uow.session.scalar(outward) or 0)


def partner_queues(uow: UnitOfWork) -> list[PartnerQueue]:
    """One card a partner: whether messages reach it and how many wait."""
    waiting = outbox.counts(uow)
    found = []
    for partner in catalog.partners(uow):
        name = f"{partner.application}|{partner.facility}"
        queued, dead = waiting.get((name, "queued"), 0), waiting.get((name, "dead"), 0)
        if not partner.host:
            found.append(PartnerQueue(name, "accepted", "Receiving", "in only"))
        elif dead:
            found.append(PartnerQueue(name, "refused", "Needs a person", f"{dead} not delivered"))
        else:
            words = ("trying", "Trying again") if queued else ("accepted", "Sending")
            found.append(PartnerQueue(name, words[0], words[1], f"{queued} queued"))
    return found


def inward(uow: UnitOfWork, message_id: int, actor: Actor) -> MessageIn:
    """Raises NoSuchMessage. The look is recorded: a message is about a patient."""
    row = uow.session.get(MessageIn, message_id)
    if row is None:
        raise NoSuchMessage("There is no such message.")
    audit.record_view(
        uow,
        actor,
        ("message", f"in {row.id}"),
        patient_id=row.patient_id,
        accession_number=row.accession_number,
    )
    return row


def outward(uow: UnitOfWork, message_id: int, actor: Actor) -> MessageOut:
    """Raises NoSuchMessage."""
    row = uow.session.get(MessageOut, message_id)
    if row is None:
        raise NoSuchMessage("There is no such message.")
    audit.record_view(
        uow,
        actor,
        ("message", f"out {row.id}"),
        patient_id=row.patient_id,
        accession_number=row.accession_number,
    )
    return row
