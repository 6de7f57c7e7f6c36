"""When all images of an exam are here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from ris_pacs.archive import queries, rules
from ris_pacs.archive.queries.arriving import QUIET_KEY, ArrivingExam
from ris_pacs.kernel import jobs
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.orders.rules import ExamState, Move, may_move
from ris_pacs.orders.service.exams import locked_exam, move_exam
from ris_pacs.scheduling.rules import StepState
from ris_pacs.worklist import queries as worklist
from ris_pacs.worklist.service import begin_exam, end_steps

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

QUIET_JOB = "archive.quiet"


def images_came(uow: UnitOfWork, exams: Iterable[ArrivingExam], actor: Actor) -> None:
    """New images of exams that are held: they have begun, and may be complete."""
    for one in exams:
        # Most images are neither the first nor the last: the exam goes on, and somebody will tell when it has ended.
        if one.state == ExamState.IN_PROGRESS and (one.by_mpps or one.watched):
            continue
        exam = locked_exam(uow, one.id)
        if exam.state not in (ExamState.PERFORMED, ExamState.TO_READ, ExamState.DISCONTINUED):
            begin_exam(uow, exam, actor, uow.now, "images")
        check_complete(uow, one.id, actor)
        wait_for_quiet(uow, one.id)


def check_complete(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Ready to be read once every object that the performed steps list has been received."""
    exam = locked_exam(uow, exam_id)
    if not may_move(exam.state, Move.COMPLETE) or exam.state == ExamState.DISCONTINUED:
        return
    listed = queries.listed_objects(uow, exam_id)
    if rules.is_complete(listed, queries.received_of(uow, listed)):
        move_exam(uow, exam_id, Move.COMPLETE, actor, note=f"{len(listed)} of {len(listed)} images received")


def complete_by_hand(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """A technologist has finished an exam: without an MPPS list, the images that are here are all."""
    exam = locked_exam(uow, exam_id)
    count = queries.image_count(uow, exam_id)
    if exam.state == ExamState.PERFORMED and count and not queries.listed_objects(uow, exam_id):
        move_exam(uow, exam_id, Move.COMPLETE, actor, note=f"{count} images, said {actor.name}")


def read_what_is_there(uow: UnitOfWork, exam_id: int, reason: str, actor: Actor) -> None:
    """A named person sends the exam to reading though images are missing. Raises WrongState."""
    move_exam(uow, exam_id, Move.COMPLETE, actor, note=reason or "read what is there")


def wait_for_quiet(uow: UnitOfWork, exam_id: int) -> None:
    """Where silence tells that the images are all here: look again when it has lasted."""
    if _silence_tells(uow, exam_id, locked_exam(uow, exam_id).state):
        minutes = queries.quiet_minutes(uow, exam_id)
        run_at = uow.now + timedelta(minutes=minutes)
        jobs.enqueue(uow, QUIET_JOB, {"exam_id": exam_id}, run_at=run_at, key=f"{QUIET_KEY}{exam_id}")


def _silence_tells(uow: UnitOfWork, exam_id: int, state: str) -> bool:
    """For a device without MPPS, and for one whose performed steps have ended without listing what they made."""
    if state == ExamState.PERFORMED:
        return not worklist.running_steps(uow, exam_id) and not queries.listed_objects(uow, exam_id)
    return state == ExamState.IN_PROGRESS and not worklist.steps_of_exam(uow, exam_id)


def end_when_quiet(uow: UnitOfWork, exam_id: int) -> None:
    """The job: performed and complete when no image has come for the device's N minutes; else wait on."""
    exam = locked_exam(uow, exam_id)
    if not _silence_tells(uow, exam_id, exam.state):
        return
    minutes = queries.quiet_minutes(uow, exam_id)
    last = queries.last_image_at(uow, exam_id)
    if last is None:
        return
    if last + timedelta(minutes=minutes) > uow.now:
        run_at = last + timedelta(minutes=minutes)
        jobs.enqueue(uow, QUIET_JOB, {"exam_id": exam_id}, run_at=run_at, key=f"{QUIET_KEY}{exam_id}")
        return
    note = f"no new image for {minutes} minutes"
    if exam.state == ExamState.IN_PROGRESS:
        end_steps(uow, exam_id, StepState.COMPLETED, PROGRAM)
        move_exam(uow, exam_id, Move.PERFORM, PROGRAM, note=note)
    move_exam(uow, exam_id, Move.COMPLETE, PROGRAM, note=note)
