"""Associations that store into one study at once, through the group commit of a listener."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from ris_pacs.archive import queries
from ris_pacs.archive.errors import SeriesElsewhere
from ris_pacs.archive.models import Instance, InstanceConflict, Series, Study, StudyLink
from ris_pacs.archive.service.store import ReceivedObject, store_object
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import GroupCommit, System, read_only, unit_of_work
from tests import practice
from tests.archive.objects import an_object, cases, of_exam, study
from tests.worklist.modality import state

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
THREADS = 8


def together(work: Callable[[int], object]) -> list[object]:
    """What each of eight threads returned or raised, all begun at once."""
    barrier, outcomes = threading.Barrier(THREADS), [None] * THREADS

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes[number] = work(number)
        except Exception as problem:
            outcomes[number] = problem

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def association(number: int) -> Actor:
    return Actor("device", "CT1", Role.SYSTEM, 1, f"a{number}", "10.0.0.7")


def file(group: GroupCommit, received: ReceivedObject, number: int) -> str:
    return group.run(lambda uow: store_object(uow, received, association(number)).kind)


def counts(system: System) -> tuple[int, ...]:
    with read_only(system) as uow:
        return tuple(
            uow.session.scalar(select(func.count()).select_from(table)) or 0 for table in (Study, Series, Instance)
        )


@pytest.mark.parametrize("listeners", [1, 2])
def test_many_associations_fill_one_study_and_every_counter_is_right(system, listeners):
    """With two group commits: as two processes of the listener would."""
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    groups = [GroupCommit(system) for _ in range(listeners)]
    uid = booked.study_instance_uid
    objects = [of_exam(system, booked, number, series=f"{uid}.{number % 3}") for number in range(24)]

    def send(thread: int) -> list[str]:
        # Each sends its own three, and the first three that everybody sends.
        mine = objects[thread * 3 : thread * 3 + 3]
        return [file(groups[thread % listeners], one, thread) for one in [*objects[:3], *mine]]

    outcomes = Counter(kind for kinds in together(send) for kind in kinds)
    assert outcomes == {"stored": 24, "known": 24}
    assert counts(system) == (1, 3, 24)
    row = study(system, uid)
    assert (row.instance_count, row.series_count, row.bytes, row.linked) == (24, 3, 24_000, (booked.exam_id,))
    assert sorted((one.instance_count, one.bytes) for one in row.series) == [(8, 8000)] * 3
    assert cases(system) == []
    assert state(system, booked)[0] == "in-progress"
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(StudyLink)) == 1
        stored = uow.session.scalar(select(func.sum(AuditEntry.times)).where(AuditEntry.action == "store"))
        begun = uow.session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "begin"))
    assert (stored, begun) == (24, 1)


def test_eight_kinds_of_content_under_one_uid(system):
    group = GroupCommit(system)
    outcomes = Counter(together(lambda thread: file(group, an_object(content=f"{thread % 4}"), thread)))
    assert outcomes["stored"] == 1
    assert outcomes["known"] + outcomes["conflict"] == THREADS - 1
    assert counts(system) == (1, 1, 1)
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(InstanceConflict)) == 3
    assert study(system).instance_count == 1


def test_one_that_cannot_be_filed_takes_nobody_else_with_it(system):
    group = GroupCommit(system)
    file(group, an_object(series="5.5"), 0)

    def send(thread: int) -> str:
        stolen = thread % 2 == 0
        return file(group, an_object(thread + 10, study="9.9" if stolen else "1.2.3", series="5.5"), thread)

    outcomes = Counter(type(one).__name__ if isinstance(one, Exception) else one for one in together(send))
    assert outcomes == {"SeriesElsewhere": 4, "stored": 4}
    assert SeriesElsewhere.__name__ in outcomes
    assert counts(system) == (1, 1, 5)
    assert study(system).instance_count == 5


def test_eight_studies_of_eight_exams_at_once(system):
    with unit_of_work(system) as uow:
        booked = [
            practice.book(uow, practice.an_order(uow, practice.a_patient(uow, f"P{number}")), start)
            for number in range(THREADS)
            for start in [datetime(2026, 11, 25, 14, 15 * (number % 4), tzinfo=UTC).replace(hour=14 + number // 4)]
        ]
    groups = [GroupCommit(system), GroupCommit(system)]
    objects = [[of_exam(system, one, number) for number in range(4)] for one in booked]
    outcomes = together(lambda thread: [file(groups[thread % 2], one, thread) for one in objects[thread]])
    assert outcomes == [["stored"] * 4] * THREADS
    for one in booked:
        row = study(system, one.study_instance_uid)
        assert (row.linked, row.instance_count) == ((one.exam_id,), 4)
        assert state(system, one)[0] == "in-progress"


def test_series_that_come_at_once_to_a_study_without_link_make_one_link(system):
    """A study that began with an object without keys; then eight processes bring series that have them."""
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    patient = of_exam(system, booked).patient
    file(GroupCommit(system), an_object(series="1.2.3.9", patient=patient), 0)
    objects = [of_exam(system, booked, study="1.2.3", series=f"1.2.3.{number}") for number in range(THREADS)]
    groups = [GroupCommit(system) for _ in range(THREADS)]
    assert together(lambda thread: file(groups[thread], objects[thread], thread)) == ["stored"] * THREADS
    row = study(system)
    assert (row.linked, row.instance_count, row.series_count) == ((booked.exam_id,), 9, 9)
    with read_only(system) as uow:
        assert queries.image_counts(uow, [booked.exam_id]) == {booked.exam_id: 9}
