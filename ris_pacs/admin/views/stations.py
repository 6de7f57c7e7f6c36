"""Stations: DICOM devices by AE title, and who knocked without being known."""

from __future__ import annotations

from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from ris_pacs.admin.forms import DeviceForm
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import devices
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import done, refused
from ris_pacs.web.context import requires

blueprint = Blueprint("stations", __name__, url_prefix="/admin/stations")

ECHO_SECONDS = 5.0


@blueprint.get("")
@requires(Right.ADMIN)
def stations() -> Response:
    return _stations_page(DeviceForm(ae_title=request.args.get("ae_title", ""), host=request.args.get("host", "")))


def _stations_page(form: DeviceForm, editing: str = "") -> Response:
    with read_only(context.system()) as uow:
        found, unknown = catalog.devices(uow), catalog.unknown_callers(uow)
        rooms = catalog.rooms(uow, context.site().id)
    form.room_id.choices = [(0, "None"), *((room.id, room.name) for room in rooms)]
    return shell.render("admin/stations.html", devices=found, unknown=unknown, form=form, editing=editing)


@blueprint.get("/<title>")
@requires(Right.ADMIN)
def station(title: str) -> Response:
    with read_only(context.system()) as uow:
        device = catalog.device(uow, title)
    return _stations_page(DeviceForm.of(device), device.ae_title)


@blueprint.post("")
@requires(Right.ADMIN)
def save_station() -> Response:
    """Register a new title, or change a known one."""
    editing = request.args.get("editing", "")
    form = DeviceForm()
    with read_only(context.system()) as uow:
        rooms = catalog.rooms(uow, context.site().id)
    form.room_id.choices = [(0, "None"), *((room.id, room.name) for room in rooms)]

    def save() -> None:
        keep = devices.change_device if editing else devices.register_device
        with unit_of_work(context.system()) as uow:
            keep(uow, form.facts(context.site().id), context.actor())

    again = refused(form, save, lambda: _stations_page(form, editing))
    return again or done(f"{form.ae_title.data} is registered", "/admin/stations")


@blueprint.post("/<title>/retire")
@requires(Right.ADMIN)
def retire_station(title: str) -> Response:
    with unit_of_work(context.system()) as uow:
        devices.retire_device(uow, title, context.actor())
    return done(f"{title} is refused from now on", "/admin/stations")


@blueprint.post("/register")
@requires(Right.ADMIN)
def register_unknown() -> Response:
    """One click on a caller that was refused."""
    title = request.form.get("ae_title", "")
    facts = devices.DeviceFacts(title, name="Registered from a refused call", site_id=context.site().id)
    with unit_of_work(context.system()) as uow:
        devices.register_device(uow, facts, context.actor())
    return done(f"{title} may call from now on", "/admin/stations")


@blueprint.post("/<title>/echo")
@requires(Right.ADMIN)
def echo(title: str) -> Response:
    """C-ECHO to the device."""
    with read_only(context.system()) as uow:
        device = catalog.device(uow, title)
    if not device.host or device.port is None:
        raise Invalid(f"{title} has no address to call; fill in address and port first.")
    ours = current_app.extensions["ris_pacs_ae_title"]
    tls = current_app.extensions["ris_pacs_client_tls"] if device.tls else None
    try:
        with connect(
            device.host, device.port, ours, title, [Proposal(VERIFICATION)], timeout=ECHO_SECONDS, tls=tls
        ) as association:
            status = association.echo()
    except AssociationFailed as problem:
        raise Invalid(f"{title} does not answer: {problem}") from problem
    return done(f"{title} answers 0x{status.code:04X}", "/admin/stations")
