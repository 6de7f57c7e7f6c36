"""The list of a room for the day, with what the scanner has sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from ris_pacs.archive import queries as archive
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import Actor
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.worklist import queries as worklist

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ris_pacs.catalog.models import Resource
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class RoomRow:
    """listed: images that the scanner says it made; 0 where it does not say."""

    step: scheduling.StepRow
    received: int
    listed: int


@dataclass(frozen=True)
class RoomList:
    """asked_at: when a device of the room last asked for its worklist."""

    room: Resource | None
    rooms: Sequence[Resource]
    rows: Sequence[RoomRow]
    asked_at: datetime | None
    asked_answers: int


def room_list(uow: UnitOfWork, site_id: int, name: str, day: date, zone: ZoneInfo, actor: Actor) -> RoomList:
    """The exams of one room on a day, by time; the first room when the name is not known."""
    rooms = catalog.rooms(uow, site_id)
    room = next((one for one in rooms if one.name == name), rooms[0] if rooms else None)
    if room is None:
        return RoomList(None, [], [], None, 0)
    steps = [step for step in scheduling.steps_of_day(uow, site_id, day, zone, actor) if step.room_id == room.id]
    exam_ids = [step.exam.id for step in steps]
    received = archive.image_counts(uow, exam_ids)
    listed = archive.listed_counts(uow, exam_ids)
    asked = worklist.last_query(uow, [device.id for device in catalog.devices_of_room(uow, room.id)])
    return RoomList(
        room=room,
        rooms=rooms,
        rows=[RoomRow(step, received.get(step.exam.id, 0), listed.get(step.exam.id, 0)) for step in steps],
        asked_at=asked.at if asked else None,
        asked_answers=asked.answers if asked else 0,
    )
