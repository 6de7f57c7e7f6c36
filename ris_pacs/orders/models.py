"""Orders and the exams they ask for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.catalog.models import Issuer, Practitioner, Procedure, Site
from ris_pacs.kernel.db import Base, FoldedText, HasId, UtcDateTime
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients.models import Patient

STATE_NAMES = ", ".join(f"'{state}'" for state in ExamState)


class Visit(HasId, Base):
    """A stay or a walk-in at a hospital, as its EMR numbers it (HL7 PV1). patient_class: HL7 table 0004."""

    __tablename__ = "visit"

    number: Mapped[str] = mapped_column(String(64))
    issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    patient_class: Mapped[str] = mapped_column(String(1), default="O")
    location: Mapped[str] = mapped_column(String(80), default="")

    issuer: Mapped[Issuer] = relationship()

    __table_args__ = (UniqueConstraint("number", "issuer_id"),)


class Order(HasId, Base):
    """An imaging service request: one accession number.

    accession_number: (0008,0050), at most 16 characters, unique per issuer.
    placer_number: the order's number at whoever placed it (ORC-2). priority: routine, urgent or stat.
    partner_id: the sender of the HL7 message that placed it.
    """

    __tablename__ = "imaging_order"

    accession_number: Mapped[str] = mapped_column(FoldedText(16))
    accession_issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    placer_number: Mapped[str | None] = mapped_column(String(64))
    placer_issuer_id: Mapped[int | None] = mapped_column(ForeignKey("issuer.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"))
    referrer_id: Mapped[int | None] = mapped_column(ForeignKey("practitioner.id"), index=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    kind: Mapped[str] = mapped_column(String(16), default="normal")
    priority: Mapped[str] = mapped_column(String(8), default="routine")
    question: Mapped[str] = mapped_column(Text, default="")
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    placed_by: Mapped[str] = mapped_column(String(200))

    patient: Mapped[Patient] = relationship()
    site: Mapped[Site] = relationship()
    visit: Mapped[Visit | None] = relationship()
    referrer: Mapped[Practitioner | None] = relationship()
    accession_issuer: Mapped[Issuer] = relationship(foreign_keys=[accession_issuer_id])
    placer_issuer: Mapped[Issuer | None] = relationship(foreign_keys=[placer_issuer_id])
    diagnoses: Mapped[list[OrderDiagnosis]] = relationship(order_by="OrderDiagnosis.id")
    exams: Mapped[list[RequestedProcedure]] = relationship(back_populates="order", order_by="RequestedProcedure.id")

    __table_args__ = (
        UniqueConstraint("accession_number", "accession_issuer_id"),
        UniqueConstraint("placer_number", "placer_issuer_id"),
        CheckConstraint("priority IN ('routine', 'urgent', 'stat')", name="priority"),
        CheckConstraint("kind IN ('normal', 'unscheduled')", name="kind"),
        CheckConstraint("length(accession_number) BETWEEN 1 AND 16", name="accession_number"),
        Index("ix_imaging_order_placed", "placed_at", "id"),
    )


class OrderDiagnosis(HasId, Base):
    """Why: a code of ICD-10-CM, or the text of a sender who uses another list (then code is empty)."""

    __tablename__ = "order_diagnosis"

    order_id: Mapped[int] = mapped_column(ForeignKey("imaging_order.id"), index=True)
    code: Mapped[str] = mapped_column(String(8), default="")
    name: Mapped[str] = mapped_column(String(300))


class RequestedProcedure(HasId, Base):
    """An exam, in people's words.

    identifier: Requested Procedure ID (0040,1001). procedure_name: as ordered, whatever the catalogue says later.
    laterality: "", "R", "L" or "B" (both). state: moved only by orders.service.exams.
    """

    __tablename__ = "requested_procedure"

    order_id: Mapped[int] = mapped_column(ForeignKey("imaging_order.id"), index=True)
    identifier: Mapped[str] = mapped_column(String(16), unique=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"))
    procedure_name: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(16))
    laterality: Mapped[str] = mapped_column(String(1), default="")
    state: Mapped[str] = mapped_column(String(16), default=ExamState.REQUESTED)
    state_since: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(200), default="")

    order: Mapped[Order] = relationship(back_populates="exams")
    procedure: Mapped[Procedure] = relationship()

    __table_args__ = (
        CheckConstraint("laterality IN ('', 'R', 'L', 'B')", name="laterality"),
        CheckConstraint(f"state IN ({STATE_NAMES})", name="state"),
        Index("ix_requested_procedure_state", "state", "state_since", "id"),
    )


class ExamHistory(HasId, Base):
    """One move of an exam's state. at: when it happened; noted_at: when we were told."""

    __tablename__ = "exam_history"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    from_state: Mapped[str | None] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    move: Mapped[str] = mapped_column(String(24))
    actor_name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(500))


class ResultRelease(HasId, Base):
    """Whether the patient may see what an exam has found: from the signature on, unless a clinician holds it.

    signed_at: of the report that is final now; None while there is none. held_until: with a recorded ground, a code of
    orders.rules.GROUNDS (FEATURES.md I1); the words that were given stand in held_why.
    """

    __tablename__ = "result_release"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), unique=True)
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ground: Mapped[str] = mapped_column(String(20), default="")
    held_why: Mapped[str] = mapped_column(String(500), default="")
    held_by: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (CheckConstraint("held_until IS NULL OR ground <> ''", name="ground"),)


class Oddity(HasId, Base):
    """Something out of order that was accepted as a fact and that a person should look at.

    code: stable, e.g. "images-before-arrival"; settled_at: somebody has looked.
    """

    __tablename__ = "exam_oddity"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(String(200))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (Index("ix_exam_oddity_open", "settled_at", "id"),)
