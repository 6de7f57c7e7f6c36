"""DICOMweb: search, metadata, a whole series and a picture, ours beside Orthanc's plugin, over a kept connection."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from pydicom import dcmread

from benchmarks import peers
from benchmarks.images import LARGE, booked_exams, image_folder, write_series
from benchmarks.practice import HOST, TITLE, running, work_folder
from benchmarks.report import Report, machine, median, spread, verdict
from benchmarks.sending import Receiver, Senders
from ris_pacs.accounts.service import add_token
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.uow import unit_of_work

Say = Callable[[str], None]

SEARCH_GOAL, METADATA_GOAL, SERIES_GOAL = 8.0, 20.0, 1.5
FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
JSON = "application/dicom+json"


@dataclass
class _Server:
    """One DICOMweb server; `get` reads the whole answer and says how many milliseconds it took."""

    port: int
    headers: Mapping[str, str]
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(HOST, self.port, timeout=120)

    def get(self, place: str, accept: str) -> tuple[float, int]:
        """Milliseconds, and bytes. Raises RuntimeError for any other answer than 200."""
        try:
            return self._get(place, accept)
        except http.client.RemoteDisconnected:  # It was kept for as long as the server likes.
            return self._get(place, accept)

    def _get(self, place: str, accept: str) -> tuple[float, int]:
        begun = time.perf_counter()
        self.connection.request("GET", f"/dicom-web/{place}", headers={"Accept": accept, **self.headers})
        answer = self.connection.getresponse()
        size = len(answer.read())
        if answer.status != http.client.OK:
            raise RuntimeError(f"{place}: {answer.status}")
        return (time.perf_counter() - begun) * 1000, size


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few images, few studies and few rounds."""
    images, studies, times = (20, 5, 3) if quick else (200, 40, 15)
    report = Report(
        "dicomweb",
        f"DICOMweb, {studies} studies, a series of {images} images of 0.5 MB, ms",
        ("what", "ours", "Orthanc", "times as fast", "goal", "verdict", "kB", "ours, rounds", "Orthanc, rounds"),
    )
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(running(database, folder / "ours"))
        peer = stack.enter_context(peers.orthanc(folder / "orthanc", web={}))
        waiting = stack.enter_context(image_folder(folder))
        senders = stack.enter_context(Senders(1))
        receivers = [Receiver(TITLE, practice.ports["dicom"]), *([Receiver(peer.title, peer.port)] if peer else [])]
        for number, subject in enumerate(booked_exams(practice.system, studies)):
            say(f"study {number + 1} of {studies} …") if number % 10 == 0 else None
            files = write_series(subject, images if number == 0 else 1, waiting, LARGE)
            if number == 0:
                head = dcmread(files[0].path, stop_before_pixels=True)
            for receiver in receivers:
                senders.send(receiver, [files])
        with unit_of_work(practice.system) as uow:
            token = add_token(uow, "benchmark", "system", OPERATOR)
        servers = {"ours": _Server(practice.ports["http"], {"Authorization": f"Bearer {token}"})}
        if peer:
            servers["Orthanc"] = _Server(peer.http, {})
        series = f"studies/{head.StudyInstanceUID}/series/{head.SeriesInstanceUID}"
        picture = f"{series}/instances/{head.SOPInstanceUID}/rendered"
        cases = {
            "search by accession number": (f"studies?AccessionNumber={head.AccessionNumber}", JSON, SEARCH_GOAL),
            f"search, {studies} answers": (f"studies?limit={studies}", JSON, SEARCH_GOAL),
            "metadata of the series": (f"{series}/metadata", JSON, METADATA_GOAL),
            "files of the series": (series, FILES, SERIES_GOAL),
            "one picture as JPEG": (picture, "image/jpeg", None),
        }
        for what, (place, accept, goal) in cases.items():
            say(f"{what} …")
            report.rows.append(_compare(what, servers, place, accept, goal, times))
    report.notes = [
        f"Medians of {times} requests each, by turns, after one of each that does not count, over one kept connection.",
        "Ours looks at the rights for every request and records a search in the audit trail before it answers.",
        *([] if peer else ["Orthanc or its DICOMweb plugin is not installed: ours alone."]),
    ]
    return report


def _compare(
    what: str, servers: Mapping[str, _Server], place: str, accept: str, goal: float | None, times: int
) -> dict[str, object]:
    taken: dict[str, list[float]] = {name: [] for name in servers}
    size = 0
    for number in range(times + 1):
        for name, server in servers.items():
            milliseconds, count = server.get(place, accept)
            size = count if name == "ours" else size
            if number:
                taken[name].append(milliseconds)
    row: dict[str, object] = {
        "what": what,
        "ours": median(taken["ours"]),
        "kB": round(size / 1000),
        "ours, rounds": spread(taken["ours"]),
    }
    if "Orthanc" in taken:
        ratio = median(taken["Orthanc"]) / median(taken["ours"])
        row |= {
            "Orthanc": median(taken["Orthanc"]),
            "times as fast": ratio,
            "Orthanc, rounds": spread(taken["Orthanc"]),
        }
        if goal is not None:
            row |= {"goal": f"≥ {goal:g} ×", "verdict": verdict(ratio >= goal)}
    return row
