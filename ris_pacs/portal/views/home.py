"""The patient's own page: appointments and exams."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint
from werkzeug.wrappers import Response

from ris_pacs.archive import queries as archive
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import OVER, ExamState
from ris_pacs.portal import queries
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.web import context, shell
from ris_pacs.web.context import requires

blueprint = Blueprint("portal", __name__, url_prefix="/portal")

TO_COME = (ExamState.SCHEDULED, ExamState.ARRIVED, ExamState.REQUESTED, ExamState.ON_HOLD)
LATEST = datetime.max.replace(tzinfo=UTC)


@blueprint.get("")
@requires(Right.PORTAL)
def index() -> Response:
    """What a patient sees: only exams that a grant opens."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        exams = orders.list_exams(uow, orders.ExamFilter(), actor, limit=100)
        steps = {step.exam.id: step for step in scheduling.steps_of_exams(uow, [one.id for one in exams], actor)}
        for patient_id in {one.patient.id for one in exams}:
            audit.record_view(uow, actor, ("patient", patient_id), patient_id=patient_id)
        coming = [one for one in exams if one.state in TO_COME]
        preparation = orders.preparations(uow, [one.id for one in coming])
        site = catalog.site(uow, context.site().id)
        ids = [one.id for one in exams]
        released = queries.released(uow, ids)
        held = {
            exam_id: row.held_until
            for exam_id, row in orders.releases(uow, ids).items()
            if row.signed_at is not None and row.held_until is not None and exam_id not in released
        }
        with_images = set(archive.image_counts(uow, sorted(released)))
    coming.sort(key=lambda one: (_starts_at(steps.get(one.id)) or LATEST, one.id))
    past = [
        one for one in exams if one.state not in TO_COME and (one.state not in OVER or one.state == ExamState.FINAL)
    ]
    past.sort(key=lambda one: (one.state_since, one.id), reverse=True)
    next_at = _starts_at(steps.get(coming[0].id)) if coming else None
    return shell.render(
        "portal/index.html",
        coming=coming,
        past=past,
        steps=steps,
        preparation=preparation,
        site=site,
        next_at=next_at,
        released=released,
        held=held,
        with_images=with_images,
        latest=next((one for one in past if one.id in released), None),
    )


def _starts_at(step: scheduling.StepRow | None) -> datetime | None:
    return step.starts_at if step else None
