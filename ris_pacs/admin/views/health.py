"""Administration: health, the audit trail, and the page that shows every part."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.admin import queries
from ris_pacs.admin.forms import SampleForm
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file
from ris_pacs.web.asking import id_in, position_in, position_of
from ris_pacs.web.context import requires
from ris_pacs.web.words import iso_stamp

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

PAGE = 100


@blueprint.get("")
@requires(Right.ADMIN)
def index() -> Response:
    """How the installation is."""
    with read_only(context.system()) as uow:
        found = queries.health(uow)
    checks = {name: check() for name, check in current_app.extensions["ris_pacs_checks"].items()}
    return shell.render("admin/health.html", health=found, checks=checks)


@blueprint.get("/audit")
@requires(Right.AUDIT_VIEW)
def audit_trail() -> Response:
    """Who saw or changed what of whom."""
    asked = _audit_filter()
    with read_only(context.system()) as uow:
        rows = queries.audit_rows(uow, asked, PAGE)
    shown = rows[:PAGE]
    more = position_of(shown[-1].at, shown[-1].id) if len(rows) > PAGE else ""
    return shell.render("admin/audit.html", rows=shown, next_key=more, asked=request.args)


@blueprint.get("/audit.csv")
@requires(Right.AUDIT_VIEW)
def audit_csv() -> Response:
    with read_only(context.system()) as uow:
        rows = queries.audit_rows(uow, _audit_filter(), 5000)
    head = ("Time", "Who", "Role", "From", "Did", "What", "Patient", "Accession number", "Times", "Why")
    return csv_file(
        "audit",
        head,
        (
            (
                iso_stamp(one.at),
                one.actor_name,
                one.role,
                one.address,
                one.action,
                f"{one.entity_kind} {one.entity_id}",
                one.patient_id,
                one.accession_number,
                one.times,
                one.why,
            )
            for one in rows
        ),
    )


def _audit_filter() -> queries.AuditFilter:
    return queries.AuditFilter(
        actor=request.args.get("actor", "")[:200],
        action=request.args.get("action", "")[:40],
        patient_id=id_in(request.args.get("patient")),
        accession_number=request.args.get("accession", "")[:16],
        before=position_in(request.args.get("before", "")),
    )


@blueprint.get("/design")
@requires(Right.ADMIN)
def design() -> Response:
    """Every part of the design system."""
    form = SampleForm()
    form.born.errors = ["February has no 31st"]
    return shell.render("admin/design.html", form=form)


@blueprint.get("/")
@requires(Right.ADMIN)
def with_slash() -> Response:
    return redirect("/admin")
