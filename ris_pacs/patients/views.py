"""Finding, registering and changing patients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.patients import queries, rules
from ris_pacs.patients.errors import LikelyDuplicate
from ris_pacs.patients.forms import CoverageForm, PatientForm
from ris_pacs.patients.service import coverage as coverage_service
from ris_pacs.patients.service import register as service
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, drawer_or_page, refused, say, show_on
from ris_pacs.web.context import requires
from ris_pacs.web.words import day

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
@requires(Right.PATIENT_CORRECT)
def edit(patient_id: int) -> Response:
    with read_only(context.system()) as uow:
        patient = queries.view_patient(uow, patient_id, context.actor())
    return _form_page(PatientForm.of(patient), patient=patient)


@blueprint.post("/patients/<int:patient_id>/edit")
@requires(Right.PATIENT_CORRECT)
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


@blueprint.get("/patients/<int:patient_id>/coverage")
@requires(Right.PATIENT_VIEW)
def coverage(patient_id: int) -> Response:
    """Who pays for the patient."""
    return shell.render("patients/coverage.html", drawer="", **_coverages(patient_id))


def _coverages(patient_id: int) -> dict[str, Any]:
    with read_only(context.system()) as uow:
        patient = queries.view_patient(uow, patient_id, context.actor())
        found = queries.coverages(uow, patient_id, context.actor())
        payers = catalog.payers(uow)
    return {"patient": patient, "coverages": found, "payers": payers, "relationships": rules.RELATIONSHIPS}


@blueprint.get("/patients/<int:patient_id>/coverage/new")
@requires(Right.COVERAGE_EDIT)
def new_coverage(patient_id: int) -> Response:
    return _coverage_drawer(patient_id, CoverageForm(), None)


@blueprint.post("/patients/<int:patient_id>/coverage/new")
@requires(Right.COVERAGE_EDIT)
def add_coverage(patient_id: int) -> Response:
    form, actor = CoverageForm().offer(_payers()), context.actor()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            coverage_service.add_coverage(uow, patient_id, form.facts(), actor)

    return refused(form, save, lambda: _coverage_drawer(patient_id, form, None)) or _back_to_coverage(patient_id)


@blueprint.get("/patients/<int:patient_id>/coverage/<int:coverage_id>")
@requires(Right.COVERAGE_EDIT)
def show_coverage(patient_id: int, coverage_id: int) -> Response:
    with read_only(context.system()) as uow:
        found = queries.coverage(uow, coverage_id, context.actor())
    form = CoverageForm(obj=found)
    form.begins.data, form.ends.data = day(found.begins), day(found.ends)
    return _coverage_drawer(patient_id, form, coverage_id)


@blueprint.post("/patients/<int:patient_id>/coverage/<int:coverage_id>")
@requires(Right.COVERAGE_EDIT)
def change_coverage(patient_id: int, coverage_id: int) -> Response:
    form, actor = CoverageForm().offer(_payers()), context.actor()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            coverage_service.change_coverage(uow, coverage_id, form.facts(), actor)

    return refused(form, save, lambda: _coverage_drawer(patient_id, form, coverage_id)) or _back_to_coverage(patient_id)


def _payers() -> list[catalog.Payer]:
    with read_only(context.system()) as uow:
        return catalog.payers(uow)


def _back_to_coverage(patient_id: int) -> Response:
    say("Saved")
    return redirect(f"/patients/{patient_id}/coverage")


def _coverage_drawer(patient_id: int, form: CoverageForm, coverage_id: int | None) -> Response:
    values = _coverages(patient_id)
    form.offer(values["payers"])
    drawer = "patients/coverage_drawer.html"
    return drawer_or_page(drawer, "patients/coverage.html", drawer=drawer, form=form, coverage_id=coverage_id, **values)
