"""The calendar: a day by room, drawn by the server on a grid of five minutes."""

from __future__ import annotations

import calendar as month_calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.rules import OVER, WORDS, ExamState
from ris_pacs.scheduling import queries, rules
from ris_pacs.scheduling.queries import RoomDay, StepRow
from ris_pacs.scheduling.service.booking import overlapping
from ris_pacs.web import context, live, shell
from ris_pacs.web.asking import day_asked, id_in
from ris_pacs.web.context import requires
from ris_pacs.web.words import local

blueprint = Blueprint("calendar", __name__, url_prefix="/schedule")

FIRST_HOUR, LAST_HOUR = 7, 20
ROW_MINUTES = 5
MOST_LANES = 3
SUNDAY = 6
KINDS = {"CR": "X-ray", "MG": "Mammo", "NM": "Nuclear"}
"""Short words for the heads of columns; the catalogue has the long ones."""
MOVABLE = frozenset({ExamState.SCHEDULED})


@dataclass(frozen=True)
class Slot:
    """One exam in the calendar; see templates/parts/calendar.html."""

    id: int
    url: str
    name: str
    exam: str
    state: str
    row: int
    span: int
    column: int
    words: str
    warning: str
    selected: bool
    move_url: str
    off: bool
    lane: str = ""


@dataclass(frozen=True)
class Blocked:
    row: int
    span: int
    column: int
    words: str


@dataclass(frozen=True)
class Room:
    name: str
    kind: str
    load: str


def topics() -> list[str]:
    return [f"site:{context.site().id}"]


@blueprint.get("")
@requires(Right.SCHEDULE_VIEW)
def index() -> Response:
    return shell.render("scheduling/calendar.html", **page_values(), drawer="")


def page_values(selected: int | None = None) -> dict[str, Any]:
    """What the calendar page is drawn from; pages that open a drawer over it use the same."""
    day = day_asked()
    modality = request.args.get("modality", "")
    days = _read(day, modality)
    with read_only(context.system()) as uow:
        waiting = queries.count_waiting(uow, context.site().id)
    today = local(context.now()).date()
    first, last = _span_of(days)
    return {
        "day": day,
        "today": today,
        "previous": day - timedelta(days=1),
        "following": day + timedelta(days=1),
        "rooms": [Room(one.name, _kind(one.modality), f"{one.used:.0%}".replace("%", " %")) for one in days],
        "slots": _slots(day, days, first, selected),
        "blocked": _blocked(days, first, last),
        "rows": (last - first) // ROW_MINUTES,
        "starts": first,
        "hours": [
            ((hour * 60 - first) // ROW_MINUTES, f"{hour:02}:00") for hour in range(first // 60 + 1, last // 60 + 1)
        ],
        "now": _now_row(day, first, last),
        "past": _past_rows(day, first, last),
        "exams": sum(len(one.steps) for one in days),
        "waiting": waiting,
        "query": f"day={day.isoformat()}" + (f"&modality={modality}" if modality else ""),
        "month": _month(day, today),
    }


def _kind(modality: str) -> str:
    return KINDS.get(modality) or MODALITIES.get(modality, modality)


def _month(chosen: date, today: date) -> dict[str, Any]:
    """The month around the chosen day, for the menu to jump to another."""
    first = chosen.replace(day=1)
    weeks = [
        [
            {
                "day": one.day,
                "url": f"/schedule?day={one.isoformat()}",
                "words": f"{one:%B %Y}",
                "chosen": one == chosen,
                "today": one == today,
                "outside": one.month != chosen.month,
            }
            for one in week
        ]
        for week in month_calendar.Calendar(SUNDAY).monthdatescalendar(chosen.year, chosen.month)
    ]
    return {
        "word": f"{chosen:%B %Y}",
        "weeks": weeks,
        "before": f"/schedule?day={(first - timedelta(days=1)).replace(day=1).isoformat()}",
        "after": f"/schedule?day={(first + timedelta(days=31)).replace(day=1).isoformat()}",
    }


@blueprint.get("/slots")
@requires(Right.SCHEDULE_VIEW)
def slots() -> Response:
    """The inside of the calendar, for the page that keeps itself up to date."""
    also = (request.query_string.decode(), local(context.now()).date())
    if same := live.unchanged(topics(), *also):
        return same
    day = day_asked()
    days = _read(day, request.args.get("modality", ""))
    first, last = _span_of(days)
    body = render_template(
        "scheduling/slots.html", slots=_slots(day, days, first, None), blocked=_blocked(days, first, last)
    )
    return live.tagged(body, topics(), *also)


@blueprint.get("/check")
@requires(Right.SCHEDULE_VIEW)
def check() -> Response:
    """Whether a step that is being carried fits where it is: {"fits": …, "words": …}."""
    day = day_asked()
    step_id, room_name, start = (request.args.get(name, "") for name in ("slot", "room", "start"))
    with read_only(context.system()) as uow:
        row = queries.step_row(uow, id_in(step_id) or 0, context.actor())
        room = room_by_name(uow, room_name)
        begins_at = rules.at_local(day, minutes_of(start), context.site().zone)
        ends_at = begins_at + timedelta(minutes=row.minutes)
        taken = overlapping(uow, room.id, begins_at, ends_at) and not (
            row.room_id == room.id and row.starts_at is not None and begins_at == row.starts_at
        )
        other = room.modality != row.exam.modality
    words = f"{room.name} has no {row.exam.modality}" if other else "taken" if taken else "fits"
    return jsonify(fits=not (taken or other), words=words)


def room_by_name(uow: Any, name: str) -> Any:
    """Raises Invalid."""
    found = [room for room in catalog.rooms(uow, context.site().id) if room.name == name]
    if not found:
        raise Invalid(f"There is no room {name!r} at this site.", "room")
    return found[0]


def minutes_of(text: str) -> int:
    """ "13:45" → minutes after midnight. Raises Invalid."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        raise Invalid(f"{text[:20]!r} is not a time of day.", "starts_at")
    return int(found[1]) * 60 + int(found[2])


def _read(day: date, modality: str) -> list[RoomDay]:
    with read_only(context.system()) as uow:
        site = catalog.site(uow, context.site().id)
        return queries.day_of_site(uow, site, day, context.actor(), modality)


def _span_of(days: Sequence[RoomDay]) -> tuple[int, int]:
    """The minutes of the day to show: opening hours, stretched to what is booked."""
    first, last = FIRST_HOUR * 60, LAST_HOUR * 60
    for step in (step for one in days for step in one.steps):
        begins = _minute(step)
        first = min(first, begins // 60 * 60)
        last = max(last, min(1440, -(-(begins + step.minutes) // 60) * 60))
    return first, last


def _minute(step: StepRow) -> int:
    assert step.starts_at is not None
    return rules.minute_of_day(step.starts_at, context.site().zone)


def _slots(day: date, days: Sequence[RoomDay], first: int, selected: int | None) -> list[Slot]:
    return [
        slot
        for column, one in enumerate(days, start=1)
        for slot in _beside([_slot(step, day, column, first, selected) for step in one.steps])
    ]


def _beside(slots: list[Slot]) -> Iterator[Slot]:
    """Slots of one room; those that lie at one time get a lane each, up to three."""
    together: list[Slot] = []
    for slot in sorted(slots, key=lambda one: (one.row, one.id)):
        if together and slot.row >= max(one.row + one.span for one in together):
            yield from _in_lanes(together)
            together = []
        together.append(slot)
    yield from _in_lanes(together)


def _in_lanes(together: list[Slot]) -> Iterator[Slot]:
    """Each in the first lane that is free by then."""
    ends: list[int] = []
    lanes = []
    for slot in together:
        lane = next((number for number, end in enumerate(ends) if end <= slot.row), len(ends))
        ends[lane : lane + 1] = [slot.row + slot.span]
        lanes.append(lane)
    count = min(len(ends), MOST_LANES)
    for slot, lane in zip(together, lanes, strict=True):
        yield replace(slot, lane=f"{count}-{min(lane, count - 1)}" if count > 1 else "")


def _slot(step: StepRow, day: date, column: int, first: int, selected: int | None) -> Slot:
    begins = _minute(step)
    state = ExamState(step.exam.state)
    until = f"{(begins + step.minutes) // 60 % 24:02}:{(begins + step.minutes) % 60:02}"
    words = f"{begins // 60:02}:{begins % 60:02} to {until}, {step.exam.title}, {WORDS[state]}"
    if step.overbooked:
        words += f", overbooked: {step.overbooked}"
    movable = state in MOVABLE
    return Slot(
        id=step.id,
        url=f"/schedule/steps/{step.id}?day={request.args.get('day', '')}",
        name=step.exam.patient.name.shown,
        exam=step.exam.title,
        state=step.exam.state,
        row=(begins - first) // ROW_MINUTES,
        span=max(3, step.minutes // ROW_MINUTES),
        column=column,
        words=words,
        warning="alert-triangle" if step.overbooked else "",
        selected=step.id == selected,
        move_url=f"/schedule/steps/{step.id}/move?day={day.isoformat()}" if movable else "",
        off=state in OVER and state is not ExamState.FINAL,
    )


def _blocked(days: Sequence[RoomDay], first: int, last: int) -> list[Blocked]:
    found = []
    for column, one in enumerate(days, start=1):
        for closed in one.closed:
            begins, ends = max(closed.begins, first), min(closed.ends, last)
            if begins < ends:
                row, span = (begins - first) // ROW_MINUTES, (ends - begins) // ROW_MINUTES
                found.append(Blocked(row, span, column, closed.label))
    return found


def _now_row(day: date, first: int, last: int) -> tuple[int, str] | None:
    there = local(context.now())
    minute = there.hour * 60 + there.minute
    if there.date() != day or not first <= minute < last:
        return None
    return (minute - first) // ROW_MINUTES, f"{there:%H:%M}"


def _past_rows(day: date, first: int, last: int) -> int:
    there = local(context.now())
    if day > there.date():
        return 0
    minute = last if day < there.date() else min(max(there.hour * 60 + there.minute, first), last)
    return (minute - first) // ROW_MINUTES
