"""Reports, their versions, what is being written, who reads what, and what writing is helped by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from ris_pacs.kernel.db import Base, BigId, FoldedText, HasId, Json, UtcDateTime

_ONCE = sql("kind IN ('preliminary', 'final', 'withdrawn')")


class Report(HasId, Base):
    """What is said about one exam, or about several that are read together: a chain of versions.

    patient_id: the record that it was written for. revision: raised by every save and every signature; who names
    another one has not seen what is there.
    """

    __tablename__ = "report"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    state: Mapped[str] = mapped_column(String(12), default="draft")
    revision: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))

    __table_args__ = (CheckConstraint("state IN ('draft', 'preliminary', 'final', 'withdrawn')", name="state"),)


class ReportExam(HasId, Base):
    """An exam that a report covers. live: false once the report is withdrawn; an exam has one live report."""

    __tablename__ = "report_exam"

    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    live: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("report_id", "requested_procedure_id"),
        Index(
            "uq_report_exam_live",
            "requested_procedure_id",
            unique=True,
            sqlite_where=sql("live"),
            postgresql_where=sql("live"),
        ),
    )


class ReportVersion(HasId, Base):
    """A draft, or what was signed. A signed row is never changed or removed: triggers of the database see to it.

    number: counts the signed versions of a report from 1. sections: reporting.rules.text.SECTIONS → plain text.
    addenda: [{"text", "by", "at"}], each version holds all of them. key_images and identity: what the report showed
    and whom it was about when it was signed. set_aside: a draft that came from a page which no longer had the say.
    hash: SHA-256 of the canonical form (reporting.rules.seal), which holds previous_hash.
    """

    __tablename__ = "report_version"

    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    number: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(12))
    sections: Mapped[Any] = mapped_column(Json)
    addenda: Mapped[Any] = mapped_column(Json)
    key_images: Mapped[Any] = mapped_column(Json)
    identity: Mapped[Any] = mapped_column(Json)
    author_id: Mapped[int | None] = mapped_column(BigId)
    author_name: Mapped[str] = mapped_column(String(200))
    author_role: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(500), default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    set_aside: Mapped[bool] = mapped_column(default=False)
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    hash: Mapped[str | None] = mapped_column(String(64), index=True)

    __table_args__ = (
        UniqueConstraint("report_id", "number"),
        CheckConstraint("kind IN ('draft', 'preliminary', 'final', 'addendum', 'corrected', 'withdrawn')", name="kind"),
        CheckConstraint(
            "(kind = 'draft' AND signed_at IS NULL AND number IS NULL AND hash IS NULL)"
            " OR (kind <> 'draft' AND signed_at IS NOT NULL AND number IS NOT NULL AND hash IS NOT NULL"
            " AND previous_hash IS NOT NULL)",
            name="signed",
        ),
        Index("uq_report_version_once", "report_id", "kind", unique=True, sqlite_where=_ONCE, postgresql_where=_ONCE),
    )


class ReportKeyImage(HasId, Base):
    """An image that the report will show. frame: counts from 1. Window None: as the object says."""

    __tablename__ = "report_key_image"

    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    frame: Mapped[int] = mapped_column(default=1)
    window_center: Mapped[float | None]
    window_width: Mapped[float | None]
    caption: Mapped[str] = mapped_column(String(200), default="")
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by: Mapped[str] = mapped_column(String(200))

    __table_args__ = (UniqueConstraint("report_id", "sop_instance_uid", "frame"),)


class ReadingClaim(Base):
    """Who reads an exam now. leased_until: longer only while the reader's page gives signs of life.

    page_token: of the one page that may write; "" when the reader has opened another exam since.
    occasion: the reader's sign-in. images, patient_id: what the page showed when it was opened: how many images the
    exam had, and who stood for the patient after all merges.
    """

    __tablename__ = "reading_claim"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    user_name: Mapped[str] = mapped_column(String(200))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime] = mapped_column(UtcDateTime)
    page_token: Mapped[str] = mapped_column(String(43), default="")
    occasion: Mapped[str] = mapped_column(String(64), default="")
    images: Mapped[int] = mapped_column(default=0)
    patient_id: Mapped[int] = mapped_column(BigId, default=0)


class ReportTemplate(HasId, Base):
    """A text to start from. procedures: codes of the catalogue that it is made for; [] for all of the modality."""

    __tablename__ = "report_template"

    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    modality: Mapped[str] = mapped_column(String(16), default="")
    procedures: Mapped[Any] = mapped_column(Json)
    sections: Mapped[Any] = mapped_column(Json)


class AutoText(HasId, Base):
    """What ".name" and a space become. owner_id: None for everybody's."""

    __tablename__ = "autotext"

    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    name: Mapped[str] = mapped_column(FoldedText(40))
    text: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("owner_id", "name"),
        Index(
            "uq_autotext_shared",
            "name",
            unique=True,
            sqlite_where=sql("owner_id IS NULL"),
            postgresql_where=sql("owner_id IS NULL"),
        ),
    )
