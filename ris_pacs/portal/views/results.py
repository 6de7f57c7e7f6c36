"""Results that are released: the report, its images, both to take away; and who has looked at the record."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO

from flask import Blueprint, current_app
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from ris_pacs.archive.queries.objects import Place, WebObject, objects_at, record_disclosure
from ris_pacs.documents.report import report_pdf
from ris_pacs.kernel import audit
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders import queries as orders
from ris_pacs.portal import queries
from ris_pacs.reporting.queries.printed import Printed, printed
from ris_pacs.reporting.rules.text import SECTIONS
from ris_pacs.reporting.service.pictures import key_pictures
from ris_pacs.web import context, shell
from ris_pacs.web.context import requires
from ris_pacs.web.security import for_pixels

blueprint = Blueprint("results", __name__, url_prefix="/portal")

PIECE = 1 << 20


@blueprint.get("/exams/<int:exam_id>")
@requires(Right.PORTAL)
def result(exam_id: int) -> Response:
    """The report as text."""
    with read_only(context.system()) as uow:
        found = queries.result(uow, exam_id, context.actor())
        said = printed(uow, found.version.id)
    return shell.render("portal/result.html", result=found, said=said, sections=SECTIONS)


@blueprint.get("/exams/<int:exam_id>/report.pdf")
@requires(Right.PORTAL)
def as_pdf(exam_id: int) -> Response:
    with read_only(context.system()) as uow:
        found = queries.result(uow, exam_id, context.actor())
        said = printed(uow, found.version.id)
        audit.record(
            uow,
            context.actor(),
            "print",
            ("report", said.report_id),
            patient_id=found.exam.patient.id,
            accession_number=found.exam.accession_number,
        )
    return _pdf(said, found.exam.accession_number)


def _pdf(said: Printed, number: str) -> Response:
    made = report_pdf(said, key_pictures(context.system().blobs, said), current_app.extensions["ris_pacs_public_url"])
    response = FlaskResponse(made, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"report-{number}.pdf")
    return response


@blueprint.get("/exams/<int:exam_id>/images")
@requires(Right.PORTAL)
def images(exam_id: int) -> Response:
    """The images of the exam in the viewer."""
    with read_only(context.system()) as uow:
        found = queries.result(uow, exam_id, context.actor())
    return for_pixels(shell.render("portal/images.html", result=found))


@blueprint.get("/exams/<int:exam_id>/images.zip")
@requires(Right.PORTAL)
def images_zip(exam_id: int) -> Response:
    """The images as DICOM files, to take to another doctor."""
    system, actor = context.system(), context.actor()
    with read_only(system) as uow:
        found = queries.result(uow, exam_id, actor)
        objects: list[WebObject] = []
        for study in found.studies:
            these = objects_at(uow, Place(study.study_instance_uid), actor)
            record_disclosure(uow, these, actor, "retrieve")
            objects += these
    system.cache.mkdir(parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=system.cache)  # noqa: SIM115 - it is closed when it is sent
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, one in enumerate(objects, 1):
            archive.write(system.blobs.path(one.object_key), f"images/{number:05}.dcm")
    file.seek(0)
    response = FlaskResponse(_pieces(file), mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"images-{found.exam.accession_number}.zip")
    return response


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


@blueprint.get("/record")
@requires(Right.PORTAL)
def record() -> Response:
    """Who has looked at the patient's record."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        exams = orders.list_exams(uow, orders.ExamFilter(), actor, limit=200)
        ids = sorted({one.patient.id for one in exams} | queries.own_records(uow, actor))
        for patient_id in ids:
            audit.record_view(uow, actor, ("patient", patient_id), patient_id=patient_id)
        looks = queries.looks(uow, ids)
    return shell.render("portal/record.html", looks=looks)
