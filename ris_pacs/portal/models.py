"""Codes by which patients make their own account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ris_pacs.kernel.db import Base, HasId, UtcDateTime


class PortalCode(HasId, Base):
    """Handed to a patient at the desk; here is its SHA-256. failures: wrong birth dates that were given with it."""

    __tablename__ = "portal_code"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(200))
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
