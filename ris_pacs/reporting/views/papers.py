"""Reports on paper: the PDF of a signed version, and the page that a paper's code leads to."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from ris_pacs.documents.report import report_pdf
from ris_pacs.kernel import audit
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only
from ris_pacs.orders import queries as orders
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import NoSuchReport
from ris_pacs.reporting.queries.printed import Printed, printed, version_by_hash
from ris_pacs.reporting.service.pictures import key_pictures
from ris_pacs.web import context, shell
from ris_pacs.web.context import public, requires

blueprint = Blueprint("papers", __name__)


@blueprint.get("/reports/<int:version_id>.pdf")
@requires(Right.REPORT_VIEW)
def as_pdf(version_id: int) -> Response:
    """A version that the reader may see, as it is printed."""
    with read_only(context.system()) as uow:
        said = _visible(uow, version_id)
        audit.record(
            uow,
            context.actor(),
            "print",
            ("report", said.report_id),
            patient_id=said.patient_id,
            accession_number=said.accession_numbers[0],
            detail={"version": said.version},
        )
    public_url = current_app.extensions["ris_pacs_public_url"]
    made = report_pdf(said, key_pictures(context.system().blobs, said), public_url)
    response = FlaskResponse(made, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"report-{said.accession_numbers[0]}.pdf")
    return response


def _visible(uow: UnitOfWork, version_id: int) -> Printed:
    """Raises NoSuchReport, also when hidden from the actor."""
    actor = context.actor()
    said = printed(uow, version_id)
    for exam_id in orders.exam_rows(uow, list(said.exam_ids), actor):
        shown = queries.shown_report(uow, exam_id, actor)
        if shown is not None and version_id in [one.id for one in shown.versions]:
            return said
    raise NoSuchReport("There is no such report.")


@blueprint.get("/verify/<digest>")
@public
def verify(digest: str) -> Response:
    """Whether a paper's code is that of a report of ours, and whether it still holds; nothing about the patient."""
    with read_only(context.system()) as uow:
        row = version_by_hash(uow, digest.lower()[:64])
        said = printed(uow, row.id) if row is not None else None
        sound = said is not None and not queries.faults(uow, said.report_id)
        withdrawn = said is not None and queries.report(uow, said.report_id).state == "withdrawn"
    return shell.render(
        "reporting/verify.html", 200 if said else 404, said=said, sound=sound, withdrawn=withdrawn, digest=digest[:64]
    )
