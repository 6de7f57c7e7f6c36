from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ris_pacs.kernel import audit, counters, topics
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Invalid, StorageFull
from ris_pacs.kernel.tables import AuditEntry, Mark
from ris_pacs.kernel.uow import GroupCommit, System, UnitOfWork, read_only, unit_of_work

VIEWER = Actor("user", "Dana", Role.FRONTDESK, 7, "s7", "127.0.0.1")


def marks(system: System) -> set[str]:
    with read_only(system) as uow:
        return set(uow.session.scalars(select(Mark.name)))


def test_leaving_the_block_commits(system):
    with unit_of_work(system) as uow:
        uow.session.add(Mark(name="kept", value=1))
    assert "kept" in marks(system)


def test_an_exception_leaves_nothing(system):
    with pytest.raises(Invalid), unit_of_work(system) as uow:
        uow.session.add(Mark(name="lost", value=1))
        uow.session.flush()
        audit.record(uow, PROGRAM, "try", ("mark", "lost"), patient_id=None)
        raise Invalid("no")
    assert "lost" not in marks(system)
    with read_only(system) as uow:
        assert not uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "try")).all()


def test_what_a_read_only_unit_changes_is_not_kept(system):
    with read_only(system) as uow:
        uow.session.add(Mark(name="by mistake", value=1))
    with suppress(DBAPIError), read_only(system) as uow:  # PostgreSQL refuses it, SQLite takes it back.
        uow.session.add(Mark(name="by mistake", value=1))
        uow.session.flush()
    assert "by mistake" not in marks(system)


def test_views_of_one_sitting_are_one_row_that_counts(system, clock):
    for _ in range(3):
        with read_only(system) as uow:
            audit.record_view(uow, VIEWER, ("patient", 5), patient_id=5)
    clock.advance(hours=1)
    with read_only(system) as uow:
        audit.record_view(uow, VIEWER, ("patient", 5), patient_id=5)
    with read_only(system) as uow:
        rows = uow.session.scalars(select(AuditEntry).where(AuditEntry.patient_id == 5).order_by(AuditEntry.id)).all()
    assert [row.times for row in rows] == [3, 1]


def test_many_threads_count_without_gap_or_repeat(system):
    taken: list[int] = []
    lock = threading.Lock()

    def take() -> None:
        for _ in range(5):
            with unit_of_work(system) as uow:
                number = counters.next_number(uow, "test")
            with lock:
                taken.append(number)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 41))


def test_topics_count_every_transaction_that_touched_them(system):
    for _ in range(2):
        with unit_of_work(system) as uow:
            uow.touch("board:1")
            uow.touch("board:1")
    with read_only(system) as uow:
        assert topics.versions(uow.session)["board:1"] == 2


def test_group_commit_fails_one_item_alone(system):
    group = GroupCommit(system)
    results: dict[str, object] = {}
    barrier = threading.Barrier(6)

    def work(name: str, uow: UnitOfWork) -> str:
        uow.session.add(Mark(name=name, value=1))
        uow.session.flush()
        audit.record(uow, PROGRAM, "mark", ("mark", name), patient_id=None)
        if name == "bad":
            raise Invalid("bad item")
        return name

    def run(name: str) -> None:
        barrier.wait()
        try:
            results[name] = group.run(lambda uow: work(name, uow))
        except Invalid as problem:
            results[name] = problem

    names = ["a", "b", "bad", "c", "d", "e"]
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(results.pop("bad"), Invalid)
    assert results == {name: name for name in names if name != "bad"}
    assert {"a", "b", "c", "d", "e"} <= marks(system)
    assert "bad" not in marks(system)
    with read_only(system) as uow:
        audited = uow.session.scalars(select(AuditEntry.entity_id).where(AuditEntry.action == "mark")).all()
    assert sorted(audited) == ["a", "b", "c", "d", "e"]


def test_a_part_that_fails_in_a_group_is_taken_back_and_the_rest_stays(system):
    def work(uow: UnitOfWork) -> str:
        counters.next_number(uow, "before")
        try:
            with uow.savepoint():
                counters.next_number(uow, "part")
                uow.session.add(Mark(name="part", value=1))
                uow.touch("part")
                raise Invalid("the part fails")
        except Invalid:
            uow.session.add(Mark(name="noted", value=1))
        return "done"

    assert GroupCommit(system).run(work) == "done"
    assert "noted" in marks(system)
    assert "part" not in marks(system)
    with unit_of_work(system) as uow:
        assert counters.next_number(uow, "before") == 2
        assert counters.next_number(uow, "part") == 1
        assert "part" not in topics.versions(uow.session)


def test_statements_beside_the_session_share_its_fate(system):
    with pytest.raises(Invalid), unit_of_work(system) as uow:
        counters.next_number(uow, "fate")
        uow.session.add(Mark(name="fate", value=1))
        uow.session.flush()
        counters.next_number(uow, "fate")
        raise Invalid("no")
    with unit_of_work(system) as uow:
        assert counters.next_number(uow, "fate") == 1
        with pytest.raises(Invalid), uow.savepoint():
            counters.next_number(uow, "fate")
            raise Invalid("no")
        uow.session.add(Mark(name="fate", value=1))
    with unit_of_work(system) as uow:
        assert counters.next_number(uow, "fate") == 2
    assert "fate" in marks(system)


def test_a_full_database_is_said_in_plain_words(system):
    if not system.database.sqlite:
        pytest.skip("PostgreSQL cannot be made full from here; SQLite can")
    with system.database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.connection.driver_connection.execute(f"PRAGMA max_page_count={pages + 5}")
        connection.rollback()
        # The pool hands the same connection to the next user.
    with pytest.raises(StorageFull, match="no room"), unit_of_work(system) as uow:
        for number in range(500):
            uow.session.add(Mark(name=f"m{number}", value="x" * 2000))
        uow.session.flush()
    assert "m0" not in marks(system)
