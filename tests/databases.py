"""Databases for tests: one template a run and kind, a quick copy for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ris_pacs.cli import migrate
from ris_pacs.demo.practice import make_practice
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.clock import system_clock
from ris_pacs.kernel.db import Database, open_database
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, unit_of_work

SERVER = os.environ.get("RIS_PACS_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")
KINDS = ("sqlite", "postgresql")


def server_url(database: str) -> str:
    return SERVER.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://") + "/" + database


def postgresql_answers() -> bool:
    try:
        psycopg.connect(SERVER, connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


def need(kind: str) -> None:
    """A missing peer is a loud skip here and a failure in continuous integration."""
    if kind == "postgresql" and not postgresql_answers():
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL does not answer at 127.0.0.1:5432")
        pytest.skip("PostgreSQL does not answer at 127.0.0.1:5432: HALF OF THE SUITE DOES NOT RUN")


class Databases:
    """Makes databases that hold the demo practice without patients; removes them at the end."""

    def __init__(self, shared: Path, run: str) -> None:
        self._shared = shared
        self._run = run

    @contextmanager
    def _one_at_a_time(self, name: str) -> Iterator[None]:
        """The workers of a parallel run share the templates: the first makes them."""
        with (self._shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def fresh(self, kind: str, folder: Path) -> str:
        """The URL of a new database that holds the practice."""
        if kind == "sqlite":
            template = self._sqlite_template()
            target = folder / "ris_pacs.db"
            shutil.copyfile(template, target)
            return f"sqlite:///{target}"
        template_name = self._postgresql_template()
        name = f"{template_name}_{uuid.uuid4().hex[:12]}"
        _run_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template_name}" STRATEGY file_copy')
        return server_url(name)

    def empty(self, kind: str, folder: Path) -> str:
        """The URL of a database without any table."""
        if kind == "sqlite":
            return f"sqlite:///{folder / 'empty.db'}"
        name = f"rispacs_{self._run}_empty_{uuid.uuid4().hex[:12]}"
        _run_sql(f'CREATE DATABASE "{name}"')
        return server_url(name)

    def drop(self, url: str) -> None:
        if url.startswith("postgresql"):
            _run_sql(f'DROP DATABASE IF EXISTS "{url.rsplit("/", 1)[1]}" WITH (FORCE)')

    def _sqlite_template(self) -> Path:
        path = self._shared / "template.db"
        with self._one_at_a_time("sqlite"):
            if not path.exists():
                making = self._shared / "making.db"
                _prepare(open_database(f"sqlite:///{making}"), self._shared)
                making.rename(path)
        return path

    def _postgresql_template(self) -> str:
        name = f"rispacs_{self._run}"
        done = self._shared / "postgresql.done"
        with self._one_at_a_time("postgresql"):
            if not done.exists():
                _run_sql(f'CREATE DATABASE "{name}"')
                _prepare(open_database(server_url(name)), self._shared)
                done.touch()
        return name


def _prepare(database: Database, folder: Path) -> None:
    migrate.upgrade(database)
    store = FolderStore(folder / "unused")
    with unit_of_work(System(database, store, folder / "cache", system_clock, uid_mint())) as uow:
        make_practice(uow)
    if database.sqlite:
        with database.engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    database.engine.dispose()


def _run_sql(statement: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def drop_left_over(run: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"rispacs\\_{run}%",)
        ).fetchall()
    for (name,) in names:
        _run_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
