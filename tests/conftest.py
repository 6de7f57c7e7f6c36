"""What tests of all slices share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.events import Subscriptions
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System
from tests.databases import KINDS, Databases, drop_left_over, need, postgresql_answers

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A Tuesday morning in winter, 10:42 in New York.
THE_MORNING = datetime(2026, 11, 24, 15, 42, tzinfo=UTC)


class StoppedClock:
    """A clock that moves only when a test says so."""

    def __init__(self, now: datetime = THE_MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The last one out removes the databases of this run."""
    if not hasattr(session.config, "workerinput") and postgresql_answers():
        drop_left_over(_run_name())


def _run_name() -> str:
    # Set once by the parent of a parallel run and inherited by its workers.
    return os.environ.setdefault("RIS_PACS_TEST_RUN", f"t{os.getpid()}")


def pytest_configure(config: pytest.Config) -> None:
    _run_name()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return Databases(shared, _run_name())


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database with the practice in it, once on SQLite and once on PostgreSQL."""
    need(request.param)
    url = databases.fresh(request.param, tmp_path)
    yield url
    databases.drop(url)


@pytest.fixture
def system(database_url: str, tmp_path: Path, clock: StoppedClock) -> Iterator[System]:
    """The program's core, wired as in production, with a stopped clock."""
    store = FolderStore(tmp_path / "archive")
    store.prepare()
    made = System(
        database=open_database(database_url),
        blobs=store,
        cache=tmp_path / "cache",
        clock=clock,
        mint_uid=uid_mint(),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )
    yield made
    made.database.engine.dispose()


@pytest.fixture
def desk() -> Actor:
    return Actor("user", "Dana Whitfield", Role.FRONTDESK, 1, "s1", "127.0.0.1")


@pytest.fixture
def technologist() -> Actor:
    return Actor("user", "Ruben Castaneda", Role.TECHNOLOGIST, 2, "s2", "127.0.0.1")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process; each takes a context of its own."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: install the distribution's package `chromium`")
        pytest.skip("Chromium is missing: what the pages do in a browser is NOT tested")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()
