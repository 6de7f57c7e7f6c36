"""Studies, their pictures and tags; the reconciliation inbox; what was kept aside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, request
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from ris_pacs.archive import queries, rules
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service import link
from ris_pacs.imaging.problems import CannotDecode, HeaderError, NotAPicture
from ris_pacs.imaging.tags import dump
from ris_pacs.kernel import audit
from ris_pacs.kernel.cache import kept_or_made
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients.rules import SEXES
from ris_pacs.web import context, shell
from ris_pacs.web.answers import done
from ris_pacs.web.asking import id_in
from ris_pacs.web.context import requires
from ris_pacs.web.static_files import asset
from ris_pacs.web.words import day, minutes, stamp

blueprint = Blueprint("archive", __name__)

THUMBNAIL_SECONDS = 3600
NEAR_IN_TIME = timedelta(hours=2)


@blueprint.get("/studies/<int:study_id>")
@requires(Right.STUDY_VIEW)
def study(study_id: int) -> Response:
    """A study with the pictures of its series, and the exams that it answers."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = queries.view_study(uow, study_id, actor)
        exams = orders.exam_rows(uow, list(found.linked), actor)
        instances = {one.id: queries.instances_of_series(uow, one.id, actor)[:120] for one in found.series}
    return shell.render("archive/study.html", study=found, exams=list(exams.values()), instances=instances)


@blueprint.get("/studies/instances/<int:instance_id>")
@requires(Right.STUDY_VIEW)
def instance(instance_id: int) -> Response:
    """One object: its picture and its tags."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = queries.instance(uow, instance_id, actor)
        around = queries.view_study(uow, found.study_id, actor)
    problem, tags = "", []
    try:
        tags = dump(context.system().blobs.path(found.object_key))
    except (HeaderError, OSError) as error:
        problem = getattr(error, "message", "") or "The file cannot be read; run ris-pacs verify."
    return shell.render("archive/instance.html", instance=found, study=around, tags=tags, problem=problem)


@blueprint.get("/studies/instances/<int:instance_id>/thumbnail")
@requires(Right.STUDY_VIEW)
def thumbnail(instance_id: int) -> Response:
    """A small JPEG; objects without pixels have a drawn stand-in."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = queries.instance(uow, instance_id, actor)
        tag = f'"{found.digest[:16]}"'
        if request.headers.get("If-None-Match") == tag:
            return FlaskResponse(status=304, headers={"ETag": tag})
        audit.record_view(
            uow,
            actor,
            ("study", found.study_id),
            patient_id=found.patient_id,
            accession_number=found.accession_number or None,
        )
    picture = _picture(found)
    if picture is None:
        return redirect(asset("img/no-picture.svg"))
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={THUMBNAIL_SECONDS}"}
    return FlaskResponse(picture, mimetype="image/jpeg", headers=headers)


def _picture(found: queries.StoredInstance) -> bytes | None:
    """The thumbnail, drawn once for each content and then kept."""
    from ris_pacs.imaging.render import thumbnail as draw  # Only who draws pays for the codecs.

    system = context.system()
    try:
        return kept_or_made(
            system.cache / "thumbnails" / found.digest[:2] / f"{found.digest}.jpg",
            lambda: draw(system.blobs.path(found.object_key)),
        )
    except (NotAPicture, CannotDecode, HeaderError, OSError):
        return None


@blueprint.get("/reconcile")
@requires(Right.RECONCILE)
def reconcile() -> Response:
    """Studies that no order fits by itself, with candidates and a difference for the chosen one."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        cases = inbox.open_cases(uow, actor)
        waiting = list({case.study.id: case for case in cases}.values())
        chosen = _chosen(waiting)
        values: dict[str, Any] = {"candidates": [], "candidate": None, "rows": [], "links": []}
        if chosen is not None:
            queries.view_study(uow, chosen.study.id, actor)
            values = _choice(uow, chosen.study)
    return shell.render("archive/reconcile.html", cases=waiting, chosen=chosen, **values)


def _chosen(waiting: list[inbox.CaseRow]) -> inbox.CaseRow | None:
    asked = request.args.get("study", "")
    if asked:
        found = [case for case in waiting if str(case.study.id) == asked]
        return found[0] if found else None
    return waiting[0] if waiting else None


def _choice(uow: UnitOfWork, waiting: queries.StudyRow) -> dict[str, Any]:
    actor = context.actor()
    candidates = inbox.candidates(uow, waiting, actor)
    asked = request.args.get("exam", "")
    candidate = next((one for one in candidates if str(one.exam.id) == asked), candidates[0] if candidates else None)
    linked = orders.exam_rows(uow, list(waiting.linked), actor)
    return {
        "candidates": candidates,
        "candidate": candidate,
        "rows": _difference(waiting, candidate) if candidate else [],
        "links": list(linked.values()),
    }


def _difference(waiting: queries.StudyRow, candidate: inbox.Candidate) -> list[dict[str, object]]:
    """The study as received beside the order, field by field, with a verdict in words."""
    exam, step = candidate.exam, candidate.step
    name = PersonName.from_dicom(waiting.received_name)
    same_name = rules.same_words(name.shown, exam.patient.name.shown)
    names = (
        "" if waiting.received_name.upper() == exam.patient.name.dicom().upper() else "Same person, written differently"
    )
    sex = SEXES.get(waiting.received_sex, waiting.received_sex)
    return [
        _row("Name", waiting.received_name, exam.patient.name.shown, same_name, names if same_name else "Differs"),
        _row("MRN", waiting.received_patient_id, exam.patient.mrn),
        _row("Born", day(waiting.received_birth_date), day(exam.patient.birth_date)),
        _row("Sex", sex, SEXES.get(exam.patient.sex, "")),
        _row("Accession number", waiting.accession_number, exam.accession_number),
        _row("Modality", "\\".join(waiting.modalities), exam.modality, exam.modality in waiting.modalities),
        _row("Procedure", waiting.description, exam.title, verdict="Named otherwise", doubtful=True),
        _row(
            "Station",
            waiting.station,
            step.stations[0] if step and step.stations else "",
            verdict="Another station",
            doubtful=True,
        ),
        _times(waiting.received_at, step.starts_at if step else None),
    ]


def _times(received_at: datetime, starts_at: datetime | None) -> dict[str, object]:
    """Images that come around the hour that was booked fit."""
    if starts_at is None:
        return _row("Time", stamp(received_at), "", doubtful=True)
    apart = abs(received_at - starts_at)
    words = f"{minutes(apart)} apart"
    near = apart <= NEAR_IN_TIME
    return _row("Time", stamp(received_at), f"Booked {stamp(starts_at)}", near, words, doubtful=True)


def _row(
    field: str, left: str, right: str, same: bool | None = None, verdict: str = "", doubtful: bool = False
) -> dict[str, object]:
    agrees = same if same is not None else left == right
    if agrees:
        words = "Same" if same is None else verdict or "Same"
        return {"field": field, "left": left, "right": right, "verdict": words, "state": "same"}
    if not left or not right:
        return {"field": field, "left": left or "–", "right": right or "–", "verdict": "Not said", "state": "doubtful"}
    words = verdict or rules.difference_words(left, right)
    if doubtful:
        return {"field": field, "left": left, "right": right, "verdict": words, "state": "doubtful"}
    marked = rules.marked(left, right)
    return {"field": field, "left": marked[0], "right": marked[1], "verdict": words, "state": "different"}


@blueprint.post("/reconcile/<int:study_id>/link")
@requires(Right.RECONCILE)
def link_study(study_id: int) -> Response:
    """The chosen order is the one."""
    exam_id = id_in(request.form.get("order"))
    if exam_id is None:
        raise Invalid("Choose the order that the study belongs to.", "order")
    with unit_of_work(context.system()) as uow:
        link.link_by_person(uow, study_id, exam_id, context.actor())
        order = orders.exam_order(uow, exam_id, context.actor())
        number = order.accession_number
    return done(f"Linked to {number}", "/reconcile", f"/studies/{study_id}/unlink?exam={exam_id}")


@blueprint.post("/studies/<int:study_id>/unlink")
@requires(Right.RECONCILE)
def unlink_study(study_id: int) -> Response:
    """The study does not answer this exam."""
    exam_id = id_in(request.args.get("exam") or request.form.get("exam")) or 0
    with unit_of_work(context.system()) as uow:
        link.undo_link(uow, study_id, exam_id, context.actor())
    return done("The link is undone", f"/reconcile?study={study_id}")


@blueprint.get("/quarantine")
@requires(Right.ADMIN)
def quarantine() -> Response:
    """Objects that could not be filed, and others under a known UID."""
    with read_only(context.system()) as uow:
        refused, conflicts = inbox.open_quarantine(uow), inbox.open_conflicts(uow)
    return shell.render("archive/quarantine.html", refused=refused, conflicts=conflicts)
