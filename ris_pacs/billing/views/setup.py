"""Payers, fees, charge rules, and who bills: lists with their drawers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries as accounts
from ris_pacs.billing.forms import EntityForm, FeeForm, PayerForm, ReaderForm, RuleForm, SiteForm
from ris_pacs.billing.queries import setup as queries
from ris_pacs.billing.rules.charging import COMPONENTS
from ris_pacs.billing.rules.ledger import dollars
from ris_pacs.billing.service import setup as service
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import FILING_INDICATORS
from ris_pacs.catalog.service import payers as payer_service
from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import drawer_or_page, refused, say
from ris_pacs.web.asking import id_in, today
from ris_pacs.web.context import requires
from ris_pacs.web.words import day

blueprint = Blueprint("billing_setup", __name__, url_prefix="/billing")

Save = Callable[[UnitOfWork], object]


def _saved(form: Any, save: Save, again: Callable[[], Response], said: str, target: str) -> Response:
    def in_a_unit() -> None:
        with unit_of_work(context.system()) as uow:
            save(uow)

    if wrong := refused(form, in_a_unit, again):
        return wrong
    say(said)
    return redirect(target)


# --- payers


@blueprint.get("/payers")
@requires(Right.BILLING_VIEW)
def payers() -> Response:
    return shell.render("billing/payers.html", drawer="", **_payers())


def _payers(payer_id: int | None = None) -> dict[str, Any]:
    with read_only(context.system()) as uow:
        found = catalog.payers(uow)
    return {"payers": found, "kinds": FILING_INDICATORS, "payer_id": payer_id}


@blueprint.get("/payers/new")
@requires(Right.BILLING_EDIT)
def new_payer() -> Response:
    return _payer_drawer(PayerForm(side_required=True, replaces=True), None)


@blueprint.post("/payers/new")
@requires(Right.BILLING_EDIT)
def add_payer() -> Response:
    form, actor = PayerForm(), context.actor()
    said = f"{form.name.data} is a payer now"
    return _saved(
        form,
        lambda uow: payer_service.add_payer(uow, form.facts(), actor),
        lambda: _payer_drawer(form, None),
        said,
        "/billing/payers",
    )


@blueprint.get("/payers/<int:payer_id>")
@requires(Right.BILLING_VIEW)
def show_payer(payer_id: int) -> Response:
    with read_only(context.system()) as uow:
        form = PayerForm.of(catalog.payer(uow, payer_id))
    return _payer_drawer(form, payer_id)


@blueprint.post("/payers/<int:payer_id>")
@requires(Right.BILLING_EDIT)
def change_payer(payer_id: int) -> Response:
    form, actor = PayerForm(), context.actor()
    return _saved(
        form,
        lambda uow: payer_service.change_payer(uow, payer_id, form.facts(), actor),
        lambda: _payer_drawer(form, payer_id),
        "Saved",
        "/billing/payers",
    )


def _payer_drawer(form: PayerForm, payer_id: int | None) -> Response:
    drawer = "billing/payer_drawer.html"
    return drawer_or_page(drawer, "billing/payers.html", drawer=drawer, form=form, **_payers(payer_id))


# --- rules


@blueprint.get("/rules")
@requires(Right.BILLING_VIEW)
def rules() -> Response:
    return shell.render("billing/rules.html", drawer="", **_rules())


def _rules(rule_id: int | None = None) -> dict[str, Any]:
    with read_only(context.system()) as uow:
        found = queries.rules(uow)
        fees = queries.fees(uow, {one.code for one in found}, today())
    return {"rules": found, "fees": fees, "components": COMPONENTS, "dollars": dollars, "rule_id": rule_id}


@blueprint.get("/rules/new")
@requires(Right.BILLING_EDIT)
def new_rule() -> Response:
    return _rule_drawer(RuleForm(), None)


@blueprint.post("/rules/new")
@requires(Right.BILLING_EDIT)
def add_rule() -> Response:
    form, actor = RuleForm(), context.actor()
    return _saved(
        form,
        lambda uow: service.save_rule(uow, None, form.facts(), actor),
        lambda: _rule_drawer(form, None),
        "The rule charges from now on",
        "/billing/rules",
    )


@blueprint.get("/rules/<int:rule_id>")
@requires(Right.BILLING_VIEW)
def show_rule(rule_id: int) -> Response:
    with read_only(context.system()) as uow:
        form = RuleForm.of(queries.rule(uow, rule_id))
    return _rule_drawer(form, rule_id)


@blueprint.post("/rules/<int:rule_id>")
@requires(Right.BILLING_EDIT)
def change_rule(rule_id: int) -> Response:
    form, actor = RuleForm(), context.actor()
    return _saved(
        form,
        lambda uow: service.save_rule(uow, rule_id, form.facts(), actor),
        lambda: _rule_drawer(form, rule_id),
        "Saved",
        "/billing/rules",
    )


@blueprint.post("/rules/<int:rule_id>/retire")
@requires(Right.BILLING_EDIT)
def retire_rule(rule_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.retire_rule(uow, rule_id, context.actor())
    say("The rule charges nothing more")
    return redirect("/billing/rules")


def _rule_drawer(form: RuleForm, rule_id: int | None) -> Response:
    drawer = "billing/rule_drawer.html"
    return drawer_or_page(drawer, "billing/rules.html", drawer=drawer, form=form, **_rules(rule_id))


# --- fees


@blueprint.get("/fees")
@requires(Right.BILLING_VIEW)
def fees() -> Response:
    return shell.render("billing/fees.html", drawer="", **_fees())


def _fees() -> dict[str, Any]:
    payer_id = id_in(request.args.get("payer"))
    text = request.args.get("q", "")[:10]
    with read_only(context.system()) as uow:
        found = queries.fee_rows(uow, payer_id, text)
        names = queries.names_of_codes(uow, {one.code for one in found})
        payers = catalog.payers(uow)
    return {"fees": found, "names": names, "payers": payers, "payer_id": payer_id, "text": text, "dollars": dollars}


@blueprint.get("/fees/new")
@requires(Right.BILLING_EDIT)
def new_fee() -> Response:
    return _fee_drawer(FeeForm(begins=day(today())))


@blueprint.post("/fees/new")
@requires(Right.BILLING_EDIT)
def add_fee() -> Response:
    form, actor = FeeForm(), context.actor()
    with read_only(context.system()) as uow:
        form.offer(catalog.payers(uow))
    target = f"/billing/fees?payer={form.payer_id.data}" if form.payer_id.data else "/billing/fees"
    return _saved(
        form,
        lambda uow: service.add_fee(uow, form.facts(), actor),
        lambda: _fee_drawer(form),
        "The fee is kept",
        target,
    )


def _fee_drawer(form: FeeForm) -> Response:
    values = _fees()
    form.offer(values["payers"])
    drawer = "billing/fee_drawer.html"
    return drawer_or_page(drawer, "billing/fees.html", drawer=drawer, form=form, **values)


# --- who bills


@blueprint.get("/setup")
@requires(Right.BILLING_VIEW)
def setup() -> Response:
    return shell.render("billing/setup.html", drawer="", **_setup())


def _setup() -> dict[str, Any]:
    with read_only(context.system()) as uow:
        entities, readers = queries.entities(uow), queries.readers(uow)
        sites = [(site, queries.site_billing(uow, site.id)) for site in catalog.sites(uow)]
        people = [
            (one.id, one.name)
            for one in accounts.list_users(uow)
            if Role.RADIOLOGIST in one.roles and not one.disabled_at
        ]
    return {
        "entities": entities,
        "readers": readers,
        "sites": sites,
        "entity_names": {one.id: one.name for one in entities},
        "reader_names": {one.id: f"{one.given} {one.family}".strip() for one in readers},
        "people": people,
    }


@blueprint.get("/setup/entities/new")
@requires(Right.BILLING_EDIT)
def new_entity() -> Response:
    return _entity_drawer(EntityForm(), None)


@blueprint.post("/setup/entities/new")
@requires(Right.BILLING_EDIT)
def add_entity() -> Response:
    return _save_entity(None)


@blueprint.get("/setup/entities/<int:entity_id>")
@requires(Right.BILLING_VIEW)
def show_entity(entity_id: int) -> Response:
    with read_only(context.system()) as uow:
        form = EntityForm.of(queries.entity(uow, entity_id))
    return _entity_drawer(form, entity_id)


@blueprint.post("/setup/entities/<int:entity_id>")
@requires(Right.BILLING_EDIT)
def change_entity(entity_id: int) -> Response:
    return _save_entity(entity_id)


def _save_entity(entity_id: int | None) -> Response:
    form, actor = EntityForm(), context.actor()
    return _saved(
        form,
        lambda uow: service.save_entity(uow, entity_id, form.facts(), actor),
        lambda: _entity_drawer(form, entity_id),
        "Saved",
        "/billing/setup",
    )


def _entity_drawer(form: EntityForm, entity_id: int | None) -> Response:
    return _setup_drawer("billing/entity_drawer.html", form=form, entity_id=entity_id)


@blueprint.get("/setup/readers/<int:reader_id>")
@requires(Right.BILLING_VIEW)
def show_reader(reader_id: int) -> Response:
    """0: a new one."""
    with read_only(context.system()) as uow:
        found = next((one for one in queries.readers(uow) if one.id == reader_id), None)
    form = ReaderForm(obj=found) if found else ReaderForm()
    form.user_id.data = (found.user_id or 0) if found else 0
    return _reader_drawer(form, reader_id)


@blueprint.post("/setup/readers/<int:reader_id>")
@requires(Right.BILLING_EDIT)
def save_reader(reader_id: int) -> Response:
    form, actor = ReaderForm(), context.actor()
    form.offer(_setup()["people"])
    return _saved(
        form,
        lambda uow: service.save_reader(uow, reader_id or None, form.facts(), actor),
        lambda: _reader_drawer(form, reader_id),
        "Saved",
        "/billing/setup",
    )


def _reader_drawer(form: ReaderForm, reader_id: int) -> Response:
    form.offer(_setup()["people"])
    return _setup_drawer("billing/reader_drawer.html", form=form, reader_id=reader_id)


@blueprint.get("/setup/sites/<int:site_id>")
@requires(Right.BILLING_VIEW)
def show_site(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        catalog.site(uow, site_id)
        found = queries.site_billing(uow, site_id)
    form = SiteForm(obj=found) if found else SiteForm()
    return _site_drawer(form, site_id)


@blueprint.post("/setup/sites/<int:site_id>")
@requires(Right.BILLING_EDIT)
def set_site(site_id: int) -> Response:
    form, actor = SiteForm(), context.actor()
    _offer(form)
    return _saved(
        form,
        lambda uow: service.set_site(uow, form.facts(site_id), actor),
        lambda: _site_drawer(form, site_id),
        "Saved",
        "/billing/setup",
    )


def _offer(form: SiteForm) -> None:
    values = _setup()
    form.offer(list(values["entity_names"].items()), list(values["reader_names"].items()))


def _site_drawer(form: SiteForm, site_id: int) -> Response:
    _offer(form)
    with read_only(context.system()) as uow:
        site = catalog.site(uow, site_id)
    return _setup_drawer("billing/site_drawer.html", form=form, site=site)


def _setup_drawer(drawer: str, **values: Any) -> Response:
    return drawer_or_page(drawer, "billing/setup.html", drawer=drawer, **values, **_setup())
