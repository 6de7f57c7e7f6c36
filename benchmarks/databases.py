"""A database for a benchmark: a file in its folder, or one of its own on the PostgreSQL server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import text

from ris_pacs.kernel.db import Database

KINDS = ("sqlite", "postgresql")
SERVER = os.environ.get("RIS_PACS_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database; it goes with the block."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'ris_pacs.db'}"
        return
    name = f"rispacs_bench_{os.getpid()}_{secrets.token_hex(3)}"
    _run(f'CREATE DATABASE "{name}"')
    try:
        yield SERVER.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://") + "/" + name
    finally:
        _run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _run(statement: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def gather_statistics(database: Database) -> None:
    """What the server's autovacuum does by itself soon after rows were added."""
    if not database.sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
