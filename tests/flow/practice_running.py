"""A small practice in processes of its own: `ris-pacs run` on free ports, met as its neighbours meet it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import Hours
from ris_pacs.catalog.service import devices, sites
from ris_pacs.demo.practice import DEMO_SITE
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.clock import system_clock
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.events import Subscriptions
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, unit_of_work
from tests.databases import Databases, need

RIS_PACS = str(Path(sys.executable).with_name("ris-pacs"))
PATIENCE = 60.0  # seconds that any single wait may take on a busy machine
ZONE = ZoneInfo(DEMO_SITE.zone)
ADMIN, PASSWORD = "keeper@practice.example", "opens the reading room"

T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """The first answer of `condition` that is something; the test fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come in {seconds:g} s")
        time.sleep(0.02)
    return found


@dataclass
class Practice:
    """environment: the settings that its processes run with."""

    kind: str
    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[str] | None = None

    @property
    def data_dir(self) -> Path:
        return Path(self.environment["RIS_PACS_DATA_DIR"])

    @property
    def log(self) -> Path:
        """What the processes wrote, each line JSON."""
        return self.folder / "log"

    # --- its life

    def start(self) -> None:
        """The supervisor, until all of its processes serve."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [RIS_PACS, "run"], env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until(self._is_up, "ports.json", 2 * PATIENCE)
        except AssertionError as late:
            late.add_note(self.log.read_text()[-4000:])
            raise

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return (self.data_dir / "ports.json").exists()

    def stop(self) -> None:
        """By SIGTERM: everybody finishes and leaves, and the exit code says so."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code == 0, self.log.read_text()[-4000:]
        assert not (self.data_dir / "ports.json").exists()
        assert not self.processes(), "a process outlived its supervisor"

    def end(self) -> None:
        """Whatever is left of it, at once."""
        if self.process is None:
            return
        for pid in [self.process.pid, *self.processes().values()]:
            _kill(pid)
        self.process.wait(PATIENCE)

    def processes(self) -> dict[str, int]:
        """The living processes below the supervisor by what they do: {"dicom": 4711, "dicom 2": 4712, …}."""
        found: dict[str, int] = {}
        for pid, words in _processes_of_session(self.process.pid if self.process else 0):
            named = [word for word in words if word in ("web", "dicom", "hl7", "worker", "prepare")]
            if named and pid != (self.process.pid if self.process else 0):
                same = sum(name.partition(" ")[0] == named[0] for name in found)
                found[named[0] if not same else f"{named[0]} {same + 1}"] = pid
        return found

    def errors(self) -> list[str]:
        """Faults that the processes logged; of a traceback its end."""
        lines = self.log.read_text().splitlines()
        return [f"{one[:300]} … {one[-300:]}" for one in lines if '"level": "error"' in one or "Traceback" in one]

    # --- where it is

    @property
    def ports(self) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.data_dir / "ports.json").read_text())
        return found

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    # --- what an operator does

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """`ris-pacs …`, to its end."""
        return subprocess.run(
            [RIS_PACS, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            text=True,
            capture_output=True,
            timeout=2 * PATIENCE,
            check=False,
        )

    @cached_property
    def system(self) -> System:
        """The same database and archive, for what is set up by the services and for what a test looks up."""
        return open_beside(self.environment["RIS_PACS_DATABASE_URL"], self.data_dir)

    def add_station(self, modality: str, **facts: object) -> str:
        """A device in a room of its own that is open day and night; returns its AE title."""
        title = f"{modality}{secrets.token_hex(4).upper()}"
        hours = tuple(Hours(day, 0, 1440, True) for day in range(7))
        with unit_of_work(self.system) as uow:
            site = catalog.sites(uow)[0]
            room = sites.add_room(uow, site.id, sites.RoomFacts(title, modality, 99, hours), OPERATOR)
            said = {"name": title, "modality": modality, "sends_mpps": True, **facts}
            devices.register_device(
                uow,
                devices.DeviceFacts(title, room_id=room.id, site_id=site.id, **said),  # type: ignore[arg-type]
                OPERATOR,
            )
        return title

    def add_node(self, host: str = "", port: int | None = None) -> str:
        """An archive or workstation: it has no room; returns its AE title."""
        title = f"NODE{secrets.token_hex(4).upper()}"
        with unit_of_work(self.system) as uow:
            facts = devices.DeviceFacts(title, site_id=catalog.sites(uow)[0].id, host=host, port=port)
            devices.register_device(uow, facts, OPERATOR)
        return title

    def verify(self, *options: str) -> dict[str, list[str]]:
        """What `ris-pacs verify` finds wrong: its lines by kind, only the kinds that have some."""
        done = self.run("verify", "--json", *options)
        assert done.returncode in (0, 1), done.stderr
        found = {name: lines for name, lines in json.loads(done.stdout).items() if name != "files" and lines}
        assert bool(done.returncode) == bool(set(found) - {"repaired"})
        return found


def open_beside(url: str, data_dir: Path) -> System:
    return System(
        database=open_database(url),
        blobs=FolderStore(data_dir / "archive"),
        cache=data_dir / "cache",
        clock=system_clock,
        mint_uid=uid_mint(),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )


@contextmanager
def running_practice(
    databases: Databases, kind: str, folder: Path, data_dir: Path | None = None, **settings: str
) -> Iterator[Practice]:
    """Site, rooms, stations, partner and people in a fresh database, and everything running on it.

    data_dir: where it keeps its data, if not in the folder.
    """
    need(kind)
    data = data_dir or folder / "data"
    data.mkdir(exist_ok=True)
    url = databases.fresh(kind, data)
    practice = Practice(kind, folder, environment_of(data, url, **settings))
    try:
        added = practice.run("user", "add", ADMIN, "--role", "admin", "--password", PASSWORD)
        assert added.returncode == 0, added.stderr
        practice.start()
        yield practice
        practice.stop()
    finally:
        practice.end()
        if "system" in practice.__dict__:
            practice.system.database.engine.dispose()
        databases.drop(url)


def environment_of(data_dir: Path, url: str, **settings: str) -> dict[str, str]:
    """Settings of a practice on free ports; nothing of the surrounding shell's own settings."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("RIS_PACS_")}
    chosen = {
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": url,
        "HTTP_PORT": "0",
        "DICOM_PORT": "0",
        "HL7_PORT": "0",
        "SECRET_KEY": "a key for tests",
        "LOG_FORMAT": "json",
        **settings,
    }
    return outer | {f"RIS_PACS_{name}": value for name, value in chosen.items()}


def today(instant: datetime) -> str:
    """The day of an instant on the site's clock, as DICOM writes it."""
    return f"{instant.astimezone(ZONE):%Y%m%d}"


def _processes_of_session(session: int) -> Iterator[tuple[int, list[str]]]:
    """Process id and command line of every living process of a session of ours."""
    for entry in sorted(Path("/proc").iterdir(), key=lambda one: (len(one.name), one.name)):
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                yield int(entry.name), (entry / "cmdline").read_text().split("\0")
        except (OSError, ValueError):
            continue  # It has ended meanwhile.


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
