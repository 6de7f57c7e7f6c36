"""C-GET of a series: how many images a second, ours beside Orthanc, asked by DCMTK's getscu."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pydicom import dcmread

from benchmarks import peers
from benchmarks.images import LARGE, SMALL, STATION, booked_exams, image_folder, write_series
from benchmarks.practice import HOST, TITLE, running, work_folder
from benchmarks.report import Report, machine, median, spread, verdict
from benchmarks.sending import Receiver, Senders

Say = Callable[[str], None]

GOAL_TIMES = 1.3


class RetrievalFailed(RuntimeError):
    """What came back is not the series."""


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few images and one round."""
    images, rounds = (20, 1) if quick else (200, 5)
    report = Report(
        "retrieve",
        f"C-GET of a series of {images} images, images a second",
        ("what", "ours", "Orthanc", "times as fast", "goal", "verdict", "ours, rounds", "Orthanc, rounds"),
    )
    program = peers.installed("getscu")
    if program is None:
        report.notes = ["getscu is not installed (apt install dcmtk): nothing was measured."]
        return report
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(running(database, folder / "ours"))
        peer = stack.enter_context(peers.orthanc(folder / "orthanc"))
        waiting = stack.enter_context(image_folder(folder))
        senders = stack.enter_context(Senders(1))
        receivers = {"ours": Receiver(TITLE, practice.ports["dicom"])}
        if peer:
            receivers["theirs"] = Receiver(peer.title, peer.port)
        for subject, edge, what in zip(
            booked_exams(practice.system, 2), (LARGE, SMALL), ("0.5 MB", "34 KB"), strict=True
        ):
            say(f"{what} …")
            files = write_series(subject, images, waiting, edge)
            series = str(dcmread(files[0].path, stop_before_pixels=True).SeriesInstanceUID)
            for receiver in receivers.values():
                senders.send(receiver, [files])
            query = [f"StudyInstanceUID={subject.study_uid}", f"SeriesInstanceUID={series}"]
            rates = _rates(program, receivers, query, images, rounds, waiting / "got")
            report.rows.append(_row(what, rates))
    report.notes = [
        f"Medians of {rounds} retrievals each, by turns, after one of each that does not count; getscu's start and "
        "its writing to memory are part of both.",
        "Ours leaves an audit row of the disclosure before the first image goes out.",
        *([] if peer else ["Orthanc is not installed (apt install orthanc): ours alone."]),
    ]
    return report


def _rates(
    program: str, receivers: dict[str, Receiver], query: list[str], images: int, rounds: int, into: Path
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in receivers}
    for number in range(rounds + 1):
        for name, receiver in receivers.items():
            into.mkdir()
            seconds = _get(program, receiver, query, into)
            came = sum(1 for _ in into.iterdir())
            shutil.rmtree(into)
            if came != images:
                raise RetrievalFailed(f"{receiver.title} sent {came} of {images} images")
            if number:
                rates[name].append(images / seconds)
    return rates


def _get(program: str, receiver: Receiver, query: list[str], into: Path) -> float:
    keys = [word for key in ("QueryRetrieveLevel=SERIES", *query) for word in ("-k", key)]
    command = [program, "-S", "-B", "-aet", STATION, "-aec", receiver.title, *keys, "-od", str(into)]
    begun = time.monotonic()
    done = subprocess.run(
        [*command, HOST, str(receiver.port)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TCP_NODELAY": "1"},
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise RetrievalFailed(f"{receiver.title}: {(done.stdout + done.stderr)[-300:]}")
    return seconds


def _row(what: str, rates: dict[str, list[float]]) -> dict[str, object]:
    row: dict[str, object] = {"what": what, "ours": median(rates["ours"]), "ours, rounds": spread(rates["ours"])}
    if "theirs" in rates:
        ratio = median(rates["ours"]) / median(rates["theirs"])
        row |= {
            "Orthanc": median(rates["theirs"]),
            "times as fast": ratio,
            "goal": f"≥ {GOAL_TIMES:g} ×",
            "verdict": verdict(ratio >= GOAL_TIMES),
            "Orthanc, rounds": spread(rates["theirs"]),
        }
    return row
