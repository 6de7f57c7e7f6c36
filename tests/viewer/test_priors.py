"""Which studies are offered to compare with."""

from __future__ import annotations

from datetime import UTC, datetime

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.viewer import queries
from tests import practice
from tests.archive.objects import an_object, of_exam, store, study

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


def offered(system: System, uid: str, actor: Actor) -> list[str]:
    with read_only(system) as uow:
        shown = archive.study(uow, study(system, uid).id, PROGRAM)
        return [one.study_instance_uid for one in queries.priors(uow, shown, actor)]


def test_earlier_studies_of_the_record_the_newest_first_and_nobody_else_s(system: System) -> None:
    with unit_of_work(system) as uow:
        ida = practice.a_patient(uow, "Halvorsen", "Ida")
        mine = [practice.book(uow, practice.an_order(uow, ida), AT_TWO.replace(hour=19 + n)) for n in range(3)]
        other = practice.book(uow, practice.an_order(uow, practice.a_patient(uow)), AT_TWO.replace(day=25))
    store(system, *(of_exam(system, one) for one in (*mine, other)), an_object(study="1.9"))
    uids = [one.study_instance_uid for one in mine]
    reader = Actor("user", "Ingrid Solberg", Role.RADIOLOGIST, 3, "s3", "127.0.0.1")
    order = sorted(uids, key=lambda uid: study(system, uid).id)
    assert offered(system, order[2], reader) == [order[1], order[0]]
    assert offered(system, order[0], reader) == []
    assert offered(system, "1.9", reader) == [], "nobody knows whose it is"
    stranger = Actor("user", "Somebody", Role.REFERRER, 99, "s9", "127.0.0.1")
    assert offered(system, order[2], stranger) == []
