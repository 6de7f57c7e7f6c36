"""What modalities report about exams, and the same by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Executable, select

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders.queries import RequestedProcedure
from ris_pacs.orders.rules import ExamState, Move, may_move
from ris_pacs.orders.service.exams import locked_exam, move_exam, note_oddity
from ris_pacs.patients import queries as patients
from ris_pacs.patients.rules import Identity
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.rules import StepState, exam_outcome
from ris_pacs.scheduling.service.booking import end_step, start_step
from ris_pacs.worklist import queries
from ris_pacs.worklist.errors import NoSuchPerformedStep, StepEnded, StepExists
from ris_pacs.worklist.events import StepCompleted, StepStarted
from ris_pacs.worklist.models import (
    PerformedObject,
    PerformedSeries,
    PerformedStep,
    PerformedStepLink,
    WorklistQuery,
)

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork
    from ris_pacs.worklist.queries import StepReference

A_START = "a start"


@dataclass(frozen=True)
class ListedSeries:
    """A series as an MPPS lists it. objects: (SOP class, SOP instance)."""

    series_instance_uid: str
    objects: tuple[tuple[str, str], ...] = ()
    description: str = ""
    protocol: str = ""


@dataclass(frozen=True)
class BegunStep:
    """An N-CREATE (PS3.4 F.7.2.1), or a technologist's "begin". started_at: in the device's words, as an instant.

    identity: the patient as the device has it; shown: the same for people, kept with the step.
    """

    sop_instance_uid: str
    references: tuple[StepReference, ...]
    identity: Identity
    started_at: datetime
    identifier: str = ""
    device_id: int | None = None
    station_ae_title: str = ""
    modality: str = ""
    description: str = ""
    series: tuple[ListedSeries, ...] = ()
    shown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepUpdate:
    """An N-SET (PS3.4 F.7.2.2). state: "in progress", "completed" or "discontinued"; None leaves it.

    series replaces the whole list, as the standard has it; None leaves it.
    """

    sop_instance_uid: str
    state: str | None = None
    ended_at: datetime | None = None
    reason: str = ""
    description: str | None = None
    series: tuple[ListedSeries, ...] | None = None


def begin_step(uow: UnitOfWork, begun: BegunStep, actor: Actor) -> PerformedStep:
    """A modality has begun. Every exam that the references lead to without contradiction is in progress.

    Nothing is refused because our schedule did not expect it; what is odd is noted for a person.
    Raises StepExists.
    """
    demand(actor, Right.EXAM_PERFORM)
    known = queries.by_sop_instance(uow, begun.sop_instance_uid)
    if known is not None:
        for link in known.links:
            note_oddity(
                uow, link.requested_procedure_id, "mpps-twice", f"{actor.name} reported the same start again", actor
            )
        raise StepExists(f"The performed step {begun.sop_instance_uid} exists already.")
    step = PerformedStep(
        sop_instance_uid=begun.sop_instance_uid,
        identifier=begun.identifier[:16],
        device_id=begun.device_id,
        station_ae_title=begun.station_ae_title[:16],
        modality=begun.modality[:16],
        state="in progress",
        started_at=begun.started_at,
        description=begun.description[:64],
        study_instance_uid=next((one.study_instance_uid for one in begun.references if one.study_instance_uid), ""),
        identity=begun.shown,
        made_at=uow.now,
    )
    uow.session.add(step)
    uow.session.flush()
    _list_series(uow, step, begun.series)
    for reference in begun.references:
        _link(uow, step, reference, begun.identity, actor)
    for link in _links(uow, step):
        _begin_exam(uow, link, begun.started_at, actor)
    uow.emit(StepStarted(step.id), actor)
    return step


def update_step(uow: UnitOfWork, update: StepUpdate, actor: Actor) -> PerformedStep:
    """Progress or the end. Raises NoSuchPerformedStep, StepEnded."""
    demand(actor, Right.EXAM_PERFORM)
    step = queries.by_sop_instance(uow, update.sop_instance_uid, lock=True)
    if step is None:
        raise NoSuchPerformedStep(f"There is no performed step {update.sop_instance_uid}.")
    if step.state != "in progress":
        for link in _links(uow, step):
            text = f"{actor.name} changed a performed step that had ended"
            note_oddity(uow, link.requested_procedure_id, "mpps-after-end", text, actor)
        raise StepEnded("The performed procedure step may no longer be updated.")
    if update.series is not None:
        _list_series(uow, step, update.series)
    if update.description is not None:
        step.description = update.description[:64]
    if update.state in ("completed", "discontinued"):
        _end(uow, step, update, actor)
    return step


def _link(uow: UnitOfWork, step: PerformedStep, reference: StepReference, identity: Identity, actor: Actor) -> None:
    """Tie the step to the exam that the reference names, unless the patient contradicts."""
    found = queries.resolve(uow, reference)
    if found is None:
        return
    doubts = patients.contradictions(uow, found.patient_id, identity)
    if doubts:
        text = f"{actor.name} reported a start under this number with another {' and '.join(doubts)}"
        note_oddity(uow, found.exam_id, "mpps-other-patient", text, actor)
        return
    known = uow.session.scalar(
        select(PerformedStepLink.id).where(
            PerformedStepLink.performed_step_id == step.id,
            PerformedStepLink.requested_procedure_id == found.exam_id,
            PerformedStepLink.scheduled_step_id == found.step_id,
        )
    )
    if known is None:
        uow.session.add(
            PerformedStepLink(
                performed_step_id=step.id,
                requested_procedure_id=found.exam_id,
                scheduled_step_id=found.step_id,
                how=found.how,
            )
        )
        uow.session.flush()


def _links(uow: UnitOfWork, step: PerformedStep) -> list[PerformedStepLink]:
    return list(uow.session.scalars(select(PerformedStepLink).where(PerformedStepLink.performed_step_id == step.id)))


def _begin_exam(uow: UnitOfWork, link: PerformedStepLink, at: datetime, actor: Actor) -> None:
    exam = locked_exam(uow, link.requested_procedure_id)
    if link.scheduled_step_id is not None:
        start_step(uow, link.scheduled_step_id)
    begin_exam(uow, exam, actor, at, A_START)


def begin_exam(uow: UnitOfWork, exam: RequestedProcedure, actor: Actor, at: datetime, what: str) -> None:
    """Something happened to the patient: the exam is in progress, or goes on; if that is odd, a person is told.

    what: in words, A_START or "images".
    """
    if exam.state == ExamState.IN_PROGRESS:
        return
    if may_move(exam.state, Move.BEGIN):
        move_exam(uow, exam.id, Move.BEGIN, actor, at=min(at, uow.now))
    elif may_move(exam.state, Move.RESUME):
        move_exam(uow, exam.id, Move.RESUME, actor, note=f"{what} after the end")
    elif exam.state != ExamState.READING or what == A_START:  # A reader's own presentation states are no news.
        word = exam.state.replace("-", " ")
        note_oddity(uow, exam.id, f"begun-{exam.state}", f"{actor.name} reported {what}, but the exam is {word}", actor)


def _end(uow: UnitOfWork, step: PerformedStep, update: StepUpdate, actor: Actor) -> None:
    assert update.state is not None
    step.state = update.state
    step.ended_at = update.ended_at or uow.now
    step.discontinued_because = update.reason[:100]
    completed = update.state == "completed"
    uow.session.flush()
    for link in _links(uow, step):
        if link.scheduled_step_id is not None:
            end_step(uow, link.scheduled_step_id, StepState.COMPLETED if completed else StepState.DISCONTINUED)
        _settle_exam(uow, link.requested_procedure_id, update, actor)
    uow.emit(StepCompleted(step.id), actor)


def _settle_exam(uow: UnitOfWork, exam_id: int, update: StepUpdate, actor: Actor) -> None:
    """The exam follows from its steps, once no performed step of it runs on."""
    uow.session.flush()
    exam = locked_exam(uow, exam_id)
    if queries.running_steps(uow, exam_id):
        return
    states = [row.state for row in scheduling.steps_of_exams(uow, [exam_id], PROGRAM)]
    outcome = exam_outcome(states)
    if outcome == "perform" and may_move(exam.state, Move.PERFORM):
        move_exam(uow, exam_id, Move.PERFORM, actor, at=_not_later(update.ended_at, uow.now))
    elif outcome == "discontinue" and may_move(exam.state, Move.DISCONTINUE):
        move_exam(uow, exam_id, Move.DISCONTINUE, actor, note=update.reason or None)


def _not_later(at: datetime | None, now: datetime) -> datetime:
    return min(at, now) if at is not None else now


def _list_series(uow: UnitOfWork, step: PerformedStep, listed: tuple[ListedSeries, ...]) -> None:
    """The list as said now. A series or object that an earlier list had and this one lacks is struck."""
    known = {one.series_instance_uid: one for one in queries.series_of(uow, step.id)}
    merged: dict[str, ListedSeries] = {}
    for one in listed:  # A series that is named twice has all the objects.
        before = merged.get(one.series_instance_uid)
        merged[one.series_instance_uid] = replace(one, objects=before.objects + one.objects) if before else one
    for uid in set(known) - set(merged):
        for struck in known[uid].objects:
            uow.session.delete(struck)
        uow.session.delete(known[uid])
    for one in merged.values():
        series = known.get(one.series_instance_uid)
        if series is None:
            series = PerformedSeries(performed_step_id=step.id, series_instance_uid=one.series_instance_uid)
            uow.session.add(series)
        series.description, series.protocol = one.description[:64], one.protocol[:64]
        wanted = dict.fromkeys((uid, sop_class) for sop_class, uid in one.objects)
        have = {(obj.sop_instance_uid, obj.sop_class_uid) for obj in series.objects}
        for obj in [obj for obj in series.objects if (obj.sop_instance_uid, obj.sop_class_uid) not in wanted]:
            series.objects.remove(obj)
            uow.session.delete(obj)
        series.objects += [
            PerformedObject(sop_instance_uid=uid, sop_class_uid=sop_class)
            for uid, sop_class in wanted
            if (uid, sop_class) not in have
        ]
    uow.session.flush()


# --- by hand, for devices without MPPS


def begin_by_hand(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """A technologist begins. Raises NoSuchExam, WrongState, Forbidden."""
    demand(actor, Right.EXAM_PERFORM)
    move_exam(uow, exam_id, Move.BEGIN, actor)
    for row in scheduling.steps_of_exams(uow, [exam_id], actor):
        if row.state in (StepState.SCHEDULED, StepState.WAITING):
            start_step(uow, row.id)


def finish_by_hand(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Done: every step that is not yet ended is completed. Raises NoSuchExam, WrongState, Forbidden."""
    demand(actor, Right.EXAM_PERFORM)
    end_steps(uow, exam_id, StepState.COMPLETED, actor)
    move_exam(uow, exam_id, Move.PERFORM, actor)


def stop_by_hand(uow: UnitOfWork, exam_id: int, reason: str, actor: Actor) -> None:
    """Broken off. Raises NoSuchExam, WrongState, Forbidden."""
    demand(actor, Right.EXAM_PERFORM)
    end_steps(uow, exam_id, StepState.DISCONTINUED, actor)
    move_exam(uow, exam_id, Move.DISCONTINUE, actor, note=reason or None)


def end_steps(uow: UnitOfWork, exam_id: int, state: StepState, actor: Actor) -> None:
    """Every step that is not yet ended, so that none hangs as scheduled."""
    for row in scheduling.steps_of_exams(uow, [exam_id], actor):
        if row.state in (StepState.SCHEDULED, StepState.WAITING, StepState.STARTED):
            end_step(uow, row.id, state)


# --- the log of who asked


def note_query(uow: UnitOfWork, device_id: int, keys: dict[str, str], answers: int, actor: Actor) -> None:
    """A device asked for its worklist; what it saw of whom is one audit row for each query."""
    uow.run(_NOTE_QUERY, {"device_id": device_id, "at": uow.now, "keys": keys, "answers": answers})
    audit.record(
        uow,
        actor,
        "query worklist",
        ("worklist", actor.name),
        patient_id=None,
        detail={"keys": keys, "answers": answers},
    )


def _note_query(dialect: str) -> Executable:
    noted = insert_of(dialect)(WorklistQuery)
    latest = {name: noted.excluded[name] for name in ("at", "keys", "answers")}
    statement: Executable = noted.on_conflict_do_update(index_elements=["device_id"], set_=latest)
    return statement


_NOTE_QUERY = Prepared(_note_query, ("device_id", "at", "keys", "answers"))
