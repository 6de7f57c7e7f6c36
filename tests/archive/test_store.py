"""Filing objects: each once, with counters that are right, and nothing refused without need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from ris_pacs.archive import queries
from ris_pacs.archive.errors import SeriesElsewhere
from ris_pacs.archive.models import Instance, InstanceConflict, Quarantined, Series, Study
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service.store import Refused, quarantine, store_object
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests import practice
from tests.archive.objects import SCANNER, an_object, of_exam, store, study

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


def count(system: System, table: type) -> int:
    with read_only(system) as uow:
        return uow.session.scalar(select(func.count()).select_from(table)) or 0


def counters(system: System, uid: str = "1.2.3") -> tuple[int, int, int, tuple[str, ...]]:
    row = study(system, uid)
    return row.series_count, row.instance_count, row.bytes, row.modalities


def test_the_first_object_brings_its_study_and_series(system, clock):
    assert store(system, an_object(accession="X")) == ["stored"]
    row = study(system)
    assert (row.received_name, row.received_patient_id, row.accession_number) == ("SMITH^JOHN", "X-1", "X")
    assert (row.study_date, row.study_time, row.station, row.received_at) == ("20261124", "1042", "CT1", clock.now)
    assert [(one.series_instance_uid, one.instance_count, one.bytes) for one in row.series] == [("1.2.3.1", 1, 1000)]
    assert row.patient_id is None


def test_counters_and_modalities_of_a_growing_study(system):
    store(system, an_object(1), an_object(2, size=500))
    assert counters(system) == (1, 2, 1500, ("CT",))
    store(system, an_object(1, series="1.2.3.2", modality="PT", size=2 * 10**9))
    store(system, an_object(1, series="1.2.3.3", modality="CT", size=2 * 10**9))
    store(system, an_object(1, series="1.2.3.4", modality=""))
    assert counters(system) == (4, 5, 4 * 10**9 + 2500, ("CT", "PT"))
    with read_only(system) as uow:
        assert uow.session.scalars(select(Study.modalities)).one() == "CT\\PT"
    assert counters(system)[1] == count(system, Instance)


def test_several_objects_of_one_transaction_are_counted_together(system):
    with unit_of_work(system) as uow:
        for number in range(1, 6):
            store_object(uow, an_object(number), SCANNER)
        for number in range(1, 4):
            store_object(uow, an_object(number, series="1.2.3.2", modality="SR"), SCANNER)
        store_object(uow, an_object(1), SCANNER)
        store_object(uow, an_object(1, study="1.2.4"), SCANNER)
    assert counters(system) == (2, 8, 8000, ("CT", "SR"))
    assert counters(system, "1.2.4") == (1, 1, 1000, ("CT",))


def test_the_same_object_again_is_known_and_counted_once(system, clock):
    assert store(system, an_object(), an_object()) == ["stored", "known"]
    clock.advance(hours=1)
    assert store(system, an_object()) == ["known"]
    assert counters(system) == (1, 1, 1000, ("CT",))
    assert count(system, InstanceConflict) == 0


def test_another_content_under_a_known_uid_is_kept_aside_and_shown(system):
    first = an_object()
    other = an_object(content="other", size=999)
    assert store(system, first, other, other, an_object(content="third")) == ["stored"] + ["conflict"] * 3
    assert counters(system) == (1, 1, 1000, ("CT",))
    with read_only(system) as uow:
        kept = inbox.open_conflicts(uow)
        assert uow.session.scalars(select(Instance.digest)).one() == first.instance.digest
    assert (kept[1].key, kept[1].size, kept[1].digest) == (other.object_key, 999, other.instance.digest)
    assert len(kept) == 2


def test_a_known_uid_in_another_study_is_kept_aside_too(system):
    store(system, an_object(1, series="5.5"))
    moved = an_object(1, study="9.9", series="5.5", content="the same UID, other words")
    assert store(system, moved) == ["conflict"]
    assert count(system, Instance) == 1


def test_a_series_of_another_study_is_refused_and_leaves_nothing(system):
    store(system, an_object(1, series="5.5"))
    with pytest.raises(SeriesElsewhere, match=r"5\.5"):
        store(system, an_object(2, study="9.9", series="5.5"))
    assert (count(system, Study), count(system, Series), count(system, Instance)) == (1, 1, 1)
    assert counters(system) == (1, 1, 1000, ("CT",))


def test_only_who_may_store_stores(system, desk):
    for actor in (desk, Actor("user", "Lena", Role.REFERRER, 1), Actor("token", "portal", Role.PATIENT, 1)):
        with pytest.raises(Forbidden):
            store(system, an_object(), actor=actor)
    assert count(system, Study) == 0


def test_an_association_that_stores_is_one_row_of_the_trail_per_study(system, clock):
    store(system, *(an_object(number) for number in range(1, 4)), an_object(1, study="1.2.4"))
    other = Actor("device", "CT1", Role.SYSTEM, 1, "a2", "10.0.0.7")
    store(system, an_object(4), actor=other)
    with read_only(system) as uow:
        rows = uow.session.execute(
            select(AuditEntry.entity_id, AuditEntry.times, AuditEntry.actor_name)
            .where(AuditEntry.action == "store")
            .order_by(AuditEntry.id)
        ).all()
    first, second = str(study(system).id), str(study(system, "1.2.4").id)
    assert [tuple(row) for row in rows] == [(first, 3, "CT1"), (second, 1, "CT1"), (first, 1, "CT1")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_list_of_what_is_held_is_right_for_any_number(system):
    with unit_of_work(system) as uow:
        for number in range(1, 1203):
            store_object(uow, an_object(number), SCANNER)
    uids = [f"1.2.3.1.{number}" for number in range(1, 1300)]
    with read_only(system) as uow:
        assert queries.received_of(uow, uids) == set(uids[:1202])
        assert queries.received_of(uow, []) == set()


def test_the_picture_of_a_series_is_the_one_in_its_middle(system):
    store(system, *(an_object(number) for number in (5, 1, 4, 2, 3)))
    series = study(system).series[0]
    with read_only(system) as uow:
        shown = queries.instance(uow, series.thumbnail_instance_id, PROGRAM)
        ordered = queries.instances_of_series(uow, series.id, PROGRAM)
    assert shown.number == 3
    assert [one.number for one in ordered] == [1, 2, 3, 4, 5]


def test_what_cannot_be_filed_is_shown_with_its_reason(system):
    refused = Refused("quarantine/ab.dcm", "no data set\x7f", 12, "CT1", "1." * 60, "2." * 60)
    with unit_of_work(system) as uow:
        quarantine(uow, refused, SCANNER)
    with read_only(system) as uow:
        kept = inbox.open_quarantine(uow)
    assert [(one.reason, one.size, one.source, len(one.sop_instance_uid)) for one in kept] == [
        ("no data set\x7f", 12, "CT1", 64)
    ]
    assert count(system, Quarantined) == 1


# --- what the house does about images may fail; the images stay


def failing(*_: object) -> None:
    raise RuntimeError("a reaction that has a fault")


def test_a_failing_reaction_never_refuses_an_image_and_is_shown(system, monkeypatch):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    monkeypatch.setattr("ris_pacs.archive.service.complete.wait_for_quiet", failing)
    assert store(system, of_exam(system, booked)) == ["stored"]
    uid = booked.study_instance_uid
    assert counters(system, uid) == (1, 1, 1000, ("CT",))
    with read_only(system) as uow:
        exam = practice.scheduling.step_row(uow, booked.step_id, PROGRAM).exam
        waiting = inbox.open_cases(uow, PROGRAM)
        trail = uow.session.scalars(
            select(AuditEntry.action).where(AuditEntry.accession_number == booked.accession_number)
        ).all()
    assert exam.state == "scheduled"
    assert {case.reason for case in waiting} == {"link-failed"}
    # What was taken back is not in the trail either.
    assert [action for action in trail if action not in ("place", "book", "store")] == []


def test_a_failing_reaction_to_a_later_image_is_shown_and_the_next_one_is_tried_again(system, monkeypatch):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    store(system, of_exam(system, booked, 1))
    monkeypatch.setattr("ris_pacs.archive.service.tally.locked_exams_of_study", failing)
    assert store(system, of_exam(system, booked, 2)) == ["stored"]
    monkeypatch.undo()
    assert store(system, of_exam(system, booked, 3)) == ["stored"]
    assert counters(system, booked.study_instance_uid) == (1, 3, 3000, ("CT",))
    with read_only(system) as uow:
        assert [case.text for case in inbox.open_cases(uow, PROGRAM)] == ["The exam could not be moved; look at it"]
        assert queries.image_count(uow, booked.exam_id) == 3


def test_a_failing_link_never_refuses_an_image_and_is_shown(system, monkeypatch):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    monkeypatch.setattr("ris_pacs.archive.service.link._decide", failing)
    assert store(system, of_exam(system, booked), of_exam(system, booked, 2)) == ["stored", "stored"]
    with read_only(system) as uow:
        assert [case.text for case in inbox.open_cases(uow, PROGRAM)] == ["Linking failed; link it by hand"]
    assert study(system, booked.study_instance_uid).linked == ()
    monkeypatch.undo()
    store(system, of_exam(system, booked, 1, series=f"{booked.study_instance_uid}.2"))
    assert study(system, booked.study_instance_uid).linked == (booked.exam_id,)


def test_a_study_of_the_last_day_is_where_its_date_says(system, clock):
    store(system, an_object())
    clock.advance(days=1)
    store(system, an_object(2))
    with read_only(system) as uow:
        kept = uow.session.scalars(select(Study)).one()
        assert kept.changed_at - kept.received_at == timedelta(days=1)
        assert queries.totals(uow) == (1, 2, 2000)
