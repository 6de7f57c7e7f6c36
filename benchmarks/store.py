"""C-STORE: how many images a second, ours beside Orthanc in interleaved rounds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.images import LARGE, SMALL, booked_exams, image_folder, write_series
from benchmarks.practice import TITLE, running, work_folder
from benchmarks.report import Report, machine, median, spread, verdict
from benchmarks.sending import Receiver, Senders, send_by_storescu
from ris_pacs.dicom.handlers import StoredFile
from ris_pacs.imaging.phantoms.subject import Subject

Say = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """goal: how many times as fast as Orthanc (PERFORMANCE goals). share: of the images that a round sends."""

    what: str
    associations: int
    edge: int
    goal: float
    share: float = 1.0
    by_storescu: bool = False


CASES = (
    Case("0.5 MB, 1 association", 1, LARGE, 1.5),
    Case("0.5 MB, 4 associations", 4, LARGE, 1.8),
    Case("34 KB, 4 associations", 4, SMALL, 1.3, share=2.0),
    Case("0.5 MB, storescu with Nagle on", 1, LARGE, 15.0, share=0.1, by_storescu=True),
)


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few images and one round."""
    images, rounds = (20, 1) if quick else (200, 5)  # In each round and to each receiver, over all associations.
    report = Report(
        "store",
        "C-STORE, images a second",
        ("what", "ours", "Orthanc", "times as fast", "goal", "verdict", "ours, rounds", "Orthanc, rounds"),
    )
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(running(database, folder / "ours"))
        peer = stack.enter_context(peers.orthanc(folder / "orthanc"))
        waiting = stack.enter_context(image_folder(folder))
        senders = stack.enter_context(Senders(max(case.associations for case in CASES)))
        exams = iter(booked_exams(practice.system, sum(case.associations for case in CASES) * (rounds + 1)))
        ours = Receiver(TITLE, practice.ports["dicom"])
        theirs = Receiver(peer.title, peer.port) if peer else None
        for case in CASES:
            if case.by_storescu and peers.installed("storescu") is None:
                continue
            say(f"{case.what} …")
            report.rows.append(_compare(case, senders, ours, theirs, exams, waiting, images, rounds))
    report.notes = _notes(peer is not None, images, rounds)
    return report


def _compare(
    case: Case,
    senders: Senders,
    ours: Receiver,
    theirs: Receiver | None,
    exams: Iterator[Subject],
    waiting: Path,
    images: int,
    rounds: int,
) -> dict[str, object]:
    each = max(1, round(images * case.share) // case.associations)
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(rounds + 1):  # The first warms both up and does not count.
        loads = [write_series(next(exams), each, waiting, case.edge) for _ in range(case.associations)]
        receivers = [("ours", ours), *([("theirs", theirs)] if theirs else [])]
        for name, receiver in receivers if number % 2 else reversed(receivers):
            rate = each * case.associations / _seconds(case, senders, receiver, loads)
            if number:
                rates[name].append(rate)
        shutil.rmtree(waiting)
        waiting.mkdir()
    row: dict[str, object] = {"what": case.what, "ours": median(rates["ours"]), "ours, rounds": spread(rates["ours"])}
    if theirs:
        ratio = median(rates["ours"]) / median(rates["theirs"])
        row |= {
            "Orthanc": median(rates["theirs"]),
            "times as fast": ratio,
            "goal": f"≥ {case.goal:g} ×",
            "verdict": verdict(ratio >= case.goal),
            "Orthanc, rounds": spread(rates["theirs"]),
        }
    return row


def _seconds(case: Case, senders: Senders, receiver: Receiver, loads: list[list[StoredFile]]) -> float:
    return send_by_storescu(receiver, loads[0]) if case.by_storescu else senders.send(receiver, loads)


def _notes(with_peer: bool, images: int, rounds: int) -> list[str]:
    found = [
        f"Medians of {rounds} rounds of {images:,} images (or the share that the case takes), ours and the peer by "
        "turns; one sender for both, images of booked exams that are linked as they come.",
        "Ours at the answer: file and name durable (fdatasync, folder fsync), row, link, audit row and counters "
        "committed (SQLite synchronous=FULL, or PostgreSQL synchronous_commit=on).",
    ]
    if with_peer:
        found.append(
            f"{peers.version('Orthanc')} as it comes: file durable (SyncStorageArea), index by SQLite in WAL with "
            "synchronous=NORMAL, so its row may be lost in a power cut; no compression, no link to an order."
        )
    else:
        found.append("Orthanc is not installed (apt install orthanc): ours alone.")
    return found
