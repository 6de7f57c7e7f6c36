"""Administration: health, stations, people, the audit trail, and the page that shows every part."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service as account_service
from ris_pacs.admin import queries
from ris_pacs.admin.forms import DeviceForm, SampleForm, UserForm
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import devices
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.kernel.errors import DomainError, Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, csv_file, done, show_on
from ris_pacs.web.context import requires
from ris_pacs.web.words import full_stamp

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

VERIFICATION = "1.2.840.10008.1.1"
ECHO_SECONDS = 5.0
PAGE = 100


@blueprint.get("")
@requires(Right.ADMIN)
def index() -> Response:
    """How the installation is."""
    with read_only(context.system()) as uow:
        found = queries.health(uow)
    checks = {name: check() for name, check in current_app.extensions["ris_pacs_checks"].items()}
    return shell.render("admin/health.html", health=found, checks=checks)


@blueprint.get("/stations")
@requires(Right.ADMIN)
def stations() -> Response:
    return _stations_page(DeviceForm(ae_title=request.args.get("ae_title", ""), host=request.args.get("host", "")))


def _stations_page(form: DeviceForm, status: int = 200, editing: str = "") -> Response:
    with read_only(context.system()) as uow:
        found, unknown = catalog.devices(uow), catalog.unknown_callers(uow)
        rooms = catalog.rooms(uow, context.site().id)
    form.room_id.choices = [(0, "None"), *((room.id, room.name) for room in rooms)]
    return shell.render("admin/stations.html", status, devices=found, unknown=unknown, form=form, editing=editing)


@blueprint.get("/stations/<title>")
@requires(Right.ADMIN)
def station(title: str) -> Response:
    with read_only(context.system()) as uow:
        device = catalog.device(uow, title)
    return _stations_page(DeviceForm.of(device), editing=device.ae_title)


@blueprint.post("/stations")
@requires(Right.ADMIN)
def save_station() -> Response:
    """Register a new title, or change a known one."""
    editing = request.args.get("editing", "")
    form = DeviceForm()
    with read_only(context.system()) as uow:
        rooms = catalog.rooms(uow, context.site().id)
    form.room_id.choices = [(0, "None"), *((room.id, room.name) for room in rooms)]
    if not form.validate_on_submit():
        return _stations_page(form, UNPROCESSABLE, editing)
    save = devices.change_device if editing else devices.register_device
    try:
        with unit_of_work(context.system()) as uow:
            save(uow, form.facts(context.site().id), context.actor())
    except DomainError as problem:
        show_on(form, problem)
        return _stations_page(form, UNPROCESSABLE, editing)
    return done(f"{form.ae_title.data} is registered", "/admin/stations")


@blueprint.post("/stations/<title>/retire")
@requires(Right.ADMIN)
def retire_station(title: str) -> Response:
    with unit_of_work(context.system()) as uow:
        devices.retire_device(uow, title, context.actor())
    return done(f"{title} is refused from now on", "/admin/stations")


@blueprint.post("/stations/register")
@requires(Right.ADMIN)
def register_unknown() -> Response:
    """One click on a caller that was refused."""
    title = request.form.get("ae_title", "")
    facts = devices.DeviceFacts(title, name="Registered from a refused call", site_id=context.site().id)
    with unit_of_work(context.system()) as uow:
        devices.register_device(uow, facts, context.actor())
    return done(f"{title} may call from now on", "/admin/stations")


@blueprint.post("/stations/<title>/echo")
@requires(Right.ADMIN)
def echo(title: str) -> Response:
    """C-ECHO to the device."""
    with read_only(context.system()) as uow:
        device = catalog.device(uow, title)
    if not device.host or device.port is None:
        raise Invalid(f"{title} has no address to call; fill in address and port first.")
    ours = current_app.extensions["ris_pacs_ae_title"]
    try:
        with connect(
            device.host, device.port, ours, title, [Proposal(VERIFICATION)], timeout=ECHO_SECONDS
        ) as association:
            status = association.echo()
    except AssociationFailed as problem:
        raise Invalid(f"{title} does not answer: {problem}") from problem
    return done(f"{title} answers 0x{status.code:04X}", "/admin/stations")


@blueprint.get("/users")
@requires(Right.ADMIN)
def users() -> Response:
    return _users_page(UserForm())


def _users_page(form: UserForm, status: int = 200) -> Response:
    with read_only(context.system()) as uow:
        people, tokens = accounts.list_users(uow), accounts.list_tokens(uow)
    return shell.render("admin/users.html", status, users=people, tokens=tokens, form=form)


@blueprint.post("/users")
@requires(Right.ADMIN)
def add_user() -> Response:
    form = UserForm()
    if not form.validate_on_submit():
        return _users_page(form, UNPROCESSABLE)
    new = account_service.NewUser(form.email.data, form.name.data, form.password.data, form.role.data)
    try:
        with unit_of_work(context.system()) as uow:
            account_service.add_user(uow, new, context.actor())
    except DomainError as problem:
        show_on(form, problem)
        return _users_page(form, UNPROCESSABLE)
    return done(f"{form.name.data} may sign in", "/admin/users")


@blueprint.post("/users/disable")
@requires(Right.ADMIN)
def disable_user() -> Response:
    email = request.form.get("email", "")
    with unit_of_work(context.system()) as uow:
        account_service.disable_user(uow, email, context.actor())
    return done(f"{email} may no longer sign in", "/admin/users")


@blueprint.get("/audit")
@requires(Right.AUDIT_VIEW)
def audit_trail() -> Response:
    """Who saw or changed what of whom."""
    asked = _audit_filter()
    with read_only(context.system()) as uow:
        rows = queries.audit_rows(uow, asked, PAGE)
    shown = rows[:PAGE]
    more = f"{int(shown[-1].at.timestamp() * 1_000_000)}-{shown[-1].id}" if len(rows) > PAGE else ""
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
                full_stamp(one.at),
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
    patient = request.args.get("patient", "")
    return queries.AuditFilter(
        actor=request.args.get("actor", "")[:200],
        action=request.args.get("action", "")[:40],
        patient_id=int(patient) if patient.isdigit() and len(patient) < 16 else None,
        accession_number=request.args.get("accession", "")[:16],
        before=_position(request.args.get("before", "")),
    )


def _position(text: str) -> Any:
    at, _, entry_id = text.partition("-")
    if not (at.isdigit() and entry_id.isdigit() and len(at) < 18 and len(entry_id) < 16):
        return None
    seconds, micros = divmod(int(at), 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), int(entry_id)


@blueprint.get("/partners")
@requires(Right.ADMIN)
def partners() -> Response:
    with read_only(context.system()) as uow:
        found = catalog.partners(uow)
    return shell.render("admin/partners.html", partners=found)


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
