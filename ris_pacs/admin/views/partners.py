"""Partners: systems that send and take HL7 messages. Each has a drawer over the list, with its own address."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.admin.forms import PartnerForm
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.queries import Partner
from ris_pacs.catalog.service import partners as service
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import drawer_or_page, refused, say
from ris_pacs.web.context import requires

blueprint = Blueprint("partners", __name__, url_prefix="/admin/partners")

DRAWER = "admin/partner_drawer.html"
PAGE = "admin/partners.html"


@blueprint.get("")
@requires(Right.ADMIN)
def index() -> Response:
    with read_only(context.system()) as uow:
        found = catalog.partners(uow)
    return shell.render(PAGE, partners=found, drawer="", chosen=None)


@blueprint.get("/new")
@requires(Right.ADMIN)
def new() -> Response:
    """An unknown sender's message leads here with its MSH-3 and MSH-4."""
    asked = {name: request.args.get(name, "")[:64] for name in ("application", "facility")}
    form = PartnerForm(site_id=context.site().id, **asked)
    return _drawer(form, None)


@blueprint.get("/<int:partner_id>")
@requires(Right.ADMIN)
def show(partner_id: int) -> Response:
    with read_only(context.system()) as uow:
        partner = catalog.partner_by_id(uow, partner_id)
    return _drawer(PartnerForm.of(partner), partner)


@blueprint.post("/new")
@requires(Right.ADMIN)
def add() -> Response:
    form = PartnerForm()
    _offer_sites(form)

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.add_partner(uow, form.facts(), context.actor())

    if again := refused(form, save, lambda: _drawer(form, None)):
        return again
    say(f"{form.application.data}|{form.facility.data} may send messages from now on")
    return redirect("/admin/partners")


@blueprint.post("/<int:partner_id>")
@requires(Right.ADMIN)
def change(partner_id: int) -> Response:
    with read_only(context.system()) as uow:
        partner = catalog.partner_by_id(uow, partner_id)
    form = PartnerForm()
    form.application.data, form.facility.data = partner.application, partner.facility
    _offer_sites(form)

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.change_partner(uow, partner_id, form.facts(), context.actor())

    if again := refused(form, save, lambda: _drawer(form, partner)):
        return again
    say("Saved")
    return redirect("/admin/partners")


def _offer_sites(form: PartnerForm) -> None:
    with read_only(context.system()) as uow:
        form.site_id.choices = [(one.id, one.name) for one in catalog.sites(uow)]


def _drawer(form: PartnerForm, partner: Partner | None) -> Response:
    _offer_sites(form)
    with read_only(context.system()) as uow:
        found = catalog.partners(uow)
    chosen = partner.id if partner else None
    return drawer_or_page(DRAWER, PAGE, form=form, partner=partner, partners=found, drawer=DRAWER, chosen=chosen)
