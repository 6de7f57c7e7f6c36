"""A disk that fills up: senders are told to keep what they have, nobody falls over, and with space it goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ris_pacs.archive.models import Instance
from ris_pacs.kernel.uow import read_only
from ris_pacs.orders.models import Order
from tests.databases import KINDS, Databases
from tests.flow import modality
from tests.flow.emr import a_person, emr, new_number, new_order
from tests.flow.practice_running import Practice, running_practice, until
from tests.flow.test_flow import an_exam_on_the_worklist, exam_page
from tests.flow.test_images import send_as_it_is
from tests.flow.visitor import Visitor

SIZE = "64m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: A FULL DISK IS NOT TESTED")
    yield disk
    # Lazily: this process itself keeps the lock file of SQLite's writers open.
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture(params=KINDS)
def practice(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path, small_disk: Path
) -> Iterator[Practice]:
    """All of its data lies on the small disk: the archive, and SQLite's database."""
    with running_practice(databases, request.param, tmp_path, small_disk / "data") as made:
        yield made


def fill(file: Path) -> None:
    """To the last byte."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    os.write(filler.fileno(), bytes(size))
            except OSError:
                continue


def test_a_full_disk_loses_nothing_and_stops_nobody(practice: Practice, small_disk: Path, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    (file,) = modality.write(tmp_path / "sent", [modality.image(item)])
    placer, before = new_number(), practice.processes()
    order = new_order(a_person(), placer)

    fill(small_disk / "filler")
    assert send_as_it_is(practice, station, file) == 0xA700
    with emr(practice.ports["hl7"]) as hospital:
        # PostgreSQL's files lie elsewhere; it has room for the order.
        code = hospital.send(order).code
        assert code == ("AR" if practice.kind == "sqlite" else "AA")
    assert Visitor(practice.address).get("/healthz").text == "ok"

    (small_disk / "filler").unlink()
    until(lambda: send_as_it_is(practice, station, file) == 0x0000, "an image stored")
    with emr(practice.ports["hl7"]) as hospital:
        assert hospital.send(order).code == "AA"
    with read_only(practice.system) as uow:
        assert uow.session.scalar(select(func.count(Order.id)).where(Order.placer_number == placer)) == 1
        assert uow.session.scalar(select(func.count(Instance.id))) == 1
    assert "1 series, 1 image," in exam_page(practice, item.AccessionNumber).text
    assert practice.processes() == before, "a process died of it"
    assert practice.verify("--deep") == {}
