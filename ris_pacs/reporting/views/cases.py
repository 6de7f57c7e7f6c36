"""The reading list, and the way to the next case."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders.rules import PRIORITIES
from ris_pacs.reporting import queries
from ris_pacs.reporting.rules import states
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.views import asked
from ris_pacs.web import context, live, shell
from ris_pacs.web.answers import say
from ris_pacs.web.asking import id_in
from ris_pacs.web.context import requires
from ris_pacs.web.words import local

blueprint = Blueprint("reading", __name__, url_prefix="/reading")

_LISTED = (*states.READABLE, *states.TO_COSIGN)
STATES = dict(zip(map(str, _LISTED), ("Unread", "Being read", "To co-sign"), strict=True))
TEMPLATES = {"cards": "reporting/cards.html", "strip": "reporting/strip.html"}


@blueprint.get("")
@requires(Right.READ_EXAMS)
def index() -> Response:
    return shell.render("reporting/list.html", **list_values())


@blueprint.get("/rows")
@requires(Right.READ_EXAMS)
def rows() -> Response:
    """The inside of the list, for the pages that keep themselves up to date."""
    topics = [f"site:{context.site().id}"]
    also = (request.query_string.decode(), local(context.now()).strftime("%d %H:%M"))
    if same := live.unchanged(topics, *also):
        return same
    template = TEMPLATES.get(request.args.get("as", ""), "reporting/rows.html")
    return live.tagged(render_template(template, **list_values()), topics, *also)


def list_values(limit: int = 100) -> dict[str, Any]:
    """What the list shows. filters: its filters as an address keeps them."""
    modality, state = asked.modality(), request.args.get("state", "")
    state = state if state in STATES else ""
    with read_only(context.system()) as uow:
        found = queries.to_read(uow, context.actor(), modality, state, limit)
        total = queries.count_listed(uow, modality, state)
    return {
        "exams": found,
        "total": total,
        "modality": modality,
        "state": state,
        "states": STATES,
        "filters": urlencode({key: value for key, value in (("modality", modality), ("state", state)) if value}),
        "here": id_in(request.args.get("here")) or 0,
        "modalities": MODALITIES,
        "priorities": PRIORITIES,
        "now": context.now(),
    }


@blueprint.post("/next")
@requires(Right.REPORT_WRITE)
def next_case() -> Response:
    """The most urgent exam that nobody reads is the reader's."""
    return to_next(id_in(request.form.get("after")) or 0)


def to_next(after: int) -> Response:
    modality = asked.modality()
    with unit_of_work(context.system()) as uow:
        found = claims.next_case(uow, claims.NextCase(modality, after), context.actor())
    query = f"?{urlencode({'modality': modality})}" if modality else ""
    if found is None:
        say("Nothing else waits to be read" + (f" in {MODALITIES.get(modality, modality)}" if modality else ""))
        return redirect(f"/reading{query}")
    return redirect(f"/reading/{found}{query}")
