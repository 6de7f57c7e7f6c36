"""Cancelling, holding, changing, reinstating; and what is odd about an exam."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from ris_pacs.accounts import queries as accounts
from ris_pacs.catalog.errors import NoSuchPractitioner
from ris_pacs.catalog.service.doctors import DoctorFacts, find_or_add_practitioner
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries
from ris_pacs.orders.errors import AlreadyBegun, NoSuchExam, NoSuchOrder, WrongState
from ris_pacs.orders.models import Oddity
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import change, exams
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.models import ResourceBooking
from ris_pacs.worklist import service as worklist
from tests import practice
from tests.conftest import THE_MORNING

AT_TWO = THE_MORNING + timedelta(hours=3, minutes=18)
EMR = Actor("partner", "EMR|HOSPITAL", Role.SYSTEM, 1, "m1")


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, AT_TWO)


def move(system: System, exam_id: int, *moves: Move) -> None:
    with unit_of_work(system) as uow:
        for one in moves:
            exams.move_exam(uow, exam_id, one, PROGRAM)


def state(system: System, booked: practice.Booked) -> tuple[str, str]:
    with read_only(system) as uow:
        row = scheduling.step_row(uow, booked.step_id, PROGRAM)
        return row.exam.state, row.state


def cancel(system: System, order_id: int, actor: Actor, reason: str = "patient called") -> None:
    with unit_of_work(system) as uow:
        change.cancel_order(uow, order_id, reason, actor)


def oddities(system: System, exam_id: int) -> list[str]:
    with read_only(system) as uow:
        return [one.code for one in queries.open_oddities(uow, exam_id)]


def waiting(system: System) -> list[int]:
    with read_only(system) as uow:
        site = practice.catalog.sites(uow)[0].id
        return [row.id for row in scheduling.waiting(uow, site, PROGRAM)]


# --- cancel


@pytest.mark.parametrize("moves", [(), (Move.CHECK_IN,), (Move.UNBOOK,), (Move.UNBOOK, Move.HOLD)])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_order_is_cancelled_until_the_exam_begins(system, booked, desk, moves):
    move(system, booked.exam_id, *moves)
    cancel(system, booked.order_id, desk)
    assert state(system, booked) == ("cancelled", "dropped")
    with read_only(system) as uow:
        last = queries.history(uow, booked.exam_id)[-1]
        why = uow.session.scalars(select(AuditEntry.why).where(AuditEntry.action == "cancel")).one()
    assert (last.move, last.note, last.actor_name, why) == ("cancel", "patient called", desk.name, "patient called")
    with pytest.raises(WrongState, match="cancelled"):
        cancel(system, booked.order_id, desk)


@pytest.mark.parametrize(
    "moves",
    [
        (Move.BEGIN,),
        (Move.BEGIN, Move.PERFORM),
        (Move.BEGIN, Move.PERFORM, Move.COMPLETE),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_cancel_that_comes_too_late_changes_nothing_and_is_shown(system, booked, desk, moves):
    move(system, booked.exam_id, *moves)
    before = state(system, booked)
    for actor in (desk, EMR):
        with pytest.raises(AlreadyBegun, match=booked.accession_number):
            cancel(system, booked.order_id, actor)
    assert state(system, booked) == before
    for _ in range(2):
        with unit_of_work(system) as uow:
            change.note_late_cancel(uow, booked.order_id, "", EMR)
    with read_only(system) as uow:
        notes = queries.open_oddities(uow, booked.exam_id)
    assert [(one.code, one.text, one.source) for one in notes] == [
        ("late-cancel", "EMR|HOSPITAL asked to cancel after the exam began: no reason given", "EMR|HOSPITAL")
    ]


def test_what_was_broken_off_a_person_may_cancel_and_a_message_may_not(system, booked, desk, technologist):
    with unit_of_work(system) as uow:
        worklist.begin_by_hand(uow, booked.exam_id, technologist)
        worklist.stop_by_hand(uow, booked.exam_id, "claustrophobia", technologist)
    with pytest.raises(AlreadyBegun):
        cancel(system, booked.order_id, EMR)
    assert state(system, booked) == ("discontinued", "discontinued")
    cancel(system, booked.order_id, desk)
    assert state(system, booked)[0] == "cancelled"
    with unit_of_work(system) as uow:
        change.reinstate_exam(uow, booked.exam_id, desk)
    assert state(system, booked) == ("requested", "waiting")
    assert waiting(system) == [booked.step_id]


@pytest.mark.parametrize("reason", ["", "   "])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_cancel_needs_a_reason_and_the_right(system, booked, desk, reason):
    with pytest.raises(Invalid) as caught:
        cancel(system, booked.order_id, desk, reason)
    assert caught.value.field == "reason"
    with pytest.raises(Forbidden):
        cancel(system, booked.order_id, Actor("user", "Marion", Role.BILLER, 1))
    with pytest.raises(NoSuchOrder):
        cancel(system, 99_999, desk)
    cancel(system, booked.order_id, desk, "why? " * 1000)
    assert state(system, booked)[0] == "cancelled"


# --- hold, release, reinstate


def test_an_order_on_hold_is_not_waiting_for_a_time(system, desk):
    with unit_of_work(system) as uow:
        order = practice.an_order(uow, practice.a_patient(uow))
    assert len(waiting(system)) == 1
    with unit_of_work(system) as uow:
        change.hold_order(uow, order.id, "authorisation", desk)
    assert waiting(system) == []
    with pytest.raises(WrongState, match="on hold"), unit_of_work(system) as uow:
        change.hold_order(uow, order.id, "again", desk)
    with unit_of_work(system) as uow:
        change.release_order(uow, order.id, "", desk)
    assert len(waiting(system)) == 1
    with pytest.raises(WrongState), unit_of_work(system) as uow:
        change.release_order(uow, order.id, "", desk)


def test_a_reinstated_exam_waits_for_a_time_again(system, booked, desk):
    with pytest.raises(WrongState), unit_of_work(system) as uow:
        change.reinstate_exam(uow, booked.exam_id, desk)
    cancel(system, booked.order_id, desk)
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(ResourceBooking)) == 0
    with unit_of_work(system) as uow:
        change.reinstate_exam(uow, booked.exam_id, desk)
    assert state(system, booked) == ("requested", "waiting")
    assert waiting(system) == [booked.step_id]
    with pytest.raises(NoSuchExam), unit_of_work(system) as uow:
        change.reinstate_exam(uow, 99_999, desk)


@pytest.mark.parametrize("move_away", [Move.LEAVE, Move.MISS])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_left_or_did_not_come_may_come_again(system, booked, desk, move_away):
    move(system, booked.exam_id, *((Move.CHECK_IN,) if move_away is Move.LEAVE else ()), move_away)
    assert state(system, booked)[1] == "dropped"
    with unit_of_work(system) as uow:
        change.reinstate_exam(uow, booked.exam_id, desk)
    assert state(system, booked) == ("requested", "waiting")


# --- facts


def test_facts_of_an_order_change_one_by_one_and_the_trail_says_how(system, booked, desk):
    for said in (
        change.OrderChange(booked.order_id, priority="stat"),
        change.OrderChange(booked.order_id, question=" Embolism? "),
        change.OrderChange(booked.order_id),
    ):
        with unit_of_work(system) as uow:
            change.change_order(uow, said, desk)
    with read_only(system) as uow:
        order = queries.order(uow, booked.order_id, PROGRAM)
        details = uow.session.scalars(
            select(AuditEntry.detail).where(AuditEntry.action == "change", AuditEntry.entity_kind == "order")
        ).all()
    assert (order.priority, order.question) == ("stat", "Embolism?")
    assert details == [{"priority": ["routine", "stat"]}, {"question": ["", "Embolism?"]}, None]


@pytest.mark.parametrize(
    ("said", "error", "field"),
    [
        ({"priority": "asap"}, Invalid, "priority"),
        ({"question": "x" * 4001}, Invalid, "question"),
        ({"referrer_id": 99_999}, NoSuchPractitioner, "referrer"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_changes_that_cannot_be(system, booked, desk, said, error, field):
    with pytest.raises(error) as caught, unit_of_work(system) as uow:
        change.change_order(uow, change.OrderChange(booked.order_id, **said), desk)
    assert caught.value.field == field


def test_a_new_referrer_sees_the_exam(system, booked, desk):
    with unit_of_work(system) as uow:
        user = accounts.user_by_email(uow, "referrer@demo.example")
        doctor_id, referrer = user.practitioner_id, Actor("user", user.name, Role.REFERRER, user.id)
    with read_only(system) as uow:
        assert queries.by_accession(uow, booked.accession_number, referrer) == []
    with unit_of_work(system) as uow:
        change.change_order(uow, change.OrderChange(booked.order_id, referrer_id=doctor_id), desk)
    with read_only(system) as uow:
        assert [one.id for one in queries.by_accession(uow, booked.accession_number, referrer)] == [booked.order_id]
        assert queries.exam_rows(uow, [booked.exam_id], referrer)[booked.exam_id].referrer.endswith("MD")


def test_a_doctor_without_an_account_is_only_a_name(system, desk):
    with unit_of_work(system) as uow:
        doctor = find_or_add_practitioner(uow, DoctorFacts("Brandt", "Ilse", suffix="MD"), PROGRAM)
        order = practice.an_order(uow, practice.a_patient(uow), referrer_id=doctor.id)
        exam_id = order.exams[0].id
        assert queries.exam_rows(uow, [exam_id], PROGRAM)[exam_id].referrer == "Ilse Brandt, MD"


# --- oddities


def test_an_oddity_is_shown_once_until_somebody_has_looked(system, booked, desk, clock):
    def note(text: str) -> None:
        with unit_of_work(system) as uow:
            exams.note_oddity(uow, booked.exam_id, "images-for-cancelled", text, PROGRAM)

    note("x" * 1000)
    note("again")
    assert oddities(system, booked.exam_id) == ["images-for-cancelled"]
    with unit_of_work(system) as uow:
        oddity = uow.session.scalars(select(Oddity)).one()
        assert len(oddity.text) == 300
        exams.settle_oddity(uow, oddity.id, desk)
    settled = clock.now
    clock.advance(hours=1)
    with unit_of_work(system) as uow:
        kept = exams.settle_oddity(uow, oddity.id, PROGRAM)
        assert (kept.settled_at, kept.settled_by) == (settled, desk.name)
    assert oddities(system, booked.exam_id) == []
    note("and again")
    assert oddities(system, booked.exam_id) == ["images-for-cancelled"]
    with pytest.raises(NoSuchExam), unit_of_work(system) as uow:
        exams.settle_oddity(uow, 99_999, desk)


def test_every_move_leaves_history_with_both_times(system, booked, technologist, clock):
    began = clock.now
    clock.advance(minutes=20)
    with unit_of_work(system) as uow:
        exams.move_exam(uow, booked.exam_id, Move.BEGIN, technologist, at=began, note="n" * 1000)
    with read_only(system) as uow:
        last = queries.history(uow, booked.exam_id)[-1]
    assert (last.from_state, last.to_state, last.at, last.noted_at) == ("scheduled", "in-progress", began, clock.now)
    assert len(last.note) == 500
    with pytest.raises(NoSuchExam):
        move(system, 99_999, Move.BEGIN)
