"""The message console: what came and went, what is wrong, mending and sending again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app, render_template, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.field_names import field_kind
from ris_pacs.hl7.names import FieldRow, describe
from ris_pacs.hl7.paths import BadPath
from ris_pacs.hl7.reading import ParseFailure
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.tables import MessageIn, MessageOut
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.messages import queries, service
from ris_pacs.messages.errors import CannotMend
from ris_pacs.scheduling.rules import day_span
from ris_pacs.web import context, live, shell
from ris_pacs.web.answers import done, drawer_or_page
from ris_pacs.web.context import requires
from ris_pacs.web.words import local

blueprint = Blueprint("messages", __name__, url_prefix="/messages")

# Handles a mended message again; returns what is wrong with it now, or "". Given by bootstrap.
Replay = Callable[[int, Actor], str]
LONGEST_LINE = 4000
NOT_SHOWN = b"The text of a report is shown to those who may read reports."
REPORTS = ("ORU",)
STATES = {
    "accepted": "Accepted",
    "refused": "Refused",
    "trying": "Trying again",
    "dismissed": "Dismissed",
    "replayed": "Replayed",
}


@blueprint.get("")
@requires(Right.MESSAGES_VIEW)
def index() -> Response:
    return shell.render("messages/list.html", **_values(), drawer="")


@blueprint.get("/rows")
@requires(Right.MESSAGES_VIEW)
def rows() -> Response:
    """The inside of the list, for the page that keeps itself up to date."""
    also = (request.query_string.decode(), local(context.now()).strftime("%d"))
    if same := live.unchanged(["messages"], *also):
        return same
    template = "messages/cards.html" if request.args.get("as") == "cards" else "messages/rows.html"
    return live.tagged(render_template(template, **_values()), ["messages"], *also)


def _values() -> dict[str, Any]:
    today = day_span(local(context.now()).date(), context.site().zone).begins
    asked = {name: request.args.get(name, "") for name in ("q", "direction", "state", "all")}
    wanted = queries.MessageFilter(
        text=asked["q"].strip()[:100],
        direction=asked["direction"],
        state=asked["state"],
        since=None if asked["all"] else today,
    )
    with read_only(context.system()) as uow:
        return {
            "messages": queries.find(uow, wanted),
            "today": queries.count_since(uow, today),
            "refused": queries.count_refused(uow),
            "queues": queries.partner_queues(uow),
            "asked": asked,
            "states": STATES,
            "query": request.query_string.decode(),
            "chosen": "",
        }


@blueprint.get("/in/<int:message_id>")
@requires(Right.MESSAGES_VIEW)
def show_inward(message_id: int) -> Response:
    with read_only(context.system()) as uow:
        row = queries.inward(uow, message_id, context.actor())
    return _drawer(row, True)


@blueprint.get("/out/<int:message_id>")
@requires(Right.MESSAGES_VIEW)
def show_outward(message_id: int) -> Response:
    with read_only(context.system()) as uow:
        row = queries.outward(uow, message_id, context.actor())
    return _drawer(row, False)


def _drawer(row: MessageIn | MessageOut, inward: bool, problem: str = "") -> Response:
    raw = (row.mended or row.raw) if isinstance(row, MessageIn) else row.payload
    if row.kind.startswith(REPORTS) and not may(context.actor(), Right.REPORT_VIEW):
        raw = NOT_SHOWN
    problem_at = row.fault_at if isinstance(row, MessageIn) else None
    values = {
        "message": row,
        "inward": inward,
        "state": row.state if isinstance(row, MessageIn) else queries.STATES_OUT[row.state],
        "at": row.received_at if isinstance(row, MessageIn) else row.made_at,
        "partner": row.sender if isinstance(row, MessageIn) else row.destination,
        "fields": _fields(raw, problem_at),
        "raw": _marked(raw, problem_at),
        "answer": _text(row.answer),
        "problem": problem or row.error or "",
        "tab": request.args.get("show", "parsed"),
        "drawer": "messages/drawer.html",
        "close_url": "/messages",
        "fault_at": problem_at or "",
    }
    if request.headers.get("HX-Target", "").endswith("drawer-place"):
        return drawer_or_page("messages/drawer.html", "messages/list.html", **values)
    chosen = f"{'in' if inward else 'out'}-{row.id}"
    return drawer_or_page("messages/drawer.html", "messages/list.html", **{**_values(), **values, "chosen": chosen})


def _fields(raw: bytes, fault_at: str | None) -> list[FieldRow]:
    """The fields with their names, an empty one at fault first; nothing where the message cannot be read."""
    try:
        message = parse(raw)
        missing = [_empty(message, fault_at)] if fault_at and "-" in fault_at else []
    except (ParseFailure, BadPath):
        return []
    return [row for row in missing if row is not None] + describe(message)[:400]


def _empty(message: Message, path: str) -> FieldRow | None:
    """A line to fill in what the sender left out of a segment that is there."""
    element = message.at(path)
    place = element.path
    if element.has_value or not message[place.segment]:
        return None
    kind = field_kind(message.version, place.segment, place.field)
    return FieldRow(path, kind.name if kind else path, "", "")


def _text(raw: bytes | None) -> str:
    lines = (raw or b"").decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").strip("\n\x0b\x1c")
    return "\n".join(_shortened(line) for line in lines.split("\n"))


def _shortened(line: str) -> str:
    """A document inside a message is not for reading."""
    more = len(line) - LONGEST_LINE
    return f"{line[:LONGEST_LINE]} … {more:,} characters more" if more > 0 else line


def _marked(raw: bytes, fault_at: str | None) -> Markup:
    """The raw message, one segment a line, with the field at fault marked."""
    text = _text(raw)
    try:
        element = parse(raw).at(fault_at) if fault_at and "-" in fault_at else None
    except (ParseFailure, ValueError):
        element = None
    if element is None or not element.raw:
        return escape(text)
    segment = element.path.segment
    lines = [_mark(line, element.raw) if line.startswith(segment) else escape(line) for line in text.split("\n")]
    return Markup("\n").join(lines)


def _mark(line: str, value: str) -> Markup:
    before, found, after = line.partition(value)
    if not found:
        return escape(line)
    return escape(before) + Markup("<mark>") + escape(found) + Markup("</mark>") + escape(after)


@blueprint.post("/in/<int:message_id>/replay")
@requires(Right.MESSAGES_MEND)
def replay(message_id: int) -> Response:
    """Save what was mended and handle the message again."""
    fields = {name: value for name, value in request.form.items() if "-" in name and name[:3].isupper()}
    with unit_of_work(context.system()) as uow:
        service.mend(uow, message_id, fields, context.actor())
    again: Replay = current_app.extensions["ris_pacs_replay"]
    problem = again(message_id, context.actor())
    if problem:
        raise CannotMend(f"Still refused: {problem}")
    return done("Replayed and accepted", f"/messages/in/{message_id}")


@blueprint.post("/in/<int:message_id>/dismiss")
@requires(Right.MESSAGES_MEND)
def dismiss(message_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.dismiss(uow, message_id, context.actor())
    return done("Dismissed", "/messages")


@blueprint.post("/out/<int:message_id>/send")
@requires(Right.MESSAGES_MEND)
def send_again(message_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.send_again(uow, message_id, context.actor())
    return done("It is sent again", f"/messages/out/{message_id}")
