"""Performed exams, for the biller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flask import Blueprint
from werkzeug.wrappers import Response

from ris_pacs.billing.queries import performed
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.queries import ExamRow
from ris_pacs.orders.rules import WORDS, ExamState
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file
from ris_pacs.web.asking import day_asked
from ris_pacs.web.context import requires
from ris_pacs.web.words import day

blueprint = Blueprint("performed", __name__)

ONE_DAY = timedelta(days=1)


@blueprint.get("/billing/performed")
@requires(Right.BILLING_VIEW)
def index() -> Response:
    chosen, exams = _performed()
    return shell.render(
        "billing/performed.html", exams=exams, day=chosen, previous=chosen - ONE_DAY, following=chosen + ONE_DAY
    )


@blueprint.get("/billing/performed.csv")
@requires(Right.BILLING_VIEW)
def as_csv() -> Response:
    chosen, exams = _performed()
    head = ("Accession number", "Patient", "MRN", "Born", "Exam", "Modality", "State", "Diagnoses", "Referrer")
    return csv_file(
        f"performed-{chosen.isoformat()}",
        head,
        (
            (
                one.accession_number,
                one.patient.name.shown,
                one.patient.mrn,
                day(one.patient.birth_date),
                one.title,
                one.modality,
                WORDS[ExamState(one.state)],
                one.diagnoses,
                one.referrer,
            )
            for one in exams
        ),
    )


def _performed() -> tuple[date, Sequence[ExamRow]]:
    chosen = day_asked()
    with read_only(context.system()) as uow:
        return chosen, performed.performed(uow, chosen, chosen, context.site().zone, context.actor())
