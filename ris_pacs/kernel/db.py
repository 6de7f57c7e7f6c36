"""The database: engine, column types and the base of all tables, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from ris_pacs.kernel.errors import Invalid

BUSY_TIMEOUT_MS = 15_000

naming = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)


BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Stored as microseconds since 1970 in UTC: sorts and compares alike on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(value: int) -> datetime:
    seconds, micros = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


class Json(TypeDecorator[Any]):
    """A small JSON document as text, with sorted keys so that equal documents are equal rows."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def FoldedText(length: int) -> String:  # noqa: N802, reads as a type
    """Text that is compared and sorted by code point on both databases, for keys made by kernel.text.fold."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def insert_of(dialect: str) -> Any:
    """The INSERT of a database ("sqlite", "postgresql") that knows ON CONFLICT."""
    return sqlite.insert if dialect == "sqlite" else postgresql.insert


class HasId:
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)


class WriterLock:
    """Writers of one SQLite file, in all threads and processes, one after the other.

    SQLite's own busy handler sleeps and retries, which starves a writer for seconds under load; an flock
    is handed on in order. Threads of this process queue on a plain lock first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.Lock()
        self._pid: int | None = None
        self._fd = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._thread:
            if self._pid != os.getpid():  # An inherited descriptor would share the parent's lock.
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._pid = os.getpid()
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)


@dataclass(frozen=True)
class Database:
    engine: Engine
    writer_lock: WriterLock | None

    @property
    def sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Held around a write transaction: a queue of writers on SQLite, nothing on PostgreSQL."""
        if self.writer_lock is None:
            yield
        else:
            with self.writer_lock.held():
                yield


def open_database(url: str, pool_size: int = 10) -> Database:
    """Connects lazily; nothing is read or written here."""
    if not url.startswith("sqlite"):
        engine = create_engine(
            url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, isolation_level="READ COMMITTED"
        )
        event.listen(engine, "before_cursor_execute", _check_values)
        return Database(engine, None)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # The connection that was last used has the pages at hand.
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "before_cursor_execute", _check_values)
    path = Path(str(engine.url.database))
    return Database(engine, WriterLock(path.with_name(path.name + ".writer")))


def _check_values(_connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, _many: bool) -> None:
    check_values(parameters if isinstance(parameters, list) else (parameters,))


def check_values(rows: Iterable[Any]) -> None:
    """What one of the two databases cannot hold is refused by both, in plain words, before it is sent.

    rows: values by name or position. Raises Invalid.
    """
    for row in rows:
        for value in row.values() if isinstance(row, dict) else row or ():
            if type(value) is str and "\0" in value:
                raise Invalid("A text cannot hold the character NUL.")
            if type(value) is int and not -(2**63) <= value < 2**63:
                raise Invalid("A number is too large.")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # We say BEGIN ourselves, see _begin_sqlite.
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", True)
    statement = "BEGIN IMMEDIATE" if writing else "BEGIN"
    try:
        connection.connection.execute(statement)
    except connection.dialect.loaded_dbapi.Error as problem:
        raise wrapped(connection, statement, (), problem) from problem


def wrapped(connection: Connection, statement: str, parameters: Any, problem: Exception) -> DBAPIError:
    """An error of the driver as the session raises it."""
    kind = connection.dialect.loaded_dbapi.Error
    found = DBAPIError.instance(statement, parameters, problem, kind, dialect=connection.dialect)
    assert isinstance(found, DBAPIError)
    return found


def is_reachable(database: Database) -> bool:
    with database.engine.connect().execution_options(writing=False) as connection:
        return connection.execute(text("SELECT 1")).scalar() == 1
