"""The patient's own page: appointments and exams."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from ris_pacs.kernel import audit
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import OVER, ExamState
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.web import context, shell
from ris_pacs.web.context import requires

blueprint = Blueprint("portal", __name__, url_prefix="/portal")


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
    coming = [one for one in exams if one.state in (ExamState.SCHEDULED, ExamState.ARRIVED, ExamState.REQUESTED)]
    past = [one for one in exams if one not in coming and (one.state not in OVER or one.state == ExamState.FINAL)]
    return shell.render("portal/index.html", coming=coming, past=past, steps=steps)
