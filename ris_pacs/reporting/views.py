"""The reading list."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.rules import PRIORITIES
from ris_pacs.reporting import queries
from ris_pacs.web import context, live, shell
from ris_pacs.web.context import requires
from ris_pacs.web.words import local

blueprint = Blueprint("reading", __name__, url_prefix="/reading")


@blueprint.get("")
@requires(Right.READ_EXAMS)
def index() -> Response:
    return shell.render("reporting/list.html", **_values())


@blueprint.get("/rows")
@requires(Right.READ_EXAMS)
def rows() -> Response:
    """The inside of the list, for the page that keeps itself up to date."""
    topics = [f"site:{context.site().id}"]
    also = (request.query_string.decode(), local(context.now()).strftime("%d %H:%M"))
    if same := live.unchanged(topics, *also):
        return same
    template = "reporting/cards.html" if request.args.get("as") == "cards" else "reporting/rows.html"
    return live.tagged(render_template(template, **_values()), topics, *also)


def _values() -> dict[str, Any]:
    modality = request.args.get("modality", "")
    with read_only(context.system()) as uow:
        found = queries.to_read(uow, context.actor(), modality)
        total = queries.count_to_read(uow, modality)
    return {
        "exams": found,
        "total": total,
        "modality": modality,
        "modalities": MODALITIES,
        "priorities": PRIORITIES,
        "now": context.now(),
    }
