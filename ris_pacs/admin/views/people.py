"""People: accounts, each with a drawer over the list, and the tokens of machines."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.accounts.queries import UserRow
from ris_pacs.admin.forms import DoctorForm, PasswordForm, UserForm
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.orders.service import referrers
from ris_pacs.patients import queries as patients
from ris_pacs.web import context, shell
from ris_pacs.web.answers import done, drawer_or_page, refused, say
from ris_pacs.web.context import requires
from ris_pacs.web.words import counted

blueprint = Blueprint("people", __name__, url_prefix="/admin/users")

PAGE = "admin/users.html"
NEW_DRAWER = "admin/new_user_drawer.html"
DRAWER = "admin/user_drawer.html"


@blueprint.get("")
@requires(Right.ADMIN)
def users() -> Response:
    return shell.render(PAGE, 200, **_lists(), drawer="", chosen=None)


def _lists() -> dict[str, Any]:
    with read_only(context.system()) as uow:
        people, tokens = accounts.list_users(uow), accounts.list_tokens(uow)
    return {"users": people, "tokens": tokens, "role_words": shell.ROLE_WORDS, "me": context.actor().id}


@blueprint.get("/new")
@requires(Right.ADMIN)
def new_user() -> Response:
    return _new_drawer(UserForm())


@blueprint.post("/new")
@requires(Right.ADMIN)
def add_user() -> Response:
    form = UserForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            new = service.NewUser(
                form.email.data,
                form.name.data,
                form.password.data,
                form.role.data,
                patient_id=_patient(uow, form),
                practitioner_id=_practitioner(form),
            )
            referrers.add_account(uow, new, context.actor())

    if again := refused(form, save, lambda: _new_drawer(form)):
        return again
    say(f"{form.name.data} may sign in")
    return redirect("/admin/users")


def _patient(uow: UnitOfWork, form: UserForm) -> int | None:
    """By the number that the site gave. Raises Invalid."""
    mrn = (form.mrn.data or "").strip()
    if not mrn:
        if form.role.data == Role.PATIENT:
            raise Invalid("Which patient is this? Without the MRN the account sees nothing.", "mrn")
        return None
    found = patients.by_identifier(uow, mrn, catalog.site(uow, context.site().id).patient_issuer_id)
    if found is None:
        raise Invalid(f"No patient of this site has the MRN {mrn}.", "mrn")
    return found.id


def _practitioner(form: UserForm) -> int | None:
    if form.doctor.data is None and form.role.data == Role.REFERRER:
        raise Invalid("Which doctor is this? Without it the account sees nothing.", "doctor")
    doctor: int | None = form.doctor.data
    return doctor


def _new_drawer(form: UserForm) -> Response:
    return _drawer(NEW_DRAWER, form=form, chosen=None)


@blueprint.get("/doctors")
@requires(Right.ADMIN)
def doctors() -> Response:
    text = request.args.get("q", "")[:100]
    with read_only(context.system()) as uow:
        found = catalog.search_practitioners(uow, text)
    nothing = "Nobody of that name. Doctors come with orders and messages."
    return Response(render_template("orders/referrer_options.html", doctors=found, nothing=nothing))


@blueprint.get("/<int:user_id>")
@requires(Right.ADMIN)
def show_user(user_id: int) -> Response:
    return _user_drawer(_known(user_id))


@blueprint.post("/<int:user_id>/password")
@requires(Right.ADMIN)
def set_password(user_id: int) -> Response:
    user, form = _known(user_id), PasswordForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.set_password(uow, user.email, form.password.data, context.actor())

    if again := refused(form, save, lambda: _user_drawer(user, password=form)):
        return again
    say(f"{user.name} has a new password, and is signed out everywhere")
    return redirect("/admin/users")


@blueprint.post("/<int:user_id>/doctor")
@requires(Right.ADMIN)
def tie_to_doctor(user_id: int) -> Response:
    user, form = _known(user_id), DoctorForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            seen = referrers.tie_account(uow, user.email, form.doctor.data, context.actor())
        if seen is not None:
            say(f"{user.name} sees {counted(seen, 'exam')}")

    return refused(form, save, lambda: _user_drawer(user, doctor=form)) or redirect("/admin/users")


@blueprint.post("/<int:user_id>/unlock")
@requires(Right.ADMIN)
def unlock(user_id: int) -> Response:
    user = _known(user_id)
    with unit_of_work(context.system()) as uow:
        service.lift_lock(uow, user.email, context.actor())
    return done(f"{user.name} may try again", "/admin/users")


@blueprint.post("/disable")
@requires(Right.ADMIN)
def disable_user() -> Response:
    email = request.form.get("email", "")
    with unit_of_work(context.system()) as uow:
        service.disable_user(uow, email, context.actor())
    return done(f"{email} may no longer sign in", "/admin/users", f"/admin/users/enable?email={quote(email)}")


@blueprint.post("/enable")
@requires(Right.ADMIN)
def enable_user() -> Response:
    email = request.args.get("email") or request.form.get("email", "")
    with unit_of_work(context.system()) as uow:
        service.enable_user(uow, email, context.actor())
    return done(f"{email} may sign in again", "/admin/users")


def _known(user_id: int) -> UserRow:
    with read_only(context.system()) as uow:
        return accounts.user_row(uow, user_id)


def _user_drawer(user: UserRow, password: PasswordForm | None = None, doctor: DoctorForm | None = None) -> Response:
    with read_only(context.system()) as uow:
        tied = catalog.practitioner(uow, user.practitioner_id) if user.practitioner_id is not None else None
        patient = None
        if user.patient_id is not None:
            patient = patients.rows(uow, [user.patient_id], context.actor()).get(user.patient_id)
    return _drawer(
        DRAWER,
        user=user,
        tied=tied,
        patient=patient,
        password=password or PasswordForm(),
        doctor=doctor or DoctorForm(),
        chosen=user.id,
    )


def _drawer(template: str, **values: object) -> Response:
    return drawer_or_page(template, PAGE, **_lists(), drawer=template, **values)
