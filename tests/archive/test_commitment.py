"""Storage commitment: what we promise to keep is here, row and file."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from ris_pacs.archive.models import Commitment, CommittedInstance
from ris_pacs.archive.service import commitment
from ris_pacs.archive.service.commitment import CLASS_CONFLICT, NO_SUCH_INSTANCE, CommitmentRequest
from ris_pacs.archive.service.store import ReceivedObject
from ris_pacs.kernel import jobs
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.archive.objects import CT_IMAGE, SCANNER, an_object, device_id, store

OTHER_CLASS = "1.2.840.10008.5.1.4.1.1.4"


def keep(system: System, *received: ReceivedObject) -> list[str]:
    """Store the objects, with their files."""
    for one in received:
        incoming = system.blobs.incoming()
        incoming.write(b"bytes")
        incoming.finish()
        system.blobs.place(incoming, one.object_key)
    store(system, *received)
    return [one.instance.sop_instance_uid for one in received]


def ask(system: System, transaction: str, *references: tuple[str, str], title: str = "CT1") -> None:
    request = CommitmentRequest(transaction, device_id(system, title), references)
    with unit_of_work(system) as uow:
        commitment.ask(uow, request, SCANNER)


def judge(system: System, transaction: str) -> commitment.Report:
    with unit_of_work(system) as uow:
        asked = uow.session.scalars(select(Commitment).where(Commitment.transaction_uid == transaction)).one()
        return commitment.judge(uow, asked)


def committed(system: System) -> int:
    with read_only(system) as uow:
        return uow.session.scalar(select(func.count()).select_from(CommittedInstance)) or 0


def test_each_reference_is_judged_by_itself(system):
    first, second, lost = keep(system, an_object(1), an_object(2), an_object(3))
    system.blobs.delete(an_object(3).object_key)
    row_only = an_object(4)
    store(system, row_only)
    references = (
        (CT_IMAGE, first),
        (OTHER_CLASS, second),
        (CT_IMAGE, lost),
        (CT_IMAGE, row_only.instance.sop_instance_uid),
        (CT_IMAGE, "9.9.9"),
        (CT_IMAGE, first),
    )
    ask(system, "7.1", *references)
    report = judge(system, "7.1")
    assert report.transaction_uid == "7.1"
    assert report.committed == ((CT_IMAGE, first), (CT_IMAGE, first))
    assert report.failed == (
        (OTHER_CLASS, second, CLASS_CONFLICT),
        (CT_IMAGE, lost, NO_SUCH_INSTANCE),
        (CT_IMAGE, row_only.instance.sop_instance_uid, NO_SUCH_INSTANCE),
        (CT_IMAGE, "9.9.9", NO_SUCH_INSTANCE),
    )
    assert committed(system) == 1
    with read_only(system) as uow:
        assert uow.session.scalars(select(Commitment.failed)).one() == 4


def test_judged_again_it_says_the_same_and_what_came_meanwhile_counts(system, clock):
    (first,) = keep(system, an_object(1))
    second = an_object(2)
    ask(system, "7.1", (CT_IMAGE, first), (CT_IMAGE, second.instance.sop_instance_uid))
    assert len(judge(system, "7.1").failed) == 1
    assert len(judge(system, "7.1").failed) == 1
    keep(system, second)
    assert judge(system, "7.1").failed == ()
    assert committed(system) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_long_list_is_judged_whole(system):
    with unit_of_work(system):
        pass
    uids = keep(system, *(an_object(number) for number in range(1, 41)))
    references = [(CT_IMAGE, uid) for uid in uids] + [(CT_IMAGE, f"9.{number}") for number in range(1200)]
    ask(system, "7.1", *references)
    report = judge(system, "7.1")
    assert (len(report.committed), len(report.failed)) == (40, 1200)


def test_a_request_is_noted_once_and_answered_again_when_asked_again(system):
    (first,) = keep(system, an_object(1))
    ask(system, "7.1", (CT_IMAGE, first))
    ask(system, "7.1", (CT_IMAGE, first))
    ask(system, "7.1", (CT_IMAGE, first), title="MR1")  # Another device's transaction of the same number.
    with unit_of_work(system) as uow:
        asked = uow.session.scalars(select(Commitment).order_by(Commitment.id)).all()
        assert len(asked) == 2
        kinds = [jobs.claim(uow).payload["commitment_id"] for _ in asked]
        assert (kinds, jobs.claim(uow)) == ([one.id for one in asked], None)
        commitment.note_answer(uow, asked[0].id, "no route to host" + "!" * 400)
    with read_only(system) as uow:
        first_asked = uow.session.get_one(Commitment, asked[0].id)
        assert (first_asked.attempts, first_asked.answered_at, len(first_asked.error)) == (1, None, 300)
    with unit_of_work(system) as uow:
        commitment.note_answer(uow, asked[0].id, None)
    with read_only(system) as uow:
        first_asked = uow.session.get_one(Commitment, asked[0].id)
        assert (first_asked.attempts, first_asked.answered_at, first_asked.error) == (2, system.clock(), None)
    ask(system, "7.1", (CT_IMAGE, first))
    with unit_of_work(system) as uow:
        assert uow.session.get_one(Commitment, asked[0].id).answered_at is None
        assert jobs.claim(uow) is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_else_asks(system, desk):
    request = CommitmentRequest("7.1", device_id(system, "CT1"), ())
    with pytest.raises(Forbidden), unit_of_work(system) as uow:
        commitment.ask(uow, request, desk)
