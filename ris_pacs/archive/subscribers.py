"""What the archive does when images come and exams move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.archive import queries
from ris_pacs.archive.events import StudyLinked, StudyUnlinked
from ris_pacs.archive.queries import arriving
from ris_pacs.archive.service import complete
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.rules import ExamState, Move, may_move
from ris_pacs.orders.service.exams import locked_exam, move_exam, note_oddity
from ris_pacs.worklist import queries as worklist
from ris_pacs.worklist.events import StepCompleted

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def study_linked(uow: UnitOfWork, event: StudyLinked, actor: Actor) -> None:
    complete.images_came(uow, arriving.locked_exams_of_study(uow, event.study_id), actor)


def study_unlinked(uow: UnitOfWork, event: StudyUnlinked, actor: Actor) -> None:
    """An exam whose images went away is no longer to be read."""
    exam = locked_exam(uow, event.requested_procedure_id)
    if queries.image_count(uow, exam.id):
        return
    if may_move(exam.state, Move.LOSE_IMAGES):
        move_exam(uow, exam.id, Move.LOSE_IMAGES, actor)
    elif exam.state in (ExamState.PRELIMINARY, ExamState.FINAL):
        text = f"{actor.name} took away the images that this exam was read from"
        note_oddity(uow, exam.id, "read-without-images", text, actor)


def step_completed(uow: UnitOfWork, event: StepCompleted, actor: Actor) -> None:
    for exam_id in worklist.exams_of_performed_step(uow, event.performed_step_id):
        complete.check_complete(uow, exam_id, actor)
        complete.wait_for_quiet(uow, exam_id)
