"""The live board of the day, at a desk, on a phone and on the wall."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.rules import WORDS, ExamState
from ris_pacs.tracking.queries import board as queries
from ris_pacs.web import context, live, shell
from ris_pacs.web.answers import csv_file
from ris_pacs.web.context import requires
from ris_pacs.web.words import iso_stamp, local

blueprint = Blueprint("board", __name__)


@blueprint.get("/board")
@requires(Right.BOARD_VIEW)
def index() -> Response:
    return shell.render("tracking/board.html", **_values())


@blueprint.get("/board/rows")
@requires(Right.BOARD_VIEW)
def rows() -> Response:
    """The inside of the list, for the page that keeps itself up to date."""
    minute = local(context.now()).strftime("%d %H:%M")
    also = (request.query_string.decode(), minute)
    if same := live.unchanged(_topics(), *also):
        return same
    template = "tracking/cards.html" if request.args.get("as") == "cards" else "tracking/rows.html"
    return live.tagged(render_template(template, **_values()), _topics(), *also)


@blueprint.get("/board/counts")
@requires(Right.BOARD_VIEW)
def counts() -> Response:
    """How many are where, for the strip above the list."""
    also = (request.query_string.decode(), local(context.now()).strftime("%d"))
    if same := live.unchanged(_topics(), *also):
        return same
    return live.tagged(render_template("tracking/counts.html", **_values()), _topics(), *also)


@blueprint.get("/board/wall")
@requires(Right.BOARD_VIEW)
def wall() -> Response:
    """For a screen in the waiting room: numbers instead of names."""
    return shell.render("tracking/wall.html", **_values())


@blueprint.get("/board/wall/columns")
@requires(Right.BOARD_VIEW)
def wall_columns() -> Response:
    minute = local(context.now()).strftime("%d %H:%M")
    if same := live.unchanged(_topics(), "wall", minute):
        return same
    return live.tagged(render_template("tracking/wall_columns.html", **_values()), _topics(), "wall", minute)


@blueprint.get("/board.csv")
@requires(Right.BOARD_VIEW)
def as_csv() -> Response:
    shown = _values()["rows"]
    head = ("Time", "Patient", "MRN", "Exam", "Room", "State", "Since", "Waiting, min", "Accession number", "Note")
    return csv_file(
        "board",
        head,
        (
            (
                iso_stamp(row.step.starts_at),
                row.step.exam.patient.name.shown,
                row.step.exam.patient.mrn,
                row.step.exam.title,
                row.step.room,
                WORDS[ExamState(row.step.exam.state)],
                iso_stamp(row.since),
                row.waiting,
                row.step.exam.accession_number,
                row.note,
            )
            for row in shown
        ),
    )


def _topics() -> list[str]:
    return [f"site:{context.site().id}"]


def _today() -> date:
    return local(context.now()).date()


def _values() -> dict[str, Any]:
    here = context.site()
    with read_only(context.system()) as uow:
        whole = queries.board(uow, here.id, _today(), here.zone, context.actor())
    chosen = request.args.get("state", "")
    room = request.args.get("room", "")
    building = request.args.get("all", "") != "1" and not chosen
    rows = [row for row in whole.rows if _wanted(row, chosen, room, building)]
    return {
        "rows": rows,
        "total": len(whole.rows),
        "columns": [(str(state), whole.counts.get(state, 0)) for state in queries.COLUMNS],
        "chosen": chosen,
        "room": room,
        "building": building,
        "rooms": sorted({row.step.room for row in whole.rows if row.step.room}),
        "by_state": {
            str(state): [row for row in whole.rows if row.step.exam.state == state and not row.earlier]
            for state in queries.COLUMNS
        },
        "query": request.query_string.decode(),
    }


def _wanted(row: queries.BoardRow, chosen: str, room: str, building: bool) -> bool:
    state = ExamState(row.step.exam.state)
    if room and row.step.room != room:
        return False
    if chosen:
        return state == chosen
    return not building or (state in queries.IN_THE_BUILDING and not row.earlier)
