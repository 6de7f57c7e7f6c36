"""One reader for each exam, on either database, also when two are as fast as each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Busy, DomainError, Forbidden
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import ReadByOther, StalePage, WrongReportState
from ris_pacs.reporting.rules import states
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.service.claims import NextCase


def test_opening_an_exam_makes_it_ones_own(room, attending, resident):
    exam = room.exam()
    opened = room.open(exam.exam_id, attending)
    assert room.state(exam.exam_id) == "reading"
    assert (opened.revision, set(opened.sections.values())) == (0, {""})
    with pytest.raises(ReadByOther, match="Ingrid Solberg is reading"):
        room.open(exam.exam_id, resident)
    with read_only(room.system) as uow:
        (row,) = queries.to_read(uow, resident)
    assert row.reader is not None
    assert (row.reader.name, row.reader.mine, row.reader.lapsed) == ("Ingrid Solberg", False, False)


def test_giving_it_back(room, attending, resident):
    exam = room.exam()
    room.open(exam.exam_id, attending)
    with pytest.raises(StalePage), unit_of_work(room.system) as uow:
        claims.release(uow, exam.exam_id, resident)
    with unit_of_work(room.system) as uow:
        claims.release(uow, exam.exam_id, attending)
    assert room.state(exam.exam_id) == "to-read"
    room.open(exam.exam_id, resident)


def test_a_reader_who_gives_no_sign_of_life_loses_it_and_the_text_stays(room, clock, attending, resident):
    exam = room.exam()
    room.written(exam.exam_id, attending, findings="Half a sen")
    clock.advance(seconds=states.LEASE.total_seconds() - 1)
    with pytest.raises(ReadByOther):
        room.open(exam.exam_id, resident)
    clock.advance(seconds=2)
    assert room.open(exam.exam_id, resident).sections["findings"] == "Half a sen"


def test_what_cannot_be_read(room, attending, resident, technologist):
    exam = room.exam()
    with pytest.raises(Forbidden):
        room.open(exam.exam_id, technologist)
    with pytest.raises(Forbidden):
        room.open(exam.exam_id, PROGRAM)
    opened, revision = room.written(exam.exam_id, resident)
    room.sign(opened, revision, resident, "preliminary")
    with pytest.raises(WrongReportState, match="preliminary"):  # It waits for who may sign it.
        room.open(exam.exam_id, resident)
    opened = room.open(exam.exam_id, attending)
    room.sign(opened, opened.revision, attending)
    with pytest.raises(WrongReportState, match="final"):
        room.open(exam.exam_id, attending)


def test_a_second_exam_takes_the_say_from_the_first_page(room, attending):
    first, second = room.exam(), room.exam(family="Ito")
    written, revision = room.written(first.exam_id, attending)
    room.open(second.exam_id, attending)
    assert room.state(first.exam_id) == "reading"  # Something is written: it waits for its reader.
    saved = room.save(written, attending, revision, findings="Lungs clear. And of whom is this?")
    assert isinstance(saved.problem, StalePage)
    again = room.open(first.exam_id, attending)
    assert room.state(second.exam_id) == "to-read"  # Nothing was: it went back.
    assert again.sections["findings"] == "Lungs clear."


def test_another_sign_in_of_the_same_person_keeps_its_own(room, attending):
    first, second = room.exam(), room.exam(family="Ito")
    opened, revision = room.written(first.exam_id, attending)
    room.open(second.exam_id, replace(attending, occasion="at home"))
    assert room.save(opened, attending, revision, findings="Goes on.").problem is None


def next_of(room, actor, **wanted) -> int | None:
    with unit_of_work(room.system) as uow:
        return claims.next_case(uow, NextCase(**wanted), actor)


def test_the_next_case_is_the_most_urgent_that_nobody_reads(room, clock, attending, resident):
    old = room.exam()
    clock.advance(minutes=5)
    knee, stat = room.exam("MRKNEE", family="Ito"), room.exam(family="Abara", priority="stat")
    assert next_of(room, attending) == stat.exam_id
    assert next_of(room, resident, after=old.exam_id) == knee.exam_id
    assert next_of(room, resident, modality="MR") is None
    assert next_of(room, resident) == old.exam_id
    assert next_of(room, resident) is None
    assert room.open(old.exam_id, resident).page.exam_id == old.exam_id


def test_a_preliminary_report_is_the_next_case_of_who_may_sign_it(room, attending, resident):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, resident)
    room.sign(opened, revision, resident, "preliminary")
    assert next_of(room, resident) is None
    assert next_of(room, attending) == exam.exam_id


def test_images_that_go_away_end_the_reading(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    with unit_of_work(room.system) as uow:
        move_exam(uow, exam.exam_id, Move.LOSE_IMAGES, PROGRAM)
    saved = room.save(opened, attending, revision, findings="Still typing")
    assert isinstance(saved.problem, StalePage)
    with read_only(room.system) as uow:
        report = queries.live_report(uow, exam.exam_id)
        assert [row.sections["findings"] for row in queries.set_aside(uow, report.id, attending)] == ["Still typing"]


def at_once(*works: Callable[[], object]) -> list[object]:
    """Each in a thread, all let go together; what each answered or raised."""
    answers: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(number: int) -> None:
        gate.wait()
        try:
            answers[number] = works[number]()
        except DomainError as problem:
            answers[number] = problem

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_two_who_open_one_exam_at_once(room, attending, resident):
    for _ in range(4):
        exam_id = room.exam(family=f"Family{room.starts:%d}").exam_id
        answers = at_once(*(partial(room.open, exam_id, who) for who in (attending, resident)))
        refused = [one for one in answers if isinstance(one, DomainError)]
        assert len(refused) == 1, answers
        assert isinstance(refused[0], ReadByOther | Busy)


def test_two_who_ask_for_the_next_case_at_once_get_two(room, attending, resident):
    for number in range(4):
        wanted = {room.exam(family=f"One{number}").exam_id, room.exam(family=f"Two{number}").exam_id}
        answers = at_once(*(partial(next_of, room, who) for who in (attending, resident)))
        got = [next_of(room, attending) if isinstance(one, Busy) else one for one in answers]
        assert set(got) == wanted
