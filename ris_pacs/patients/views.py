"""Finding, registering and changing patients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.patients import queries, rules
from ris_pacs.patients.errors import LikelyDuplicate
from ris_pacs.patients.forms import PatientForm
from ris_pacs.patients.service import register as service
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, refused, say, show_on
from ris_pacs.web.context import requires

blueprint = Blueprint("patients", __name__)


@blueprint.get("/patients")
@requires(Right.PATIENT_VIEW)
def index() -> Response:
    """Patients found as you type; before that the ones changed last."""
    text = request.args.get("q", "").strip()
    with read_only(context.system()) as uow:
        actor = context.actor()
        found = queries.search(uow, text, actor, limit=50) if text else queries.recent(uow, actor)
    return shell.render("patients/index.html", patients=found, text=text)


@blueprint.get("/patients/new")
@requires(Right.PATIENT_EDIT)
def new() -> Response:
    form = PatientForm(family=request.args.get("family", ""), given=request.args.get("given", ""))
    return _form_page(form)


@blueprint.post("/patients/new")
@requires(Right.PATIENT_EDIT)
def register() -> Response:
    form = PatientForm()
    if not form.validate_on_submit():
        return _form_page(form, status=UNPROCESSABLE)
    asked = service.Registration(form.facts(), context.site().id, somebody_else=form.somebody_else.data)
    try:
        with unit_of_work(context.system()) as uow:
            patient = service.register_patient(uow, asked, context.actor())
    except LikelyDuplicate:
        return _form_page(form, status=UNPROCESSABLE, matches=_matches(form))
    except DomainError as problem:
        show_on(form, problem)
        return _form_page(form, status=UNPROCESSABLE)
    say(f"{patient.name.shown} is registered")
    target = "/orders/new?patient=" if request.form.get("then") == "order" else "/patients/"
    return redirect(f"{target}{patient.id}")


def _matches(form: PatientForm) -> list[queries.LikelyMatch]:
    facts = form.facts()
    likeness = rules.Likeness(facts.name, facts.birth_date or None, facts.sex, rules.phone_key(facts.phone))
    with read_only(context.system()) as uow:
        return queries.likely_matches(uow, likeness, context.actor())


def _form_page(form: PatientForm, status: int = 200, **values: Any) -> Response:
    return shell.render("patients/form.html", status, form=form, **{"patient": None, "matches": [], **values})


@blueprint.get("/patients/<int:patient_id>/edit")
@requires(Right.PATIENT_EDIT)
def edit(patient_id: int) -> Response:
    with read_only(context.system()) as uow:
        patient = queries.view_patient(uow, patient_id, context.actor())
    return _form_page(PatientForm.of(patient), patient=patient)


@blueprint.post("/patients/<int:patient_id>/edit")
@requires(Right.PATIENT_EDIT)
def change(patient_id: int) -> Response:
    with read_only(context.system()) as uow:
        patient = queries.view_patient(uow, patient_id, context.actor())
    form = PatientForm().keep(patient)

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            facts = form.facts()
            estimated = patient.birth_date_estimated and facts.birth_date == (patient.birth_date or "")
            service.change_patient(uow, patient_id, replace(facts, birth_date_estimated=estimated), context.actor())

    if again := refused(form, save, lambda: _form_page(form, patient=patient)):
        return again
    say("Saved")
    return redirect(f"/patients/{patient_id}")
