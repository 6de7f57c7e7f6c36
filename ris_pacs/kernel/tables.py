"""The kernel's own tables: audit, jobs, messages, topics, counters, marks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ris_pacs.kernel.db import Base, BigId, HasId, Json, UtcDateTime


class AuditEntry(HasId, Base):
    """One access to, or change of, a patient's data (DESIGN.md rule 6; PS3.15 A.5.3).

    once_key: set for views: one row per occasion × action × entity, `times` counts the rest up.
    digest: SHA-256 over everything but times, last_at and seal.
    """

    __tablename__ = "audit_entry"

    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
    actor_name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(64), default="")
    action: Mapped[str] = mapped_column(String(40))
    patient_id: Mapped[int | None] = mapped_column(BigId)
    entity_kind: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[str] = mapped_column(String(80))
    accession_number: Mapped[str | None] = mapped_column(String(16))
    why: Mapped[str | None] = mapped_column(String(500))
    detail: Mapped[Any | None] = mapped_column(Json)
    once_key: Mapped[str | None] = mapped_column(String(300), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    times: Mapped[int] = mapped_column(default=1)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seal_id: Mapped[int | None] = mapped_column(ForeignKey("audit_seal.id"))

    __table_args__ = (
        Index("ix_audit_entry_patient", "patient_id", "at"),
        Index("ix_audit_entry_accession", "accession_number", "at"),
        Index("ix_audit_entry_seal", "seal_id", "id"),
    )


class AuditSeal(HasId, Base):
    """A link of the hash chain: SHA-256 of the previous seal's hash and the digests of its entries, in id order."""

    __tablename__ = "audit_seal"

    previous_hash: Mapped[str] = mapped_column(String(64), unique=True)  # Two sealers cannot fork the chain.
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    entries: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Job(HasId, Base):
    """Work for after the commit.

    key: at most one job that waits to be begun has it. leased_until: a worker that dies loses its job to another then.
    """

    __tablename__ = "job"

    kind: Mapped[str] = mapped_column(String(120))
    payload: Mapped[Any] = mapped_column(Json)
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    state: Mapped[str] = mapped_column(String(8), default="queued")
    run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'dead')", name="state"),
        Index("ix_job_due", "state", "run_at"),
    )


class MessageIn(HasId, Base):
    """A message as it came: unique by sender and control id, so that a repeat is answered, not done again."""

    __tablename__ = "message_in"

    sender: Mapped[str] = mapped_column(String(200))
    control_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    mended: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(12))
    fault_at: Mapped[str | None] = mapped_column(String(60))
    error: Mapped[str | None] = mapped_column(Text)
    patient_id: Mapped[int | None] = mapped_column(BigId)
    patient_name: Mapped[str | None] = mapped_column(String(200))
    accession_number: Mapped[str | None] = mapped_column(String(16))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64), default="")
    repeats: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("sender", "control_id"),
        CheckConstraint("state IN ('accepted', 'refused', 'dismissed', 'replayed')", name="state"),
        Index("ix_message_in_received", "received_at", "id"),
        Index("ix_message_in_accession", "accession_number"),
        Index("ix_message_in_patient", "patient_id"),
    )


class MessageOut(HasId, Base):
    """A message to be delivered at least once, in order per destination and entity."""

    __tablename__ = "message_out"

    destination: Mapped[str] = mapped_column(String(200))
    entity: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(40))
    control_id: Mapped[str] = mapped_column(String(200), unique=True)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    patient_id: Mapped[int | None] = mapped_column(BigId)
    patient_name: Mapped[str | None] = mapped_column(String(200))
    accession_number: Mapped[str | None] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sent', 'dead')", name="state"),
        Index("ix_message_out_due", "state", "next_try_at"),
        Index("ix_message_out_order", "destination", "entity", "state", "id"),
        Index("ix_message_out_made", "made_at", "id"),
        Index("ix_message_out_accession", "accession_number"),
    )


class TopicVersion(Base):
    """Counts the changes of what one board shows (DESIGN.md, live pages)."""

    __tablename__ = "topic_version"

    topic: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[int] = mapped_column(BigId)


class Counter(Base):
    """The last number given out of a series, e.g. accession numbers of one issuer."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[int] = mapped_column(BigId)


class Mark(Base):
    """A fact about the whole installation, e.g. that it holds the demo practice."""

    __tablename__ = "mark"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
