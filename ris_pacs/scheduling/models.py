"""Steps of exams with their time and place, and what they occupy."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, String, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ris_pacs.catalog.models import Device, Resource
from ris_pacs.kernel.db import Base, HasId, UtcDateTime
from ris_pacs.orders.models import RequestedProcedure
from ris_pacs.scheduling.rules import StepState

STATE_NAMES = ", ".join(f"'{state}'" for state in StepState)


class ScheduledStep(HasId, Base):
    """A scheduled procedure step (PS3.4 K.2). identifier: Scheduled Procedure Step ID (0040,0009).

    starts_at and room_id are empty while it waits to be scheduled; waiting_because says why, when a message
    asked for a time that could not be used.
    """

    __tablename__ = "scheduled_step"

    requested_procedure_id: Mapped[int] = mapped_column(ForeignKey("requested_procedure.id"), index=True)
    identifier: Mapped[str] = mapped_column(String(16), unique=True)
    modality: Mapped[str] = mapped_column(String(16))
    minutes: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default=StepState.WAITING)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("resource.id"))
    protocol: Mapped[str] = mapped_column(String(200), default="")
    wished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waiting_because: Mapped[str] = mapped_column(String(200), default="")

    exam: Mapped[RequestedProcedure] = relationship()
    room: Mapped[Resource | None] = relationship()
    stations: Mapped[list[StepStation]] = relationship(order_by="StepStation.device_id", cascade="all, delete-orphan")

    __table_args__ = (
        CheckConstraint(f"state IN ({STATE_NAMES})", name="state"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        Index("ix_scheduled_step_day", "starts_at", "state"),
        Index("ix_scheduled_step_room_day", "room_id", "starts_at"),
        Index("ix_scheduled_step_waiting", "state", "id"),
    )


class StepStation(Base):
    """A device on whose worklist a step stands."""

    __tablename__ = "scheduled_step_station"

    step_id: Mapped[int] = mapped_column(ForeignKey("scheduled_step.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)

    device: Mapped[Device] = relationship()


class ResourceBooking(HasId, Base):
    """A resource that is taken, from begins_at until before ends_at.

    kind: two exclusive bookings of one resource never overlap, which the database itself refuses; an overbooked
    one may, and carries the reason.
    """

    __tablename__ = "resource_booking"

    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"))
    step_id: Mapped[int] = mapped_column(ForeignKey("scheduled_step.id"), index=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(12), default="exclusive")
    reason: Mapped[str] = mapped_column(String(200), default="")
    by: Mapped[str] = mapped_column(String(200))

    __table_args__ = (
        CheckConstraint("begins_at < ends_at", name="span"),
        CheckConstraint("kind IN ('exclusive', 'overbooked')", name="kind"),
        CheckConstraint("kind = 'exclusive' OR reason <> ''", name="overbooked_with_reason"),
        Index("ix_resource_booking_span", "resource_id", "begins_at", "ends_at"),
    )


NO_OVERLAP_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER TABLE resource_booking ADD CONSTRAINT ex_resource_booking_no_overlap EXCLUDE USING gist "
    "(resource_id WITH =, int8range(begins_at, ends_at) WITH &&) WHERE (kind = 'exclusive')",
)
_OVERLAP_SQLITE = """
CREATE TRIGGER resource_booking_no_overlap_{when} BEFORE {action} ON resource_booking
WHEN NEW.kind = 'exclusive' AND EXISTS (
    SELECT 1 FROM resource_booking b WHERE b.resource_id = NEW.resource_id AND b.kind = 'exclusive'
    AND b.begins_at < NEW.ends_at AND NEW.begins_at < b.ends_at AND b.id IS NOT NEW.id)
BEGIN SELECT RAISE(ABORT, 'resource_booking_no_overlap'); END
"""
NO_OVERLAP_SQLITE = (
    _OVERLAP_SQLITE.format(when="insert", action="INSERT"),
    _OVERLAP_SQLITE.format(when="update", action="UPDATE"),
)

for _dialect, _statements in (("postgresql", NO_OVERLAP_POSTGRESQL), ("sqlite", NO_OVERLAP_SQLITE)):
    for _statement in _statements:
        event.listen(
            ResourceBooking.__table__,
            "after_create",
            DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )
