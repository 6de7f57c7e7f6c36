"""What modalities say that they did (MPPS, PS3.4 Annex F), and when they asked for work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.catalog.models import Device
from ris_pacs.kernel.db import Base, HasId, Json, UtcDateTime
from ris_pacs.orders.models import RequestedProcedure


class PerformedStep(HasId, Base):
    """A performed procedure step: one instance of the MPPS SOP class, or one that a technologist began by hand.

    identity: the patient as the device named it. discontinued_because: code and meaning of (0040,0281).
    """

    __tablename__ = "performed_step"

    sop_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    identifier: Mapped[str] = mapped_column(String(16), default="")
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    station_ae_title: Mapped[str] = mapped_column(String(16), default="")
    modality: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    discontinued_because: Mapped[str] = mapped_column(String(100), default="")
    description: Mapped[str] = mapped_column(String(64), default="")
    study_instance_uid: Mapped[str] = mapped_column(String(64), default="", index=True)
    identity: Mapped[Any] = mapped_column(Json, default=dict)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    device: Mapped[Device | None] = relationship()
    links: Mapped[list[PerformedStepLink]] = relationship(back_populates="performed_step")
    series: Mapped[list[PerformedSeries]] = relationship(order_by="PerformedSeries.id")

    __table_args__ = (CheckConstraint("state IN ('in progress', 'completed', 'discontinued')", name="state"),)


class PerformedStepLink(HasId, Base):
    """A performed step answers an exam, and a scheduled step of it where the device named one.

    how: by "accession", "step" (requested procedure and step id), "uid" or "person".
    """

    __tablename__ = "performed_step_link"

    performed_step_id: Mapped[int] = mapped_column(ForeignKey("performed_step.id"), index=True)
    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    scheduled_step_id: Mapped[int | None] = mapped_column(ForeignKey("scheduled_step.id"), index=True)
    how: Mapped[str] = mapped_column(String(12))

    performed_step: Mapped[PerformedStep] = relationship(back_populates="links")
    exam: Mapped[RequestedProcedure] = relationship()

    __table_args__ = (UniqueConstraint("performed_step_id", "requested_procedure_id", "scheduled_step_id"),)


class PerformedSeries(HasId, Base):
    """A series that the device says it made, with the list of its objects."""

    __tablename__ = "performed_series"

    performed_step_id: Mapped[int] = mapped_column(ForeignKey("performed_step.id"), index=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    description: Mapped[str] = mapped_column(String(64), default="")
    protocol: Mapped[str] = mapped_column(String(64), default="")

    objects: Mapped[list[PerformedObject]] = relationship(order_by="PerformedObject.id")

    __table_args__ = (UniqueConstraint("performed_step_id", "series_instance_uid"),)


class PerformedObject(HasId, Base):
    """An image or other object of a performed series."""

    __tablename__ = "performed_object"

    performed_series_id: Mapped[int] = mapped_column(ForeignKey("performed_series.id"), index=True)
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    sop_instance_uid: Mapped[str] = mapped_column(String(64), index=True)

    __table_args__ = (UniqueConstraint("performed_series_id", "sop_instance_uid"),)


class WorklistQuery(Base):
    """The last time that a device asked for its worklist, with its keys and the number of answers."""

    __tablename__ = "worklist_query"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    keys: Mapped[Any] = mapped_column(Json)
    answers: Mapped[int]
