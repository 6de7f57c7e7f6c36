"""What is done with one booked or waiting exam: drawers over the calendar, and their buttons."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import ExamState
from ris_pacs.orders.service import change
from ris_pacs.scheduling import queries, rules
from ris_pacs.scheduling.forms import ReasonForm
from ris_pacs.scheduling.service import booking, desk
from ris_pacs.scheduling.views import calendar
from ris_pacs.web import context
from ris_pacs.web.answers import done, drawer_or_page
from ris_pacs.web.asking import YEARS, day_asked, id_in, own_page, today
from ris_pacs.web.context import requires
from ris_pacs.web.words import day as day_words
from ris_pacs.web.words import local, weekday

blueprint = Blueprint("steps", __name__, url_prefix="/schedule")

SLOTS_OFFERED = 9


@blueprint.get("/steps/<int:step_id>")
@requires(Right.SCHEDULE_VIEW)
def show(step_id: int) -> Response:
    """The exam behind a slot, with what can be done now."""
    with read_only(context.system()) as uow:
        row = queries.step_row(uow, step_id, context.actor())
        order = orders.exam_order(uow, row.exam.id, context.actor())
    return _drawer("scheduling/step_drawer.html", row, order=order, form=ReasonForm())


@blueprint.get("/waiting")
@requires(Right.SCHEDULE_VIEW)
def waiting() -> Response:
    """Exams that have no time yet."""
    with read_only(context.system()) as uow:
        rows = queries.waiting(uow, context.site().id, context.actor())
    return _over_calendar("scheduling/waiting_drawer.html", unbooked=rows)


@blueprint.get("/steps/<int:step_id>/find")
@requires(Right.SCHEDULE_BOOK)
def find(step_id: int) -> Response:
    """Free times for an exam."""
    with read_only(context.system()) as uow:
        row = queries.step_row(uow, step_id, context.actor())
        offers = offered(uow, row.exam.modality, row.minutes, row.starts_at)
    return _drawer("scheduling/find_drawer.html", row, offers=offers, search=_search_values())


def _search_values() -> dict[str, object]:
    return {"from": _from_day(), "part": request.args.get("part", "any")}


def offered(uow: Any, modality: str, minutes: int, chosen: Any = None) -> list[dict[str, object]]:
    """Free slots as `offers` of templates/parts/choice.html shows them."""
    part = request.args.get("part", "any")
    slots = queries.free_slots(
        uow,
        queries.SlotSearch(
            context.site().id,
            modality,
            minutes,
            _from_day(),
            part if part in rules.TIMES_OF_DAY else "any",
        ),
        SLOTS_OFFERED,
    )
    return [
        {
            "value": f"{slot.room_id}@{slot.starts_at.isoformat()}",
            "day": "Today" if local(slot.starts_at).date() == today() else weekday(slot.starts_at)[:-5],
            "time": f"{local(slot.starts_at):%H:%M}–{local(slot.ends_at):%H:%M}",
            "text": slot.room,
            "chosen": slot.starts_at == chosen,
        }
        for slot in slots
    ]


def _from_day() -> date:
    return max(today(), day_asked("from"))


@blueprint.post("/steps/<int:step_id>/book")
@requires(Right.SCHEDULE_BOOK)
def book(step_id: int) -> Response:
    room_id, starts_at = read_slot(request.form.get("slot", ""))
    with unit_of_work(context.system()) as uow:
        step = booking.book(uow, booking.Booking(step_id, room_id, starts_at), context.actor())
        starts_at = step.starts_at or starts_at
    words = f"Booked {weekday(starts_at)}, {local(starts_at):%H:%M}"
    return done(words, to_day(local(starts_at).date()), f"/schedule/steps/{step_id}/unbook")


def read_slot(text: str) -> tuple[int, datetime]:
    """ "3@2026-11-24T19:00:00+00:00" → room and instant. Raises Invalid."""
    room, _, instant = text.partition("@")
    room_id = id_in(room)
    try:
        starts_at = datetime.fromisoformat(instant)
    except ValueError:
        starts_at = None
    if room_id is None or starts_at is None or starts_at.tzinfo is None or starts_at.year not in YEARS:
        raise Invalid("Choose one of the offered times.", "slot")
    return room_id, starts_at


@blueprint.post("/steps/<int:step_id>/move")
@requires(Right.SCHEDULE_BOOK)
def move(step_id: int) -> Response:
    """Dragged, or carried by keyboard, to another time or room: room=MR1&start=13:45."""
    day = day_asked()
    with unit_of_work(context.system()) as uow:
        before = queries.step_row(uow, step_id, context.actor())
        room = calendar.room_by_name(uow, request.form.get("room", ""))
        minutes = calendar.minutes_of(request.form.get("start", ""))
        starts_at = rules.at_local(day, minutes, context.site().zone)
        request_ = booking.Booking(step_id, room.id, starts_at, request.form.get("overbook", ""))
        booking.book(uow, request_, context.actor())
    name = before.exam.patient.name.shown
    undo = ""
    if before.starts_at is not None:
        undo = f"/schedule/steps/{step_id}/back?to={before.room_id}@{before.starts_at.isoformat()}".replace("+", "%2B")
    return done(f"{name} moved to {local(starts_at):%H:%M} in {room.name}", to_day(day), undo)


@blueprint.post("/steps/<int:step_id>/back")
@requires(Right.SCHEDULE_BOOK)
def move_back(step_id: int) -> Response:
    """Undo a move."""
    room_id, starts_at = read_slot(request.args.get("to", ""))
    with unit_of_work(context.system()) as uow:
        booking.book(uow, booking.Booking(step_id, room_id, starts_at), context.actor())
    return done("Moved back", to_day(local(starts_at).date()))


@blueprint.post("/steps/<int:step_id>/unbook")
@requires(Right.SCHEDULE_BOOK)
def unbook(step_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        step = booking.unbook(uow, step_id, context.actor())
        name = queries.step_row(uow, step.id, context.actor()).exam.patient.name.shown
    return done(f"{name} waits for another time", back())


@blueprint.post("/exams/<int:exam_id>/check-in")
@requires(Right.CHECK_IN)
def check_in(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        desk.check_in(uow, exam_id, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} is checked in", back(), f"/schedule/exams/{exam_id}/undo-check-in")


@blueprint.post("/exams/<int:exam_id>/undo-check-in")
@requires(Right.CHECK_IN)
def undo_check_in(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        desk.undo_check_in(uow, exam_id, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} is not checked in", back())


@blueprint.post("/exams/<int:exam_id>/no-show")
@requires(Right.CHECK_IN)
def no_show(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        desk.mark_no_show(uow, exam_id, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} did not come", back(), f"/schedule/exams/{exam_id}/reinstate")


@blueprint.post("/exams/<int:exam_id>/left")
@requires(Right.CHECK_IN)
def left(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        desk.mark_left(uow, exam_id, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} left without the exam", back(), f"/schedule/exams/{exam_id}/reinstate")


@blueprint.post("/exams/<int:exam_id>/reinstate")
@requires(Right.ORDER_PLACE)
def reinstate(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        change.reinstate_exam(uow, exam_id, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} waits for a time", back())


@blueprint.post("/exams/<int:exam_id>/cancel")
@requires(Right.ORDER_CANCEL)
def cancel(exam_id: int) -> Response:
    form = ReasonForm()
    if not form.validate_on_submit():
        raise Invalid("Why is it cancelled? A reason is needed.", "reason")
    with unit_of_work(context.system()) as uow:
        order = orders.exam_order(uow, exam_id, context.actor())
        change.cancel_order(uow, order.id, form.reason.data, context.actor())
        name = _name(uow, exam_id)
    return done(f"{name} is cancelled", back(), f"/schedule/exams/{exam_id}/reinstate")


def _name(uow: Any, exam_id: int) -> str:
    row = orders.exam_rows(uow, [exam_id], context.actor()).get(exam_id)
    return row.patient.name.shown if row else "The exam"


def back() -> str:
    """The page that the button was on."""
    return own_page(request.form.get("back"), "/schedule")


def to_day(day: date) -> str:
    return f"/schedule?day={day.isoformat()}"


def _drawer(template: str, row: queries.StepRow, **values: Any) -> Response:
    values |= {"step": row, "can": _possible(row), "day_words": day_words}
    return _over_calendar(template, selected=row.id, **values)


def _over_calendar(template: str, selected: int | None = None, **values: Any) -> Response:
    close = to_day(day_asked()) if request.args.get("day") else "/schedule"
    values |= {"drawer": template, "close_url": close}
    if request.headers.get("HX-Target", "").endswith("drawer-place"):
        return drawer_or_page(template, "scheduling/calendar.html", **values)
    return drawer_or_page(template, "scheduling/calendar.html", **calendar.page_values(selected), **values)


def _possible(row: queries.StepRow) -> set[str]:
    """What the buttons of the drawer may offer in the exam's state."""
    state = ExamState(row.exam.state)
    late = row.starts_at is not None and context.now() > row.starts_at + timedelta(minutes=5)
    return {
        ExamState.REQUESTED: {"book", "cancel"},
        ExamState.SCHEDULED: {"check-in", "move", "unbook", "cancel", "label"} | ({"no-show"} if late else set()),
        ExamState.ARRIVED: {"undo-check-in", "left", "cancel", "label"},
        ExamState.CANCELLED: {"reinstate"},
        ExamState.NO_SHOW: {"reinstate"},
        ExamState.LEFT: {"reinstate"},
        ExamState.DISCONTINUED: {"book", "cancel"},
    }.get(state, {"label"})
