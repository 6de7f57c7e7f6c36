"""People: accounts, and the tokens of machines."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.admin.forms import UserForm
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, done, show_on
from ris_pacs.web.context import requires

blueprint = Blueprint("people", __name__, url_prefix="/admin/users")


@blueprint.get("")
@requires(Right.ADMIN)
def users() -> Response:
    return _users_page(UserForm())


def _users_page(form: UserForm, status: int = 200) -> Response:
    with read_only(context.system()) as uow:
        people, tokens = accounts.list_users(uow), accounts.list_tokens(uow)
    return shell.render(
        "admin/users.html",
        status,
        users=people,
        tokens=tokens,
        form=form,
        role_words=shell.ROLE_WORDS,
        me=context.actor().id,
    )


@blueprint.post("")
@requires(Right.ADMIN)
def add_user() -> Response:
    form = UserForm()
    if not form.validate_on_submit():
        return _users_page(form, UNPROCESSABLE)
    new = service.NewUser(form.email.data, form.name.data, form.password.data, form.role.data)
    try:
        with unit_of_work(context.system()) as uow:
            service.add_user(uow, new, context.actor())
    except DomainError as problem:
        show_on(form, problem)
        return _users_page(form, UNPROCESSABLE)
    return done(f"{form.name.data} may sign in", "/admin/users")


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
