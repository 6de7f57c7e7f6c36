"""The way in: a code from the desk, and the patient's own account."""

from __future__ import annotations

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.patients import queries as patients
from ris_pacs.portal import queries, service
from ris_pacs.portal.errors import WrongCode
from ris_pacs.portal.forms import EnrolForm
from ris_pacs.web import context, shell
from ris_pacs.web.answers import refused, say
from ris_pacs.web.context import public, requires

blueprint = Blueprint("enrolment", __name__)


@blueprint.get("/patients/<int:patient_id>/portal")
@requires(Right.PATIENT_EDIT)
def code_page(patient_id: int) -> Response:
    """Whether the patient has an account; a code where there is none."""
    return _code_page(patient_id, "")


@blueprint.post("/patients/<int:patient_id>/portal")
@requires(Right.PATIENT_EDIT)
def make_code(patient_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        code = service.make_code(uow, patient_id, context.actor())
    return _code_page(patient_id, code)


def _code_page(patient_id: int, code: str) -> Response:
    with read_only(context.system()) as uow:
        patient = patients.view_patient(uow, patient_id, context.actor())
        account = queries.account_of(uow, patient_id)
    return shell.render("portal/code.html", patient=patient, account=account, code=code)


@blueprint.get("/portal/enrol")
@public
def enrol_page() -> Response:
    return _enrol_page(EnrolForm())


@blueprint.post("/portal/enrol")
@public
def enrol() -> Response:
    form = EnrolForm()

    def save() -> None:
        asked = service.Enrolment(form.code.data, form.birth_date.iso, form.email.data, form.password.data)
        try:
            with unit_of_work(context.system()) as uow:
                service.enrol(uow, asked)
        except WrongCode:
            with unit_of_work(context.system()) as uow:
                service.count_wrong_code(uow, asked.code)
            raise

    again = refused(form, save, lambda: _enrol_page(form))
    if again is not None:
        return again
    say("Your account is made. Sign in with your e-mail address.")
    return redirect("/login")


def _enrol_page(form: EnrolForm) -> Response:
    return shell.render("portal/enrol.html", form=form)
