"""Users, their roles, sign-ins, tokens, and who may see what of whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.db import Base, BigId, HasId, UtcDateTime

ROLE_NAMES = ", ".join(f"'{role}'" for role in Role)


class User(HasId, Base):
    """A person with an account. email is kept as typed; email_key is folded and unique.

    patient_id / practitioner_id: who the person is in the record, for the portal and for referrers.
    """

    __tablename__ = "user_account"

    email: Mapped[str] = mapped_column(String(200))
    email_key: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    theme: Mapped[str] = mapped_column(String(8), default="auto")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    practitioner_id: Mapped[int | None] = mapped_column(ForeignKey("practitioner.id"))

    grants: Mapped[list[RoleGrant]] = relationship(back_populates="user", order_by="RoleGrant.id")

    __table_args__ = (CheckConstraint("theme IN ('light', 'dark', 'auto')", name="theme"),)


class RoleGrant(HasId, Base):
    """A role of a user, everywhere or at one site."""

    __tablename__ = "role_grant"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))

    user: Mapped[User] = relationship(back_populates="grants")

    __table_args__ = (CheckConstraint(f"role IN ({ROLE_NAMES})", name="role"),)


class UserSession(HasId, Base):
    """One sign-in. The browser holds a random key; here is its SHA-256."""

    __tablename__ = "user_session"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(200))


class Token(HasId, Base):
    """A bearer token of a machine. Shown once; here is its SHA-256."""

    __tablename__ = "token"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint(f"role IN ({ROLE_NAMES})", name="role"),)


class SignInFailure(HasId, Base):
    """A wrong password, kept while it counts towards a lock."""

    __tablename__ = "sign_in_failure"

    email_key: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_sign_in_failure_email", "email_key", "at"),
        Index("ix_sign_in_failure_address", "address", "at"),
    )


class AccessGrant(HasId, Base):
    """What someone who is not staff may see: a patient, one exam or one study; why; from and until when."""

    __tablename__ = "access_grant"

    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    token_id: Mapped[int | None] = mapped_column(ForeignKey("token.id"))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    requested_procedure_id: Mapped[int | None] = mapped_column(ForeignKey("requested_procedure.id"))
    study_id: Mapped[int | None] = mapped_column(BigId)
    why: Mapped[str] = mapped_column(String(200))
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (token_id IS NULL)", name="one_holder"),
        Index("ix_access_grant_user", "user_id", "patient_id"),
        Index("ix_access_grant_exam", "requested_procedure_id"),
        Index("ix_access_grant_patient", "patient_id"),
    )
