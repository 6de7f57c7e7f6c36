"""Everything that the page of the reading room shows about one exam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, or_, select

from ris_pacs.archive import queries as archive
from ris_pacs.archive.models import Study, StudyLink
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.orders.rules import exam_title
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Patient
from ris_pacs.reporting import queries
from ris_pacs.reporting.models import AutoText, ReportKeyImage, ReportTemplate, ReportVersion
from ris_pacs.reporting.queries import images
from ris_pacs.reporting.rules.text import empty_sections

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class PriorReport:
    exam: orders.ExamRow
    version: ReportVersion
    study_date: str


@dataclass(frozen=True)
class Workspace:
    """fitting: how many of the templates are made for this procedure; they come first."""

    order: Order
    exam: RequestedProcedure
    title: str
    patient: Patient
    studies: Sequence[archive.StudyRow]
    priors: Sequence[archive.StudyRow]
    prior_reports: Sequence[PriorReport]
    report: queries.Report | None
    text: queries.Text
    signed: Sequence[ReportVersion]
    key_images: Sequence[ReportKeyImage]
    reader: queries.Reader | None
    templates: Sequence[ReportTemplate]
    fitting: int
    together: Sequence[orders.ExamRow]
    siblings: Sequence[orders.ExamRow]


def workspace(uow: UnitOfWork, exam_id: int, actor: Actor) -> Workspace:
    """Raises NoSuchExam."""
    order = orders.exam_order(uow, exam_id, actor)
    exam = next(one for one in order.exams if one.id == exam_id)
    ids = patients.linked_ids(uow, order.patient_id)
    studies = archive.studies_of_exam(uow, exam_id, actor)
    report = queries.live_report(uow, exam_id)
    covered = queries.exams_of_report(uow, report.id) if report else []
    others = siblings(uow, exam_id)
    rows = orders.exam_rows(uow, [*covered, *others], actor)
    templates, fitting = templates_for(uow, exam)
    text = queries.current_text(uow, report.id) if report else None
    return Workspace(
        order=order,
        exam=exam,
        title=exam_title(exam.procedure_name, exam.laterality),
        patient=patients.patient_of_visible_order(uow, ids[0]),
        studies=studies,
        priors=_priors(uow, ids, studies, actor),
        prior_reports=_prior_reports(uow, ids, exam_id, actor),
        report=report,
        text=text or queries.Text(empty_sections(), [], None, "draft"),
        signed=queries.signed_versions(uow, report.id) if report else [],
        key_images=images.key_images(uow, report.id) if report else [],
        reader=queries.readers_of(uow, [exam_id], actor).get(exam_id),
        templates=templates,
        fitting=fitting,
        together=[rows[one] for one in covered if one in rows and one != exam_id],
        siblings=[rows[one] for one in others if one in rows and one not in covered],
    )


def _priors(
    uow: UnitOfWork, ids: Sequence[int], shown: Sequence[archive.StudyRow], actor: Actor
) -> list[archive.StudyRow]:
    """Earlier studies of the record's patient, merges followed (FEATURES.md E6), the newest first."""
    here = {one.id for one in shown}
    latest = max((one.study_date for one in shown), default="99999999")
    found = [one for one in archive.studies_of_patient(uow, ids, actor) if one.id not in here]
    return [one for one in found if one.study_date <= latest][:12]


def _prior_reports(uow: UnitOfWork, ids: Sequence[int], exam_id: int, actor: Actor) -> list[PriorReport]:
    found = queries.latest_of_patient(uow, ids, exam_id, actor)
    begun = _begun(uow, [row.id for row, _ in found])
    return [PriorReport(row, version, begun.get(row.id, "")) for row, version in found]


def _begun(uow: UnitOfWork, exam_ids: Sequence[int]) -> dict[int, str]:
    """Exam id → study date (DA) of its images."""
    rows = uow.session.execute(
        select(StudyLink.requested_procedure_id, Study.study_date)
        .join(Study, Study.id == StudyLink.study_id)
        .where(StudyLink.requested_procedure_id.in_(exam_ids), StudyLink.undone_at.is_(None))
    )
    return {exam_id: day for exam_id, day in rows}


def siblings(uow: UnitOfWork, exam_id: int) -> list[int]:
    """Other exams that the same study answers."""
    own = select(StudyLink.study_id).where(StudyLink.requested_procedure_id == exam_id, StudyLink.undone_at.is_(None))
    return list(
        uow.session.scalars(
            select(StudyLink.requested_procedure_id)
            .where(
                StudyLink.study_id.in_(own),
                StudyLink.undone_at.is_(None),
                StudyLink.requested_procedure_id != exam_id,
            )
            .distinct()
            .order_by(StudyLink.requested_procedure_id)
        )
    )


def templates_for(uow: UnitOfWork, exam: RequestedProcedure) -> tuple[list[ReportTemplate], int]:
    """Those made for the procedure first, then the modality's, then the others; and how many are made for it."""
    code = exam.procedure.code
    rows = uow.session.scalars(
        select(ReportTemplate).order_by(
            case((ReportTemplate.modality == exam.modality, 0), else_=1), ReportTemplate.name, ReportTemplate.id
        )
    ).all()
    fitting = [one for one in rows if code in one.procedures]
    return [*fitting, *(one for one in rows if one not in fitting)], len(fitting)


def autotexts(uow: UnitOfWork, actor: Actor) -> list[AutoText]:
    """Everybody's and one's own, by name; of two with one name one's own comes last, and so counts."""
    return list(
        uow.session.scalars(
            select(AutoText)
            .where(or_(AutoText.owner_id.is_(None), AutoText.owner_id == actor.id))
            .order_by(AutoText.name, case((AutoText.owner_id.is_(None), 0), else_=1))
        )
    )
