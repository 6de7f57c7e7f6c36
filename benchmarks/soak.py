"""The long fault run: modalities and a hospital send for hours while processes are killed; nothing may be lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import databases
from benchmarks.filling import fill_around_today
from benchmarks.hl7 import new_orders
from benchmarks.images import SMALL, STATION, booked_exams, image_folder, write_series
from benchmarks.practice import HOST, TITLE, NotRunning, Practice, prepared, wait_until, work_folder
from benchmarks.report import Report, machine, median, percentile
from benchmarks.vandal import Vandal, recorder
from benchmarks.worklist import ask_worklist
from ris_pacs.archive.models import Instance
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.connection import AssociationEnded
from ris_pacs.dicom.handlers import DimseFailure, StoredFile
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel import audit
from ris_pacs.kernel.tables import Job
from ris_pacs.kernel.uow import System, read_only
from ris_pacs.orders.models import Order

Say = Callable[[str], None]

SENDERS, SERIES = 3, 12
SECONDS_BETWEEN_KILLS = 5.0
SECONDS_BETWEEN_LOOKS = 20.0
# The supervisor's own end is the end of all; that is tried by the tests of `run`.
KILLED = ("web", "dicom", "hl7", "worker")
_DRAWING = threading.Lock()  # The drawn slice is one for all.
TROUBLE = (AssociationEnded, AssociationFailed, DimseFailure, NotDelivered, OSError)


@dataclass
class Tally:
    """What the outside was told. instances, orders: acknowledged, by UID and by the placer's number."""

    instances: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    store_ms: list[float] = field(default_factory=list)
    order_ms: list[float] = field(default_factory=list)
    worklist_ms: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)


def measure(database: str, minutes: float, exams: int, say: Say) -> Report:
    report = Report("soak", f"{minutes:g} minutes of traffic with kill -9", ("what", "value", "unit"))
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(prepared(database, folder / "ours"))
        if exams:
            say(f"{exams:,} exams of earlier years …")
            fill_around_today(exams)(practice.system)
            databases.gather_statistics(practice.system.database)
        waiting = stack.enter_context(image_folder(folder))
        practice.start()
        tally = Tally()
        vandal = _vandal(practice, waiting / "recorded")
        _play(practice, waiting, minutes * 60, tally, vandal, say)
        tally.counts.update({f"broken connections: {name}": count for name, count in vandal.counts.items()})
        say("settling …")
        lost = _settle(practice, tally)
        tally.counts["tracebacks in the log"] = practice.log.read_text().count("Traceback (most recent call last)")
        verified = json.loads(practice.run("verify", "--deep", "--repair", "--json").stdout)
        faults = {name: found for name, found in verified.items() if isinstance(found, list) and name != "repaired"}
        report.rows = _rows(tally, exams, lost, verified, faults)
        report.failed = bool(lost or any(faults.values()))
    report.notes = [
        f"{SENDERS} modalities store series of {SERIES} small images and send again what was not acknowledged, a "
        "hospital sends orders, a station asks for its worklist, somebody sends all of it with damaged bytes; every "
        f"{SECONDS_BETWEEN_KILLS:g} s a random one of {', '.join(KILLED)} is killed with SIGKILL.",
        "At the end every acknowledged image and order is looked up in the database, and verify --deep reads every "
        "file. Files without a row are of images that nobody was told about; verify --repair files them.",
        *(f"{name}: {', '.join(map(str, found[:5]))}" for name, found in faults.items() if found),
    ]
    return report


def _vandal(practice: Practice, folder: Path) -> Vandal:
    """With a series, a worklist query, an order and a page of a practice that nobody has disturbed yet."""
    with recorder(practice.ports["dicom"]) as (port, dicom):
        files = write_series(booked_exams(practice.system, 1)[0], 2, folder, SMALL)
        with connect(
            HOST, port, STATION, TITLE, [Proposal(files[0].sop_class_uid, (files[0].transfer_syntax_uid,))]
        ) as one:
            for file in files:
                one.store(file)
        ask_worklist(port)
    order = b"\x0b" + next(new_orders("V")) + b"\x1c\r"
    page = b"GET /login HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    return Vandal(lambda name: practice.ports[name], {"dicom": dicom, "hl7": [order], "http": [page]})


def _play(practice: Practice, waiting: Path, seconds: float, tally: Tally, vandal: Vandal, say: Say) -> None:
    stop = threading.Event()
    exams = _exams(practice.system)
    work = [
        *(lambda number=number: _modality(practice, exams, waiting / str(number), tally) for number in range(SENDERS)),
        _hospital(practice, tally),
        lambda: _station(practice, tally),
        vandal.strike,
        lambda: _killer(practice, tally, stop),
        lambda: _watcher(practice, tally, stop, say),
    ]
    threads = [threading.Thread(target=_again_and_again, args=(one, tally, stop), daemon=True) for one in work]
    for one in threads:
        one.start()
    stop.wait(seconds)
    stop.set()
    for one in threads:
        one.join(60)


def _again_and_again(act: Callable[[], None], tally: Tally, stop: threading.Event) -> None:
    """What was interrupted is tried again, as a modality and an interface engine do."""
    while not stop.is_set():
        try:
            act()
        except TROUBLE as problem:
            tally.counts[f"interrupted: {type(problem).__name__}"] += 1
            stop.wait(0.5)


def _exams(system: System) -> Callable[[], Subject]:
    lock = threading.Lock()
    waiting: list[Subject] = []

    def take() -> Subject:
        with lock:
            if not waiting:
                waiting.extend(booked_exams(system, 20))
            return waiting.pop()

    return take


def _modality(practice: Practice, exams: Callable[[], Subject], folder: Path, tally: Tally) -> None:
    """One exam: what was not acknowledged is sent again on a new association until all of it is."""
    with _DRAWING:
        files = write_series(exams(), SERIES, folder, SMALL)
    limit = time.monotonic() + 120
    try:
        while files and time.monotonic() < limit:
            try:
                files = _store(practice, files, tally)
            except TROUBLE as problem:
                tally.counts[f"interrupted: {type(problem).__name__}"] += 1
                time.sleep(0.3)
        tally.counts["images given up"] += len(files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _store(practice: Practice, files: list[StoredFile], tally: Tally) -> list[StoredFile]:
    """The files that were not acknowledged. Those that were are noted at once, whatever happens to the others."""
    kinds = sorted({(file.sop_class_uid, (file.transfer_syntax_uid,)) for file in files})
    refused = []
    port = practice.ports["dicom"]
    with connect(HOST, port, STATION, TITLE, [Proposal(*kind) for kind in kinds], timeout=20) as association:
        while files:
            begun = time.perf_counter()
            status = association.store(files[0])
            file = files.pop(0)
            if status.code:
                refused.append(file)
                tally.counts[f"refused: 0x{status.code:04X}"] += 1
            else:
                tally.instances.append(file.sop_instance_uid)
                tally.store_ms.append((time.perf_counter() - begun) * 1000)
    return refused


def _hospital(practice: Practice, tally: Tally) -> Callable[[], None]:
    messages = _told(new_orders("K"))

    def send() -> None:
        """One order, again and again until it is answered."""
        number, raw = next(messages)
        for _ in range(100):
            begun = time.perf_counter()
            try:
                with Connection(HOST, practice.ports["hl7"], answer_seconds=20) as connection:
                    answer = connection.send(raw)
            except TROUBLE as problem:
                tally.counts[f"interrupted: {type(problem).__name__}"] += 1
                time.sleep(0.3)
                continue
            if b"\rMSA|AA|" in answer:
                tally.orders.append(number)
                tally.order_ms.append((time.perf_counter() - begun) * 1000)
            else:
                tally.counts["orders refused"] += 1
            return
        tally.counts["orders given up"] += 1

    return send


def _told(messages: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """With the placer's number, ORC-2."""
    for raw in messages:
        line = next(one for one in raw.split(b"\r") if one.startswith(b"ORC|"))
        yield line.split(b"|")[2].split(b"^")[0].decode(), raw


def _station(practice: Practice, tally: Tally) -> None:
    begun = time.perf_counter()
    ask_worklist(practice.ports["dicom"])
    tally.worklist_ms.append((time.perf_counter() - begun) * 1000)
    tally.counts["worklists"] += 1
    time.sleep(0.5)


def _killer(practice: Practice, tally: Tally, stop: threading.Event) -> None:
    stop.wait(SECONDS_BETWEEN_KILLS)
    found = [(name, pid) for name, pid in practice.processes().items() if name.partition(" ")[0] in KILLED]
    if not stop.is_set() and found:
        name, pid = random.choice(found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            tally.counts[f"killed: {name.partition(' ')[0]}"] += 1


def _watcher(practice: Practice, tally: Tally, stop: threading.Event, say: Say) -> None:
    stop.wait(SECONDS_BETWEEN_LOOKS)
    tally.memory.append(sum(practice.memory().values()))
    tally.lag.append(_lag(practice.system))
    say(
        f"{len(tally.instances):,} images, {len(tally.orders):,} orders, memory {tally.memory[-1]:.0f} MB, "
        f"lag {tally.lag[-1]:.1f} s, {sum(n for name, n in tally.counts.items() if name.startswith('killed'))} kills"
    )


def _lag(system: System) -> float:
    """Seconds that the job has waited which is due longest."""
    with read_only(system) as uow:
        due = uow.session.scalar(select(func.min(Job.run_at)).where(Job.state == "queued", Job.run_at <= uow.now))
        return (uow.now - due) / timedelta(seconds=1) if due else 0.0


def _settle(practice: Practice, tally: Tally) -> list[str]:
    """What was acknowledged and is not there, after everybody has come back and the audit trail is sealed."""
    with suppress(NotRunning):  # Then verify will say what is left.
        wait_until(lambda: _is_at_rest(practice.system), "rest", seconds=60, every=0.5)
    practice.stop()
    with read_only(practice.system) as uow:
        known = set(uow.session.scalars(select(Instance.sop_instance_uid)))
        placed = set(uow.session.scalars(select(Order.placer_number)))
    return [*(uid for uid in tally.instances if uid not in known), *(one for one in tally.orders if one not in placed)]


def _is_at_rest(system: System) -> bool:
    with read_only(system) as uow:
        unsealed = audit.unsealed(uow.session)
    return not unsealed and _lag(system) == 0.0


def _rows(
    tally: Tally, exams: int, lost: list[str], verified: dict[str, object], faults: dict[str, list[str]]
) -> list[dict[str, object]]:
    repaired = verified["repaired"]
    assert isinstance(repaired, list)
    rows: list[tuple[str, object, str]] = [
        ("exams before it began", exams, ""),
        ("images acknowledged", len(tally.instances), ""),
        ("orders acknowledged", len(tally.orders), ""),
        ("acknowledged but lost", len(lost), ""),
        ("faults that verify finds", sum(map(len, faults.values())), ""),
        ("files without row, filed by verify", len(repaired), ""),
        *((name, count, "") for name, count in sorted(tally.counts.items())),
    ]
    if tally.store_ms and tally.order_ms and tally.worklist_ms:
        rows += [
            ("C-STORE, median", median(tally.store_ms), "ms"),
            ("C-STORE, 99 %", percentile(tally.store_ms, 0.99), "ms"),
            ("order, median", median(tally.order_ms), "ms"),
            ("order, 99 %", percentile(tally.order_ms, 0.99), "ms"),
            ("worklist, median", median(tally.worklist_ms), "ms"),
            ("worklist, 99 %", percentile(tally.worklist_ms, 0.99), "ms"),
        ]
    if tally.memory:
        rows += [
            ("memory, first look", tally.memory[0], "MB"),
            ("memory, last look", tally.memory[-1], "MB"),
            ("memory, most", max(tally.memory), "MB"),
            ("lag of jobs, median", median(tally.lag), "s"),
            ("lag of jobs, most", max(tally.lag), "s"),
        ]
    return [{"what": what, "value": value, "unit": unit} for what, value, unit in rows]
