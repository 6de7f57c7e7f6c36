"""Studies, series and instances as received, and how they belong to exams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.kernel.db import Base, BigId, FoldedText, HasId, Json, UtcDateTime
from ris_pacs.orders.models import RequestedProcedure


class Study(HasId, Base):
    """A study, with the identity of its first object as received: it is never rewritten (DESIGN.md rule 4).

    patient_id: the patient of the record, through a live link or because a person said so; None: not known.
    study_date, study_time: DA and TM as received. modalities: distinct, sorted, with "\\" between.
    Counts and sizes are kept in the transaction that adds an instance.
    """

    __tablename__ = "study"

    study_instance_uid: Mapped[str] = mapped_column(FoldedText(64), unique=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    received_patient_id: Mapped[str] = mapped_column(FoldedText(64), default="", index=True)
    received_issuer: Mapped[str] = mapped_column(String(64), default="")
    received_name: Mapped[str] = mapped_column(String(200), default="")
    received_name_key: Mapped[str] = mapped_column(FoldedText(200), default="", index=True)
    received_birth_date: Mapped[str] = mapped_column(FoldedText(10), default="")
    received_sex: Mapped[str] = mapped_column(String(16), default="")
    accession_number: Mapped[str] = mapped_column(FoldedText(16), default="", index=True)
    accession_issuer: Mapped[str] = mapped_column(String(64), default="")
    study_date: Mapped[str] = mapped_column(FoldedText(8), default="")
    study_time: Mapped[str] = mapped_column(FoldedText(16), default="")
    study_id: Mapped[str] = mapped_column(String(16), default="")
    description: Mapped[str] = mapped_column(String(64), default="")
    referrer: Mapped[str] = mapped_column(String(200), default="")
    station: Mapped[str] = mapped_column(String(16), default="")
    modalities: Mapped[str] = mapped_column(String(100), default="")
    series_count: Mapped[int] = mapped_column(default=0)
    instance_count: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigId, default=0)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    series: Mapped[list[Series]] = relationship(back_populates="study", order_by="Series.number, Series.id")
    links: Mapped[list[StudyLink]] = relationship(back_populates="study", order_by="StudyLink.id")

    __table_args__ = (
        Index("ix_study_date", "study_date", "study_time", "id"),
        Index("ix_study_received", "received_at", "id"),
    )


class Series(HasId, Base):
    """identity: a digest of who and what the objects of the series say they are; other objects may not slip in."""

    __tablename__ = "series"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    series_instance_uid: Mapped[str] = mapped_column(FoldedText(64), unique=True)
    modality: Mapped[str] = mapped_column(String(16), default="")
    number: Mapped[int | None]
    description: Mapped[str] = mapped_column(String(64), default="")
    body_part: Mapped[str] = mapped_column(String(16), default="")
    laterality: Mapped[str] = mapped_column(String(16), default="")
    series_date: Mapped[str] = mapped_column(String(8), default="")
    series_time: Mapped[str] = mapped_column(String(16), default="")
    instance_count: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigId, default=0)
    received: Mapped[Any] = mapped_column(Json)
    identity: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    study: Mapped[Study] = relationship(back_populates="series")


class Instance(HasId, Base):
    """A stored object. Its file's key follows from UIDs and digest (archive.rules.object_key).

    digest: SHA-256 of the data set as received. dataset_offset: where it begins in the file.
    pixel_offset: of the pixel data's value in the file; frame_table: offset and length of each frame, packed.
    """

    __tablename__ = "instance"

    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(FoldedText(64), unique=True)
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(64))
    number: Mapped[int | None]
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    frames: Mapped[int | None]
    size: Mapped[int] = mapped_column(BigId)
    digest: Mapped[str] = mapped_column(String(64))
    dataset_offset: Mapped[int]
    pixel_offset: Mapped[int | None] = mapped_column(BigId)
    frame_table: Mapped[bytes | None] = mapped_column(LargeBinary)
    source: Mapped[str] = mapped_column(String(64), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InstanceConflict(HasId, Base):
    """Another object under a SOP Instance UID that we hold: kept aside until a person decides."""

    __tablename__ = "instance_conflict"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    key: Mapped[str] = mapped_column(String(400), unique=True)
    size: Mapped[int] = mapped_column(BigId)
    digest: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(200))


class Quarantined(HasId, Base):
    """An object that could not be filed, with the reason; its bytes are kept under `key`."""

    __tablename__ = "quarantined_object"

    key: Mapped[str] = mapped_column(String(400), unique=True)
    sop_class_uid: Mapped[str] = mapped_column(String(64), default="")
    sop_instance_uid: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(200))


class StudyLink(HasId, Base):
    """A study, or one series of it, answers an exam.

    how: "accession", "uid", "mpps" or "person". A link ends by being undone; it is never removed.
    """

    __tablename__ = "study_link"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"))
    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    how: Mapped[str] = mapped_column(String(12))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str | None] = mapped_column(String(200))

    study: Mapped[Study] = relationship(back_populates="links")
    exam: Mapped[RequestedProcedure] = relationship()

    __table_args__ = (CheckConstraint("how IN ('accession', 'uid', 'mpps', 'person')", name="how"),)


class ReconciliationCase(HasId, Base):
    """A study, or series of it, that a person has to look at. reason: a code of archive.rules.Reason."""

    __tablename__ = "reconciliation_case"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"))
    reason: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(300))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(200))
    outcome: Mapped[str | None] = mapped_column(String(40))

    study: Mapped[Study] = relationship()

    __table_args__ = (Index("ix_reconciliation_case_open", "settled_at", "opened_at"),)


class Commitment(HasId, Base):
    """A request for storage commitment (PS3.4 Annex J), answered on an association of our own.

    items: [[SOP class, SOP instance], …]. answered_at: the device has acknowledged the report.
    """

    __tablename__ = "storage_commitment"

    transaction_uid: Mapped[str] = mapped_column(String(64))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    items: Mapped[Any] = mapped_column(Json)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(300))

    __table_args__ = (UniqueConstraint("device_id", "transaction_uid"),)


class CommittedInstance(Base):
    """An instance that we have committed to keep, and since when."""

    __tablename__ = "committed_instance"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
