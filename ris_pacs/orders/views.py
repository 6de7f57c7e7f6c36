"""The list of orders, and the searches that order forms are filled from."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders import queries, rules
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file
from ris_pacs.web.asking import position_in, position_of
from ris_pacs.web.context import requires
from ris_pacs.web.words import day, iso_stamp

blueprint = Blueprint("orders", __name__)

PAGE = 50
MOST_IN_CSV = 5000


@blueprint.get("/orders")
@requires(Right.ORDER_VIEW)
def index() -> Response:
    """Orders, the newest first; filters stand in the address."""
    wanted = _filter()
    with read_only(context.system()) as uow:
        found = queries.list_exams(uow, wanted, context.actor(), PAGE)
    more = found[PAGE] if len(found) > PAGE else None
    shown = found[:PAGE]
    return shell.render(
        "orders/index.html",
        exams=shown,
        next_key=position_of(shown[-1].placed_at, shown[-1].id) if more else "",
        states=rules.WORDS,
        modalities=MODALITIES,
        chosen={name: request.args.get(name, "") for name in ("state", "modality", "priority")},
        priorities=rules.PRIORITIES,
    )


@blueprint.get("/orders.csv")
@requires(Right.ORDER_VIEW)
def as_csv() -> Response:
    with read_only(context.system()) as uow:
        found = queries.list_exams(uow, _filter(), context.actor(), MOST_IN_CSV)
    head = ("Accession number", "Patient", "MRN", "Born", "Exam", "State", "Since", "Priority", "Referrer", "Ordered")
    rows = (
        (
            one.accession_number,
            one.patient.name.shown,
            one.patient.mrn,
            day(one.patient.birth_date),
            one.title,
            rules.WORDS[rules.ExamState(one.state)],
            iso_stamp(one.state_since),
            one.priority,
            one.referrer,
            iso_stamp(one.placed_at),
        )
        for one in found[:MOST_IN_CSV]
    )
    return csv_file("orders", head, rows)


def _filter() -> queries.ExamFilter:
    states = tuple(one for one in request.args.getlist("state") if one in rules.WORDS)
    return queries.ExamFilter(
        states=states,
        modality=request.args.get("modality", "")[:16],
        priority=request.args.get("priority", "")[:8],
        before=position_in(request.args.get("before", "")),
    )


@blueprint.get("/orders/procedures")
@requires(Right.ORDER_PLACE)
def procedures() -> Response:
    with read_only(context.system()) as uow:
        found = catalog.search_procedures(uow, request.args.get("q", "")[:100])
    return Response(render_template("orders/procedure_options.html", procedures=found))


@blueprint.get("/orders/diagnoses")
@requires(Right.ORDER_PLACE)
def diagnoses() -> Response:
    with read_only(context.system()) as uow:
        found = catalog.search_diagnoses(uow, request.args.get("q", "")[:100])
    return Response(render_template("orders/diagnosis_options.html", codes=found))


@blueprint.get("/orders/referrers")
@requires(Right.ORDER_PLACE)
def referrers() -> Response:
    text = request.args.get("q", "")[:100]
    with read_only(context.system()) as uow:
        found = catalog.search_practitioners(uow, text)
    return Response(render_template("orders/referrer_options.html", doctors=found, text=text))
