"""Signing in and out, and one's own account."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries, service
from ris_pacs.accounts.errors import WrongSignIn
from ris_pacs.accounts.forms import OwnPasswordForm, SignInForm
from ris_pacs.kernel.actor import PROGRAM, Role
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, done, show_on
from ris_pacs.web.asking import own_page
from ris_pacs.web.context import Recognise, Visitor, public, signed_in

blueprint = Blueprint("accounts", __name__)

# The sign-ins of the demo practice (CONTRACT.md): role, icon, what it is for.
DEMO_ROLES = (
    (Role.FRONTDESK, "calendar-time", "Book, check in"),
    (Role.TECHNOLOGIST, "scan", "Room list"),
    (Role.RADIOLOGIST, "eye", "Exams to read"),
    (Role.RESIDENT, "school", "Exams to read"),
    (Role.BILLER, "receipt", "Performed exams"),
    (Role.REFERRER, "stethoscope", "Orders, images"),
    (Role.PATIENT, "user-heart", "Own exams"),
    (Role.MANAGER, "chart-bar", "Board, audit"),
    (Role.ADMIN, "settings", "Keeps it running"),
)


KEEP_ALIVE_EVERY = timedelta(minutes=1)


def recogniser(system: System) -> Recognise:
    """Who holds a session key or a bearer token; keeps the session alive, at most once a minute."""

    def recognise(key: str | None, token: str | None, address: str) -> Visitor | None:
        with read_only(system) as uow:
            if token is not None:
                actor = queries.token_actor(uow, token, address)
                return Visitor(actor) if actor else None
            found = queries.signed_in(uow, key or "", address)
            stale = found is not None and uow.now - found.seen_at > KEEP_ALIVE_EVERY
        if found is None:
            return None
        if stale:
            with unit_of_work(system) as uow:
                service.keep_alive(uow, found.session_id, found.actor)
        return Visitor(found.actor, found.user.theme, found.session_id)

    return recognise


@blueprint.get("/")
@signed_in
def home() -> Response:
    return redirect(shell.start_page(context.actor().role))


@blueprint.get("/login")
@public
def login() -> Response:
    if context.visitor() is not None:
        return redirect(url_for("accounts.home"))
    return _login_page(SignInForm(next=request.args.get("next", "")))


def _login_page(form: SignInForm, problem: str = "", status: int = 200) -> Response:
    with read_only(context.system()) as uow:
        demo = shell.parts().demo(uow)
    return shell.render(
        "accounts/login.html",
        status,
        form=form,
        problem=problem,
        demo_roles=[(role, icon, shell.ROLE_WORDS[role], text) for role, icon, text in DEMO_ROLES] if demo else [],
    )


@blueprint.post("/login")
@public
def login_submit() -> Response:
    form = SignInForm()
    if not form.validate_on_submit():
        return _login_page(form, status=422)
    asked = service.SignIn(
        form.email.data, form.password.data, request.remote_addr or "", request.headers.get("User-Agent", "")
    )
    return _sign_in(form, asked)


@blueprint.post("/login/demo")
@public
def login_demo() -> Response:
    """A role button of the demo practice: the same sign-in with the published password."""
    with read_only(context.system()) as uow:
        if not shell.parts().demo(uow):
            abort(404)
    role = request.form.get("role", "")
    if role not in [str(one) for one, _, _ in DEMO_ROLES]:
        abort(404)
    asked = service.SignIn(
        f"{role}@demo.example", "ris-pacs-demo", request.remote_addr or "", request.headers.get("User-Agent", "")
    )
    return _sign_in(SignInForm(next=request.form.get("next", "")), asked)


def _sign_in(form: SignInForm, asked: service.SignIn) -> Response:
    try:
        with unit_of_work(context.system()) as uow:
            key = service.sign_in(uow, asked, PROGRAM)
    except WrongSignIn as problem:
        with unit_of_work(context.system()) as uow:
            service.count_failure(uow, asked, PROGRAM)
        return _login_page(form, problem.message, 401)
    except DomainError as problem:
        return _login_page(form, problem.message, problem.answer.http)
    session.clear()
    session[context.SESSION_KEY] = key
    return redirect(own_page(form.next.data, url_for("accounts.home")))


@blueprint.post("/logout")
@signed_in
def logout() -> Response:
    key = session.get(context.SESSION_KEY)
    if key:
        with unit_of_work(context.system()) as uow:
            service.sign_out(uow, key, context.actor())
    session.clear()
    return redirect(url_for("accounts.login"))


@blueprint.post("/theme")
@signed_in
def theme() -> Response:
    """Keep the chosen theme with the account; the browser has its own cookie as well."""
    with unit_of_work(context.system()) as uow:
        service.choose_theme(uow, request.form.get("theme", ""), context.actor())
    return Response(status=204)


@blueprint.get("/site/<int:site_id>")
@signed_in
def choose_site(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        if site_id not in [one.id for one in shell.parts().sites(uow)]:
            abort(404)
    session[context.SITE_KEY] = site_id
    return redirect(url_for("accounts.home"))


@blueprint.get("/account")
@signed_in
def account() -> Response:
    return _account_page(OwnPasswordForm())


def _account_page(form: OwnPasswordForm, status: int = 200) -> Response:
    with read_only(context.system()) as uow:
        sessions = queries.open_sessions(uow, context.actor())
        email = queries.own_account(uow, context.actor()).email if context.actor().kind == "user" else ""
    return shell.render("accounts/account.html", status, sessions=sessions, form=form, email=email)


@blueprint.post("/account/password")
@signed_in
def change_password() -> Response:
    form = OwnPasswordForm()
    if not form.validate_on_submit():
        return _account_page(form, UNPROCESSABLE)
    with read_only(context.system()) as uow:
        email = queries.own_account(uow, context.actor()).email
    asked = service.SignIn(email, form.present.data, request.remote_addr or "")
    try:
        with unit_of_work(context.system()) as uow:
            service.change_own_password(uow, asked, form.password.data, context.session_id(), context.actor())
    except WrongSignIn:
        with unit_of_work(context.system()) as uow:
            service.count_failure(uow, asked, PROGRAM)
        form.present.errors = ["This is not your present password."]
        return _account_page(form, UNPROCESSABLE)
    except DomainError as problem:
        show_on(form, problem)
        return _account_page(form, UNPROCESSABLE)
    return done("Your password is changed; other sign-ins of yours have ended", "/account")
