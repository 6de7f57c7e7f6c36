"""`kill -9` of each process while modalities store and a hospital orders: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from sqlalchemy import select

from ris_pacs.archive.models import Instance
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.models import Order
from tests.databases import KINDS, Databases
from tests.flow import modality
from tests.flow.emr import Answer, a_person, emr, new_number, new_order
from tests.flow.practice_running import Practice, running_practice, until
from tests.flow.test_flow import an_exam_on_the_worklist, exam_page

IMAGES, ORDERS = 15, 12
TROUBLE = (OSError, RuntimeError, ValueError, AssertionError, AttributeError)
# What N-CREATE and N-SET are answered when the first answer was lost with its process (PS3.7 Annex C, PS3.4 F.7.2.2.3).
BEGUN, ENDED = (0x0000, 0x0111), (0x0000, 0x0110)


@pytest.fixture(scope="module", params=KINDS)
def practice(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    """A practice of its own: what is killed here must not be somebody else's."""
    with running_practice(databases, request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@dataclass
class Load:
    """What was acknowledged; `reached` is set by the acknowledgement of that number."""

    kill_at: int
    images: list[str] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    reached: threading.Event = field(default_factory=threading.Event)

    def note(self) -> None:
        if len(self.images) + len(self.orders) >= self.kill_at:
            self.reached.set()


def perform(practice: Practice, station: str, item: Dataset, images: list[Dataset], load: Load) -> None:
    """As a modality does: says that it begins, stores, says that it has ended and what it made."""
    uid = generate_uid()
    until(
        lambda: tried(lambda: modality.create(practice, station, item, uid) in BEGUN), "the answer that the step began"
    )
    store_all(practice, station, images, load)
    until(
        lambda: tried(lambda: modality.end(practice, station, uid, images) in ENDED), "the answer that the step ended"
    )


def store_all(practice: Practice, station: str, images: list[Dataset], load: Load) -> None:
    """What was not acknowledged is sent again on a new association."""
    left = list(images)

    def attempt() -> bool:
        ae = AE(station)
        ae.add_requested_context(modality.CT)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
        made = ae.associate("127.0.0.1", practice.ports["dicom"], ae_title=modality.CALLED)
        try:
            while left and made.is_established:
                if made.send_c_store(left[0]).get("Status") != 0x0000:
                    break
                load.images.append(left.pop(0).SOPInstanceUID)
                load.note()
        finally:
            if made.is_established:
                made.release()
        return not left

    until(lambda: tried(attempt), "the acknowledgement of every image")


def written(folder: Path, images: list[Dataset]) -> dict[str, bytes]:
    """SOP Instance UID → the data set."""
    return {path.stem: modality.data_set_of(path) for path in modality.write(folder, images)}


def retrieved(practice: Practice, item: Dataset, folder: Path) -> dict[str, bytes]:
    """All images of the study, as getscu gets them."""
    folder.mkdir()
    keys = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={item.StudyInstanceUID}")
    address = modality.address(practice, practice.add_node())
    done = modality.dcmtk("getscu", "-v", "-S", "+x=", "+B", "-od", folder, *keys, *address)
    assert done.returncode == 0, done.stdout
    return {
        str(dcmread(path, stop_before_pixels=True).SOPInstanceUID): modality.data_set_of(path)
        for path in folder.iterdir()
    }


def order_all(practice: Practice, load: Load) -> None:
    """As an interface engine does: the same message again until it is answered."""
    for _ in range(ORDERS):
        placer = new_number()
        text = new_order(a_person(), placer)

        def attempt(text: str = text) -> Answer:
            with emr(practice.ports["hl7"]) as hospital:
                return hospital.send(text)

        answer = until(lambda attempt=attempt: tried(attempt), "the answer to an order")
        assert answer.code == "AA", answer.lines
        load.orders[placer] = answer.accession
        load.note()


def tried(attempt):  # type: ignore[no-untyped-def]
    """None where the other side went away in the middle."""
    try:
        return attempt()
    except TROUBLE:
        return None


def kill(practice: Practice, victim: str) -> None:
    if victim == "supervisor":
        assert practice.process is not None
        practice.process.kill()
        practice.process.wait()
        until(lambda: not practice.processes(), "the end of the supervisor's children")
        (practice.data_dir / "ports.json").unlink(missing_ok=True)
        practice.start()
        return
    pid = practice.processes()[victim]
    os.kill(pid, signal.SIGKILL)
    until(lambda: practice.processes().get(victim, pid) != pid, f"another {victim}")


@pytest.mark.parametrize("seed", range(5))
def test_nothing_acknowledged_is_lost_or_doubled(practice: Practice, seed: int, tmp_path: Path) -> None:
    victim = ("dicom", "hl7", "worker", "web", "supervisor")[seed]
    load = Load(kill_at=random.Random(seed).randrange(3, IMAGES + ORDERS))
    exams = [an_exam_on_the_worklist(practice, tmp_path / str(number), a_person()) for number in range(2)]
    sent = [(station, modality.series(item, IMAGES)) for station, item in exams]
    with ThreadPoolExecutor(3) as senders:
        work = [
            senders.submit(perform, practice, station, item, images, load)
            for (station, item), (_, images) in zip(exams, sent, strict=True)
        ]
        work.append(senders.submit(order_all, practice, load))
        assert load.reached.wait(60)
        kill(practice, victim)
        for one in work:
            one.result()

    uids = [image.SOPInstanceUID for _, images in sent for image in images]
    assert sorted(load.images) == sorted(uids)
    assert len(set(load.orders.values())) == ORDERS, "two orders share an accession number"
    with read_only(practice.system) as uow:
        stored = uow.session.scalars(select(Instance.sop_instance_uid).where(Instance.sop_instance_uid.in_(uids)))
        assert sorted(stored) == sorted(uids)
        placed = uow.session.scalars(select(Order.placer_number).where(Order.placer_number.in_(load.orders)))
        assert sorted(placed) == sorted(load.orders)
    for (_, item), (_, images) in zip(exams, sent, strict=True):
        page = exam_page(practice, item.AccessionNumber)
        assert page.state == "To read"
        assert f"{IMAGES} of {IMAGES}" in page.text  # Received against the scanner’s list
        assert retrieved(practice, item, tmp_path / item.AccessionNumber) == written(tmp_path / "sent", images)
    assert practice.verify("--deep", "--repair") == {}
