"""Messages out: rows first, then delivered at least once, in order for each destination and entity."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from ris_pacs.kernel.inbox import About
from ris_pacs.kernel.tables import MessageOut

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

LEASE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(minutes=10)
MOST_ATTEMPTS = 40
MAIL = "mail"  # The kind of a message that goes by SMTP; every other goes by MLLP.


@dataclass(frozen=True)
class NewMessage:
    """entity: what it is about; messages about one entity keep their order. control_id: unique among all of ours."""

    destination: str
    entity: str
    kind: str
    control_id: str
    payload: bytes
    about: About


@dataclass(frozen=True)
class Claimed:
    id: int
    destination: str
    kind: str
    payload: bytes
    attempts: int


def put(uow: UnitOfWork, new: NewMessage) -> None:
    uow.session.add(
        MessageOut(
            destination=new.destination,
            entity=new.entity,
            kind=new.kind,
            control_id=new.control_id,
            payload=new.payload,
            next_try_at=uow.now,
            made_at=uow.now,
            patient_id=new.about.patient_id,
            patient_name=new.about.patient_name,
            accession_number=new.about.accession_number,
        )
    )
    uow.touch("messages")


def is_known(uow: UnitOfWork, control_id: str) -> bool:
    """Whether a message with this number was put before."""
    return uow.session.scalar(select(MessageOut.id).where(MessageOut.control_id == control_id)) is not None


def claim(uow: UnitOfWork, *, mail: bool = False) -> Claimed | None:
    """The message that is due longest and has none before it for the same destination and entity; None when none.

    mail: of those that go by SMTP, else of the others.
    """
    earlier = aliased(MessageOut)
    free = or_(MessageOut.leased_until.is_(None), MessageOut.leased_until < uow.now)
    due = (
        select(MessageOut.id)
        .where(
            and_(MessageOut.state == "queued", MessageOut.next_try_at <= uow.now, free),
            MessageOut.kind == MAIL if mail else MessageOut.kind != MAIL,
            ~exists().where(
                earlier.destination == MessageOut.destination,
                earlier.entity == MessageOut.entity,
                earlier.state == "queued",
                earlier.id < MessageOut.id,
            ),
        )
        .order_by(MessageOut.next_try_at, MessageOut.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = uow.session.execute(
        update(MessageOut)
        .where(MessageOut.id == due)
        .values(leased_until=uow.now + LEASE, attempts=MessageOut.attempts + 1)
        .returning(MessageOut.id, MessageOut.destination, MessageOut.kind, MessageOut.payload, MessageOut.attempts)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Claimed(*row)


def sent(uow: UnitOfWork, message_id: int, answer: bytes) -> None:
    uow.session.execute(
        update(MessageOut)
        .where(MessageOut.id == message_id)
        .values(state="sent", sent_at=uow.now, answer=answer, error=None, leased_until=None)
    )
    uow.touch("messages")


def failed(uow: UnitOfWork, claimed: Claimed, error: str, answer: bytes | None = None, final: bool = False) -> None:
    """Try again later, with a growing pause that no two messages share; `final`: the partner will never take it."""
    pause = min(timedelta(seconds=2**claimed.attempts), LONGEST_PAUSE)
    jitter = 1 + secrets.randbelow(250) / 1000
    dead = final or claimed.attempts >= MOST_ATTEMPTS
    uow.session.execute(
        update(MessageOut)
        .where(MessageOut.id == claimed.id)
        .values(
            state="dead" if dead else "queued",
            next_try_at=uow.now + pause * jitter,
            leased_until=None,
            error=error[:2000],
            answer=answer,
        )
    )
    uow.touch("messages")


def replay(uow: UnitOfWork, message_id: int) -> None:
    """A person sends it again, now."""
    uow.session.execute(
        update(MessageOut)
        .where(MessageOut.id == message_id)
        .values(state="queued", next_try_at=uow.now, attempts=0, leased_until=None, error=None)
    )
    uow.touch("messages")


def counts(uow: UnitOfWork) -> dict[tuple[str, str], int]:
    """(destination, state) → number, for what is not sent yet."""
    rows = uow.session.execute(
        select(MessageOut.destination, MessageOut.state, func.count())
        .where(MessageOut.state != "sent")
        .group_by(MessageOut.destination, MessageOut.state)
    )
    return {(destination, state): count for destination, state, count in rows}
