"""The page of one case: images on the left, the report on the right, and what its script asks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel import audit
from ris_pacs.kernel.errors import DomainError, Invalid
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.orders.rules import PRIORITIES
from ris_pacs.reporting import queries
from ris_pacs.reporting.queries import images, workspace
from ris_pacs.reporting.rules import states
from ris_pacs.reporting.rules.text import SECTIONS
from ris_pacs.reporting.service import claims, cover, drafts, key_images, sign
from ris_pacs.reporting.views import asked
from ris_pacs.reporting.views.cases import list_values
from ris_pacs.web import context, shell
from ris_pacs.web.answers import say
from ris_pacs.web.context import requires
from ris_pacs.web.security import for_pixels
from ris_pacs.web.words import clock

blueprint = Blueprint("reading_room", __name__, url_prefix="/reading")

LISTED_BESIDE = 30


@blueprint.get("/<int:exam_id>")
@requires(Right.REPORT_WRITE)
def show(exam_id: int) -> Response:
    """The case as it stands. Its script then asks for the say, see `open_case`."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = workspace.workspace(uow, exam_id, actor)
        shown = queries.shown_report(uow, exam_id, actor)
        audit.record_view(
            uow,
            actor,
            ("exam", found.exam.identifier),
            patient_id=found.order.patient_id,
            accession_number=found.order.accession_number,
        )
        if found.report is not None:
            audit.record_view(
                uow,
                actor,
                ("report", found.report.id),
                patient_id=found.order.patient_id,
                accession_number=found.order.accession_number,
            )
    may_sign = may(actor, Right.REPORT_SIGN)
    page = shell.render(
        "reporting/room.html",
        case=found,
        shown=shown,
        sections=SECTIONS,
        writable=found.exam.state in states.readable(may_sign),
        may_sign=may_sign,
        user_id=actor.id,
        **list_values(LISTED_BESIDE) | {"here": exam_id, "priorities": PRIORITIES},
    )
    return for_pixels(page)


@blueprint.post("/<int:exam_id>/open")
@requires(Right.REPORT_WRITE)
def open_case(exam_id: int) -> Response:
    """This page has the say from now on."""
    with unit_of_work(context.system()) as uow:
        opened = claims.open_case(uow, exam_id, context.actor())
        report = queries.report(uow, opened.report_id)
        order_patient = opened.page.patient_id
        values = _findings(uow, report, opened.sections, exam_id)
        phrases = workspace.autotexts(uow, context.actor())
    return make_response(
        jsonify(
            token=opened.page.token,
            patient=order_patient,
            revision=opened.revision,
            sections=opened.sections,
            autotexts={one.name: one.text for one in phrases},
            **values,
        )
    )


def _findings(uow: UnitOfWork, report: queries.Report, sections: dict[str, str], exam_id: int) -> dict[str, Any]:
    found = sign.findings(uow, report, sections, queries.claim_of(uow, exam_id), context.actor())
    return {
        "findings": [
            {"check": one.check, "severity": one.severity, "text": one.text, "section": one.section} for one in found
        ]
    }


@blueprint.post("/<int:exam_id>/draft")
@requires(Right.REPORT_WRITE)
def save(exam_id: int) -> Response:
    """What was typed. 409: this page no longer has the say, and its text was kept aside."""
    draft = drafts.Draft(asked.page(exam_id), asked.number("revision"), asked.sections())
    with unit_of_work(context.system()) as uow:
        saved = drafts.autosave(uow, draft, context.actor())
        if saved.problem is None:
            report = drafts.locked_report(uow, exam_id)
            values = _findings(uow, report, queries.current_text(uow, report.id).sections, exam_id)
    if saved.problem is not None:
        return asked.told(saved.problem, revision=saved.revision, theirs=saved.theirs)
    return make_response(jsonify(revision=saved.revision, saved=clock(context.now()), **values))


@blueprint.post("/<int:exam_id>/release")
@requires(Right.REPORT_WRITE)
def release(exam_id: int) -> Response:
    """Somebody else may read it. A page that goes away by itself names its token."""
    token = request.form.get("token", "")[:64]
    with unit_of_work(context.system()) as uow:
        claims.release(uow, exam_id, context.actor(), token)
    if token:
        return Response(status=204)
    say("The exam is back on the list; what was written stays with it")
    return redirect("/reading")


@blueprint.post("/<int:exam_id>/together")
@requires(Right.REPORT_WRITE)
def together(exam_id: int) -> Response:
    """One report for another exam of the same images as well."""
    page, other = asked.page(exam_id), asked.number("exam")
    with unit_of_work(context.system()) as uow:
        cover.cover_too(uow, page, other, context.actor())
    say("One report for both exams")
    return redirect(f"/reading/{exam_id}")


# --- key images


@blueprint.post("/<int:exam_id>/key-images")
@requires(Right.REPORT_WRITE)
def add_key_image(exam_id: int) -> Response:
    """From the viewer; answers the strip anew, or why not."""
    form = request.form
    new = key_images.NewKeyImage(
        page=asked.page(exam_id),
        study_instance_uid=form.get("study", "")[:64],
        sop_instance_uid=form.get("instance", "")[:64],
        frame=asked.number("frame") if form.get("frame") else 1,
        window_center=_decimal(form.get("center", "")),
        window_width=_decimal(form.get("width", "")),
        caption=form.get("caption", ""),
    )
    try:
        with unit_of_work(context.system()) as uow:
            row = key_images.add_key_image(uow, new, context.actor())
            return _strip(uow, row.report_id)
    except DomainError as problem:
        return asked.told(problem)


@blueprint.post("/<int:exam_id>/key-images/<int:key_image_id>")
@requires(Right.REPORT_WRITE)
def change_key_image(exam_id: int, key_image_id: int) -> Response:
    """A new caption, or away with it; answers the strip anew."""
    try:
        with unit_of_work(context.system()) as uow:
            if "remove" in request.form:
                key_images.remove_key_image(uow, asked.page(exam_id), key_image_id, context.actor())
            else:
                caption = request.form.get("caption", "")
                key_images.caption_key_image(uow, asked.page(exam_id), key_image_id, caption, context.actor())
            return _strip(uow, drafts.locked_report(uow, exam_id).id)
    except DomainError as problem:
        return asked.told(problem)


def _strip(uow: UnitOfWork, report_id: int) -> Response:
    html = render_template("reporting/key_images.html", key_images=images.key_images(uow, report_id), editable=True)
    return make_response(html)


def _decimal(text: str) -> float | None:
    """Raises Invalid."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise Invalid("The window is no number.")
    return value
