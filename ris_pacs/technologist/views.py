"""The technologist's day: one room's list, and beginning and finishing exams by hand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries.progress import series_progress
from ris_pacs.archive.service import complete
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients import queries as patients
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.technologist import queries
from ris_pacs.web import context, live, shell
from ris_pacs.web.answers import done, drawer_or_page
from ris_pacs.web.asking import own_page
from ris_pacs.web.context import requires
from ris_pacs.web.words import local
from ris_pacs.worklist import queries as worklist
from ris_pacs.worklist import service

blueprint = Blueprint("technologist", __name__, url_prefix="/technologist")


def _topics() -> list[str]:
    return [f"site:{context.site().id}"]


@blueprint.get("")
@requires(Right.EXAM_PERFORM)
def index() -> Response:
    return shell.render("technologist/room.html", **_values(), drawer="")


@blueprint.get("/rows")
@requires(Right.EXAM_PERFORM)
def rows() -> Response:
    """The inside of the list, for the page that keeps itself up to date."""
    also = (request.query_string.decode(), local(context.now()).strftime("%d"))
    if same := live.unchanged(_topics(), *also):
        return same
    template = "technologist/cards.html" if request.args.get("as") == "cards" else "technologist/rows.html"
    return live.tagged(render_template(template, **_values()), _topics(), *also)


def _values() -> dict[str, Any]:
    here = context.site()
    with read_only(context.system()) as uow:
        found = queries.room_list(
            uow,
            here.id,
            request.args.get("room", ""),
            local(context.now()).date(),
            here.zone,
            context.actor(),
        )
    return {"list": found, "room": found.room.name if found.room else "", "chosen": 0}


@blueprint.get("/steps/<int:step_id>")
@requires(Right.EXAM_PERFORM)
def show(step_id: int) -> Response:
    """The exam on the table: what is to be done, and what the scanner has sent."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        step = scheduling.step_row(uow, step_id, actor)
        order = orders.exam_order(uow, step.exam.id, actor)
        patient = patients.view_patient(uow, order.patient_id, actor)
        performed = worklist.steps_of_exam(uow, step.exam.id)
        progress = series_progress(uow, performed)
        images = archive.image_count(uow, step.exam.id)
    values = {
        "step": step,
        "order": order,
        "patient": patient,
        "performed": performed,
        "progress": progress,
        "images": images,
        "can": _possible(step.exam.state, bool(performed)),
        "close_url": f"/technologist?room={step.room}",
        "drawer": "technologist/step_drawer.html",
    }
    if request.headers.get("HX-Target", "").endswith("drawer-place"):
        return drawer_or_page("technologist/step_drawer.html", "technologist/room.html", **values)
    return drawer_or_page("technologist/step_drawer.html", "technologist/room.html", **{**_values(), **values})


def _possible(state: str, by_device: bool) -> set[str]:
    """What may be done by hand. A device that reports by MPPS ends its own steps."""
    if state in (ExamState.SCHEDULED, ExamState.ARRIVED):
        return {"begin"}
    if state == ExamState.IN_PROGRESS:
        return {"finish", "stop"}
    return {"read"} if state in (ExamState.PERFORMED, ExamState.DISCONTINUED) else set()


@blueprint.post("/exams/<int:exam_id>/begin")
@requires(Right.EXAM_PERFORM)
def begin(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.begin_by_hand(uow, exam_id, context.actor())
    return done("The exam has begun", _back())


@blueprint.post("/exams/<int:exam_id>/finish")
@requires(Right.EXAM_PERFORM)
def finish(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.finish_by_hand(uow, exam_id, context.actor())
        complete.complete_by_hand(uow, exam_id, context.actor())
    return done("The exam is performed", _back())


@blueprint.post("/exams/<int:exam_id>/stop")
@requires(Right.EXAM_PERFORM)
def stop(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.stop_by_hand(uow, exam_id, request.form.get("reason", "")[:200], context.actor())
    return done("The exam is discontinued", _back())


@blueprint.post("/exams/<int:exam_id>/read")
@requires(Right.EXAM_PERFORM)
def read(exam_id: int) -> Response:
    """Read what is there, though images are missing."""
    with unit_of_work(context.system()) as uow:
        complete.read_what_is_there(uow, exam_id, "read what is there", context.actor())
    return done("The exam goes to reading", _back())


def _back() -> str:
    return own_page(request.form.get("back"), "/technologist")
