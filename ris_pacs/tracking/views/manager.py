"""The manager's page: the practice in figures, and the exams behind each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import MODALITIES
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import from_microseconds, to_microseconds
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import WORDS, ExamState
from ris_pacs.tracking import rules
from ris_pacs.tracking.queries import figures as queries
from ris_pacs.tracking.views import asked as asking
from ris_pacs.tracking.views import figures
from ris_pacs.tracking.views.asked import MISSING, UNREAD, Asked, Narrowed
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file
from ris_pacs.web.asking import position_in, position_of
from ris_pacs.web.context import SitePlace, requires
from ris_pacs.web.words import iso_stamp

blueprint = Blueprint("manager", __name__)

AT_ONCE = 50
MOST_IN_CSV = 5000
TITLES = {UNREAD: "Unread exams", MISSING: "Missing charges"} | {
    name: measure.title for name, measure in rules.MEASURES.items()
}
HEAD = (
    "Accession number", "Patient", "MRN", "Exam", "Modality", "State",
    "Ordered", "Performed", "Final", "Performed to final, min", "Reader",
)  # fmt: skip


@blueprint.get("/manager")
@requires(Right.MANAGE_VIEW)
def index() -> Response:
    """Key numbers and charts of a period; filters stand in the address."""
    with read_only(context.system()) as uow:
        asked = asking.read(_sites(uow))
        facts = queries.exam_facts(uow, asked.scope, context.actor())
        unread = queries.unread(uow, asked.scope, context.actor())
        missing = queries.missing(uow, asked.scope, context.actor())
    now, before = (rules.summary(facts, choice) for choice in rules.now_and_before(asked.period))
    modalities = figures.modalities(asked, facts)
    kinds = [row["modality"] for row in modalities if row["performed"][0]]
    volumes, volume_rows = figures.volumes(asked, facts, kinds)
    turnaround, turnaround_rows = figures.turnaround(asked, facts)
    return shell.render(
        "tracking/manager.html",
        asked=asked,
        compared=figures.compared(asked.period),
        spans=[(f"{days} days", asked.page(days=days), days == asked.period.days) for days in rules.SPANS],
        known=MODALITIES,
        tiles=figures.tiles(asked, now, before, unread, missing),
        now=now,
        target=rules.TARGET_HOURS,
        half=figures.span_text(now.turnaround),
        most=figures.span_text(now.ninetieth),
        kinds=kinds,
        volumes=volumes,
        volume_rows=volume_rows,
        turnaround=turnaround,
        turnaround_rows=turnaround_rows,
        unread=figures.ages(asked, unread),
        missing=figures.uncharged(asked, missing),
        readers=figures.readers(asked, facts),
        no_shows=figures.no_shows(asked, facts),
        modalities=modalities,
    )


@blueprint.get("/manager/exams")
@requires(Right.MANAGE_VIEW)
def exams() -> Response:
    """The exams behind a figure."""
    with read_only(context.system()) as uow:
        asked = asking.read(_sites(uow))
        wanted = asking.read_list(asked)
        keys = _keys(uow, asked, wanted, context.actor())
        after = position_in(request.args.get("after", ""))
        rest = keys if after is None else _behind(keys, (to_microseconds(after[0]), after[1]))
        shown = _rows(uow, [exam_id for _, exam_id in rest[:AT_ONCE]], context.actor())
        _note_view(uow, wanted, "view")
    more = len(rest) > AT_ONCE
    return shell.render(
        "tracking/exams.html",
        asked=asked,
        wanted=wanted,
        title=TITLES[wanted.what],
        rows=shown,
        total=len(keys),
        next_key=position_of(from_microseconds(rest[AT_ONCE - 1][0]), rest[AT_ONCE - 1][1]) if more else "",
        filters={name: value for name, value in request.args.items() if name != "after"},
    )


@blueprint.get("/manager/exams.csv")
@requires(Right.MANAGE_VIEW)
def exams_as_csv() -> Response:
    with read_only(context.system()) as uow:
        asked = asking.read(_sites(uow))
        wanted = asking.read_list(asked)
        keys = _keys(uow, asked, wanted, context.actor())[:MOST_IN_CSV]
        rows = _rows(uow, [exam_id for _, exam_id in keys], context.actor())
        _note_view(uow, wanted, "export")
    return csv_file(
        f"{wanted.what}-{asked.period.last.isoformat()}",
        HEAD,
        (
            (
                one.accession_number,
                one.patient.name.shown,
                one.patient.mrn,
                one.title,
                one.modality,
                WORDS[ExamState(one.state)],
                iso_stamp(one.placed_at),
                iso_stamp(times.performed),
                iso_stamp(times.final),
                _minutes(times),
                times.reader,
            )
            for one, times in rows
        ),
    )


def _minutes(times: queries.Times) -> int | None:
    if times.performed is None or times.final is None:
        return None
    return round((times.final - times.performed).total_seconds() / 60)


def _sites(uow: UnitOfWork) -> Sequence[SitePlace]:
    return [SitePlace(one.id, one.name, catalog.zone_of(one)) for one in catalog.sites(uow)]


def _keys(uow: UnitOfWork, asked: Asked, wanted: Narrowed, actor: Actor) -> list[tuple[int, int]]:
    """Instant and id of the exams in the list's order: what waits the longest first, what was done the latest first."""
    if wanted.what in (UNREAD, MISSING):
        found = (queries.unread if wanted.what == UNREAD else queries.missing)(uow, asked.scope, actor)
        return [(to_microseconds(one.since), one.exam_id) for one in found if wanted.group in ("", one.group)]
    measure = rules.MEASURES[wanted.what]
    facts = rules.behind(queries.exam_facts(uow, asked.scope, actor), measure, wanted.choice)
    return sorted(((measure.at(one), one.exam_id) for one in facts), reverse=True)


def _behind(keys: Sequence[tuple[int, int]], last: tuple[int, int]) -> Sequence[tuple[int, int]]:
    """What stands behind this place, though what stood there may be gone."""
    newest_first = len(keys) > 1 and keys[0] > keys[-1]
    return [one for one in keys if (one < last if newest_first else one > last)]


def _rows(uow: UnitOfWork, ids: list[int], actor: Actor) -> list[tuple[orders.ExamRow, queries.Times]]:
    found, times = orders.exam_rows(uow, ids, actor), queries.times_of(uow, ids)
    return [(found[one], times.get(one, queries.Times())) for one in ids if one in found]


def _note_view(uow: UnitOfWork, wanted: Narrowed, action: str) -> None:
    """The list names patients: who looked at which is kept."""
    entity: tuple[str, Any] = ("list of exams", "; ".join((wanted.what, *wanted.words))[:64])
    audit.record_view(uow, context.actor(), entity, patient_id=None, action=action)
