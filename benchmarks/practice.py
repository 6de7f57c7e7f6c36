"""A practice that really runs: `ris-pacs run` on free ports in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import databases
from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.cli import migrate
from ris_pacs.demo.practice import DEMO_SITE, make_practice
from ris_pacs.kernel.blobs import open_store
from ris_pacs.kernel.clock import system_clock
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.events import Subscriptions
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, unit_of_work

COMMAND = (sys.executable, "-m", "ris_pacs")
PATIENCE = 120.0  # seconds for any single wait
TITLE = "RISPACS"
HOST = "127.0.0.1"
ZONE = ZoneInfo(DEMO_SITE.zone)


class NotRunning(RuntimeError):
    """A process that the benchmark needs did not come up, or ended."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE, every: float = 0.02) -> None:
    """Raises NotRunning."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise NotRunning(f"{what} did not come within {seconds:g} s")
        time.sleep(every)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for everything that a benchmark writes; TMPDIR says on which disk. It goes with the block."""
    folder = Path(tempfile.mkdtemp(prefix="ris-pacs-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Practice:
    """system: the same database and archive, for what is set up beside the running processes."""

    folder: Path
    url: str
    system: System
    demo: bool = False
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.folder, self.url)

    @property
    def ports(self) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.data_dir / "ports.json").read_text())
        return found

    def start(self) -> None:
        """Until all processes serve. Raises NotRunning."""
        command = [*COMMAND, "run", *(["--demo"] if self.demo else []), *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._is_up, "ports.json")

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise NotRunning(self.log.read_text()[-4000:])
        return (self.data_dir / "ports.json").exists()

    def stop(self) -> None:
        """By SIGTERM, as an operator does it; whatever is left after that, at once."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        for pid in self.processes().values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process = None

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`ris-pacs …` on the same data, to its end."""
        return subprocess.run(
            [*COMMAND, *words], env=self.environment, cwd=self.folder, text=True, capture_output=True, check=False
        )

    def processes(self) -> dict[str, int]:
        """Process ids below and including the supervisor: "run", "web", "web 2", "dicom", …"""
        found: dict[str, int] = {}
        for pid, words in _processes_of(self.process.pid if self.process else 0):
            kind = next((word for word in words if word in ("run", "web", "dicom", "hl7", "worker", "prepare")), "")
            if kind:
                same = sum(name.partition(" ")[0] == kind for name in found)
                found[kind if not same else f"{kind} {same + 1}"] = pid
        return found

    def memory(self) -> dict[str, float]:
        """Proportional set size of each process, MB: shared pages are counted once among those who share them."""
        found = {}
        for name, pid in self.processes().items():
            with suppress(OSError, IndexError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                found[name] = int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
        return found


def environment(folder: Path, url: str) -> dict[str, str]:
    """Settings of a practice on free ports; nothing of the surrounding shell's own settings."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("RIS_PACS_")}
    chosen = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": url,
        "HTTP_PORT": "0",
        "DICOM_PORT": "0",
        "HL7_PORT": "0",
        "SECRET_KEY": "a key for benchmarks",
        "LOG_FORMAT": "json",
    }
    root = str(Path(__file__).resolve().parents[1])
    return outer | {f"RIS_PACS_{name}": value for name, value in chosen.items()} | {"PYTHONPATH": root}


@contextmanager
def prepared(kind: str, folder: Path) -> Iterator[Practice]:
    """Site, rooms, stations, partner and accounts of the demo practice in a fresh database; nothing runs yet."""
    folder.mkdir(exist_ok=True)
    (folder / "data").mkdir()
    with databases.fresh(kind, folder / "data") as url:
        practice = Practice(folder, url, open_beside(url, folder / "data"))
        migrate.upgrade(practice.system.database)
        with unit_of_work(practice.system) as uow:
            make_practice(uow)
        try:
            yield practice
        finally:
            practice.stop()
            practice.system.database.engine.dispose()


@contextmanager
def running(kind: str, folder: Path, fill: Callable[[System], None] | None = None) -> Iterator[Practice]:
    """As `prepared`, filled by `fill`, with everything running on it."""
    with prepared(kind, folder) as practice:
        if fill is not None:
            fill(practice.system)
            databases.gather_statistics(practice.system.database)
        practice.start()
        yield practice


def open_beside(url: str, data_dir: Path) -> System:
    return System(
        database=open_database(url),
        blobs=open_store(f"file://{data_dir / 'archive'}"),
        cache=data_dir / "cache",
        clock=system_clock,
        mint_uid=uid_mint(),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )


def _processes_of(session: int) -> Iterator[tuple[int, list[str]]]:
    """Process id and command line of every living process of a session of ours."""
    for entry in sorted((one for one in Path("/proc").iterdir() if one.name.isdigit()), key=lambda one: int(one.name)):
        with suppress(OSError, ValueError):
            state, _, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                yield int(entry.name), (entry / "cmdline").read_text().split("\0")
