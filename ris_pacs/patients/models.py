"""Patients: who they are, by every number and name that anyone knows them under."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.catalog.models import Issuer, Payer
from ris_pacs.kernel.db import Base, FoldedText, HasId, UtcDateTime
from ris_pacs.kernel.person import NameGroup, PersonName


class Patient(HasId, Base):
    """birth_date: ISO 8601 to the precision known, or none. sex: administrative, HL7 table 0001 reduced to
    DICOM's M, F, O (PS3.3 C.7.1.1) plus U for unknown. temporary: registered without knowing who it is (B9).
    """

    __tablename__ = "patient"

    birth_date: Mapped[str | None] = mapped_column(String(10), index=True)
    birth_date_estimated: Mapped[bool] = mapped_column(default=False)
    sex: Mapped[str] = mapped_column(String(1), default="U")
    language: Mapped[str] = mapped_column(String(16), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    phone_key: Mapped[str] = mapped_column(FoldedText(20), default="", index=True)
    email: Mapped[str] = mapped_column(String(200), default="")
    street: Mapped[str] = mapped_column(String(200), default="")
    city: Mapped[str] = mapped_column(String(100), default="")
    state: Mapped[str] = mapped_column(String(40), default="")
    zip: Mapped[str] = mapped_column(String(16), default="")
    temporary: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    names: Mapped[list[PatientName]] = relationship(
        back_populates="patient", order_by="PatientName.id", cascade="all, delete-orphan"
    )
    identifiers: Mapped[list[PatientIdentifier]] = relationship(
        back_populates="patient", order_by="PatientIdentifier.id"
    )
    safety_facts: Mapped[list[SafetyFact]] = relationship(back_populates="patient", order_by="SafetyFact.id")

    __table_args__ = (CheckConstraint("sex IN ('F', 'M', 'O', 'U')", name="sex"),)

    @property
    def name(self) -> PersonName:
        """The legal name, else the first there is."""
        legal = next((name for name in self.names if name.kind == "legal"), None)
        found = legal or next(iter(self.names), None)
        return found.value if found else PersonName()

    @property
    def mrn(self) -> str:
        """The number by an issuer of ours, else the first there is."""
        ours = (one for one in self.identifiers if one.issuer.ours)
        found = next(ours, next(iter(self.identifiers), None))
        return found.value if found else ""


class PatientName(HasId, Base):
    """One of a patient's names; components in the order of PS3.5 6.2.1, groups in their DICOM form."""

    __tablename__ = "patient_name"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8), default="legal")
    alphabetic: Mapped[str] = mapped_column(String(64), default="")
    ideographic: Mapped[str] = mapped_column(String(64), default="")
    phonetic: Mapped[str] = mapped_column(String(64), default="")
    sort_key: Mapped[str] = mapped_column(FoldedText(200), index=True)

    patient: Mapped[Patient] = relationship(back_populates="names")

    __table_args__ = (CheckConstraint("kind IN ('legal', 'previous', 'alias', 'use')", name="kind"),)

    @property
    def value(self) -> PersonName:
        groups = (self.alphabetic, self.ideographic, self.phonetic)
        return PersonName(*(NameGroup.from_dicom(text) for text in groups))


class PatientIdentifier(HasId, Base):
    """A number somebody knows the patient by. type: HL7 table 0203, "MR" medical record number."""

    __tablename__ = "patient_identifier"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    value: Mapped[str] = mapped_column(String(64))
    issuer_id: Mapped[int] = mapped_column(ForeignKey("issuer.id"))
    type: Mapped[str] = mapped_column(String(8), default="MR")

    patient: Mapped[Patient] = relationship(back_populates="identifiers")
    issuer: Mapped[Issuer] = relationship()

    __table_args__ = (UniqueConstraint("value", "issuer_id"),)


class PatientLink(HasId, Base):
    """A merge: `merged` is the same person as `survivor`. Nothing moves; undoing ends the link."""

    __tablename__ = "patient_link"

    survivor_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint("survivor_id <> merged_id", name="two_patients"),)


class PatientToken(Base):
    """What a patient is found by: folded words of names, identifiers; kind "s" holds how a word sounds."""

    __tablename__ = "patient_token"

    token: Mapped[str] = mapped_column(FoldedText(64), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(1), primary_key=True)

    __table_args__ = (Index("ix_patient_token_patient", "patient_id"),)


class SafetyFact(HasId, Base):
    """Something that follows the patient to every visit. source: who said so, "EMR|HOSPITAL" or a person."""

    __tablename__ = "safety_fact"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(String(200))
    severity: Mapped[str] = mapped_column(String(16), default="")
    source: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    patient: Mapped[Patient] = relationship(back_populates="safety_facts")

    __table_args__ = (
        UniqueConstraint("patient_id", "kind", "text"),
        CheckConstraint("kind IN ('allergy', 'alert', 'implant', 'pregnancy', 'weight', 'height')", name="kind"),
    )


class Coverage(HasId, Base):
    """Somebody pays for this patient, from a day to a day. rank: 1 is asked first.

    member_id: the number on the card. relationship: X12 code of the patient's to the subscriber, "18" is self; then
    the subscriber's own facts stay empty, for the patient's are theirs.
    """

    __tablename__ = "coverage"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    payer_id: Mapped[int] = mapped_column(ForeignKey("payer.id"))
    rank: Mapped[int] = mapped_column(default=1)
    member_id: Mapped[str] = mapped_column(String(40), default="")
    group_number: Mapped[str] = mapped_column(String(40), default="")
    plan_name: Mapped[str] = mapped_column(String(60), default="")
    relationship_code: Mapped[str] = mapped_column(String(2), default="18")
    subscriber_family: Mapped[str] = mapped_column(String(60), default="")
    subscriber_given: Mapped[str] = mapped_column(String(35), default="")
    subscriber_birth_date: Mapped[str] = mapped_column(String(10), default="")
    subscriber_sex: Mapped[str] = mapped_column(String(1), default="U")
    subscriber_street: Mapped[str] = mapped_column(String(200), default="")
    subscriber_city: Mapped[str] = mapped_column(String(100), default="")
    subscriber_state: Mapped[str] = mapped_column(String(40), default="")
    subscriber_zip: Mapped[str] = mapped_column(String(16), default="")
    begins: Mapped[date | None]
    ends: Mapped[date | None]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    payer: Mapped[Payer] = relationship()

    __table_args__ = (
        CheckConstraint("rank BETWEEN 1 AND 3", name="rank"),
        CheckConstraint("relationship_code IN ('18', '01', '19', 'G8')", name="relationship"),
    )
