"""AutoText: what ".name" and a space become."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.reporting.forms import AutoTextForm
from ris_pacs.reporting.queries import workspace
from ris_pacs.reporting.service import phrases
from ris_pacs.web import context, shell
from ris_pacs.web.answers import done, refused
from ris_pacs.web.context import requires

blueprint = Blueprint("phrases", __name__, url_prefix="/reading/autotexts")


@blueprint.get("")
@requires(Right.REPORT_WRITE)
def index() -> Response:
    return _page(AutoTextForm())


@blueprint.post("")
@requires(Right.REPORT_WRITE)
def keep() -> Response:
    form = AutoTextForm()

    def save() -> None:
        new = phrases.NewAutoText(form.name.data or "", form.text.data or "", bool(form.shared.data))
        with unit_of_work(context.system()) as uow:
            phrases.keep_autotext(uow, new, context.actor())

    return refused(form, save, lambda: _page(form)) or done("Kept", "/reading/autotexts")


@blueprint.post("/<int:autotext_id>/remove")
@requires(Right.REPORT_WRITE)
def remove(autotext_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        name = phrases.remove_autotext(uow, autotext_id, context.actor()).name
    return done(f".{name} is removed", "/reading/autotexts")


def _page(form: AutoTextForm) -> Response:
    with read_only(context.system()) as uow:
        found = workspace.autotexts(uow, context.actor())
    return shell.render("reporting/autotexts.html", autotexts=found, form=form)
