"""What pages of the reading room say with every request, and the password of who signs."""

from __future__ import annotations

from typing import Any

from flask import jsonify, make_response, request
from werkzeug.wrappers import Response

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.accounts.errors import WrongSignIn
from ris_pacs.accounts.service import Confirmation, SignIn
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import DomainError, Invalid
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.reporting.rules.text import SECTIONS
from ris_pacs.reporting.service.claims import Page
from ris_pacs.web import context
from ris_pacs.web.asking import id_in


def page(exam_id: int) -> Page:
    """What the page says that it shows. Raises Invalid."""
    patient_id = id_in(request.form.get("patient"))
    if patient_id is None:
        raise Invalid("The page does not say whose exam it shows. Load it again.")
    return Page(exam_id, patient_id, request.form.get("token", "")[:64])


def number(name: str) -> int:
    """Raises Invalid."""
    found = id_in(request.form.get(name))
    if found is None:
        raise Invalid("The page is not complete. Load it again.", name)
    return found


def sections() -> dict[str, str]:
    """Form fields called like the sections."""
    return {key: request.form.get(key, "") for key in SECTIONS}


def modality() -> str:
    return request.values.get("modality", "")[:16]


def confirmed(password: str) -> Confirmation:
    """The signer's password is right. Raises WrongSignIn, Locked; a wrong one is counted."""
    with read_only(context.system()) as uow:
        email = accounts.own_account(uow, context.actor()).email
    asked = SignIn(email, password, request.remote_addr or "")
    try:
        with read_only(context.system()) as uow:
            return service.confirm(uow, asked, context.actor())
    except WrongSignIn:
        with unit_of_work(context.system()) as uow:
            service.count_failure(uow, asked, PROGRAM)
        raise WrongSignIn("This is not your password.", "password") from None


def told(problem: DomainError, **more: Any) -> Response:
    """A refusal as the script of the page reads it."""
    return make_response(jsonify(error=problem.code, message=problem.message, **more), problem.answer.http)
