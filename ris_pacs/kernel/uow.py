"""The unit of work: one transaction, opened at an edge, committed here and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from ris_pacs.kernel import audit, jobs, topics
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.blobs import BlobStore
from ris_pacs.kernel.clock import Clock
from ris_pacs.kernel.db import Database
from ris_pacs.kernel.errors import Busy, StorageFull
from ris_pacs.kernel.events import Event, Subscriptions, When, as_payload
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.uids import UidMint

T = TypeVar("T")
_ATTEMPTS = 3


@dataclass(frozen=True)
class System:
    """What every unit of work of a process shares. Built by `bootstrap`.

    cache: a folder of this machine for what can be made again, e.g. thumbnails.
    """

    database: Database
    blobs: BlobStore
    cache: Path
    clock: Clock
    mint_uid: UidMint
    subscriptions: Subscriptions = field(default_factory=Subscriptions)


class Tally(Protocol):
    """What many items of one transaction add to and the end of it writes once, e.g. counters of a study."""

    def write(self, uow: UnitOfWork) -> None: ...


TallyType = TypeVar("TallyType", bound=Tally)


class _BeginAgain(BaseException):
    """A part failed that a savepoint would have held; no handler of ordinary errors may catch it on its way."""


class UnitOfWork:
    """A running transaction and what services may do in it.

    now: the instant at which it began; one answer for everything inside.
    """

    def __init__(self, system: System, connection: Connection, *, writing: bool, hopeful: bool = False) -> None:
        """hopeful: no savepoints are set; whoever opened it runs it again with them when a part fails."""
        self.now: datetime = system.clock()
        self._connection = connection
        self._session: Session | None = None
        self._writing = writing
        self._hopeful = hopeful
        self.mint_uid = system.mint_uid
        self.blobs = system.blobs
        self._subscriptions = system.subscriptions
        self._audit: list[audit.Access] = []
        self._topics: set[str] = set()
        self._tallies: dict[type[Tally], Tally] = {}

    @property
    def session(self) -> Session:
        """Made when it is first asked for: a group of images does without it."""
        if self._session is None:
            self._session = Session(
                self._connection,
                expire_on_commit=False,
                autoflush=self._writing,
                join_transaction_mode="control_fully",
            )
        return self._session

    @property
    def connection(self) -> Connection:
        """The transaction itself. What waits in the session is not flushed before a statement that is run by it."""
        if self._session is not None:
            return self._session.connection()
        if not self._connection.in_transaction():
            self._connection.begin()
        return self._connection

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._connection.dialect.name

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any]:
        """The rows of a statement of the busiest paths. What waits in the session is not flushed before it."""
        return statement.run(self.connection, values)

    def emit(self, event: Event, actor: Actor) -> None:
        """Tell the subscribers: at once, or by a job row that the worker takes after the commit."""
        for line in self._subscriptions.to(event):
            if line.when is When.SAME_TX:
                line.reaction(self, event, actor)
            else:
                jobs.enqueue(self, line.name, as_payload(event))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that may fail by itself: `with uow.savepoint(): …`. What it recorded is taken back with it."""
        if self._hopeful:
            try:
                yield
            except Exception as problem:
                raise _BeginAgain from problem
            return
        audits, touched = len(self._audit), set(self._topics)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            del self._audit[audits:]
            self._topics = touched
            raise

    def record(self, access: audit.Access) -> None:
        """Leave an audit row when the transaction commits; services call `audit.record`."""
        self._audit.append(access)

    def tally(self, kind: type[TallyType]) -> TallyType:
        """The transaction's own tally of this kind: it is written once, before the commit."""
        if kind not in self._tallies:
            self._tallies[kind] = kind()
        return self._tallies[kind]  # type: ignore[return-value]

    def touch(self, topic: str) -> None:
        """Boards that show `topic` have something new."""
        self._topics.add(topic)

    def _write_closing_rows(self) -> None:
        for one in list(self._tallies.values()):
            one.write(self)
        if self._session is not None:
            self._session.flush()
        audit.insert(self.connection, self._audit, self.now)
        # Last, and sorted: these rows are hot, so they are locked briefly and in one order.
        topics.bump(self.connection, sorted(self._topics))

    def _commit(self) -> None:
        if self._session is not None:
            self._session.commit()
        self._connection.commit()  # Does nothing when the session has.


@contextmanager
def unit_of_work(system: System) -> Iterator[UnitOfWork]:
    """A writing transaction: commits on leaving, rolls back on an exception.

    Raises StorageFull or Busy when the database cannot take it.
    """
    with system.database.writing(), _committed(system) as uow:
        yield uow


@contextmanager
def _committed(system: System, *, hopeful: bool = False) -> Iterator[UnitOfWork]:
    """The caller is the database's writer."""
    with _plain_words(), _transaction(system, writing=True, hopeful=hopeful) as uow:
        yield uow
        uow._write_closing_rows()
        uow._commit()


@contextmanager
def read_only(system: System) -> Iterator[UnitOfWork]:
    """A reading transaction: never waits for a writer, and what it changed is rolled back.

    The audit rows of what was read are committed in a short transaction of their own on leaving, so before
    the first byte of an answer that is built inside or sent after the block.
    """
    with _plain_words(), _transaction(system, writing=False) as uow:
        yield uow
        if uow._session is not None:
            uow._session.expunge_all()  # What was read stays readable; a rollback would expire it.
        if not system.database.sqlite:  # It could not change anything, and a rollback forgets prepared statements.
            uow._commit()
    if uow._audit:
        with unit_of_work(system) as writer:
            writer._audit = uow._audit


@contextmanager
def _transaction(system: System, *, writing: bool, hopeful: bool = False) -> Iterator[UnitOfWork]:
    """Rolled back on leaving, unless it was committed."""
    connection: Connection
    with system.database.engine.connect() as connection:
        connection = connection.execution_options(writing=writing, **({} if writing else {"postgresql_readonly": True}))
        uow = UnitOfWork(system, connection, writing=writing, hopeful=hopeful)
        try:
            yield uow
        finally:
            if uow._session is not None:
                uow._session.close()


@contextmanager
def _plain_words() -> Iterator[None]:
    """Trouble of the database itself, in the kernel's kinds of error."""
    try:
        yield
    except OperationalError as problem:
        text = str(problem.orig).lower()
        if "full" in text or "no space" in text or "disk i/o" in text:
            raise StorageFull("The database has no room left; nothing was saved.") from problem
        if "locked" in text or "busy" in text or "deadlock" in text:
            raise Busy("The database is busy; nothing was saved. Try again.") from problem
        raise
    except IntegrityError as problem:
        # The rules looked and found nothing: another transaction was faster. Tried again, they will say what is there.
        if "unique" not in str(problem.orig).lower():
            raise
        raise Busy("Somebody else did the same in this moment; nothing was saved. Try again.") from problem


class _Item(Generic[T]):
    def __init__(self, work: Callable[[UnitOfWork], T]) -> None:
        self.work = work
        self.result: T | None = None
        self.error: BaseException | None = None
        self.done = False


class GroupCommit:
    """Work of many threads in one transaction, so that they share one flush of the disk.

    A thread that calls `run` queues its work, then waits for its turn to lead. The leader waits until it may write,
    and more work comes meanwhile; then it takes everything that is queued, does it in one transaction and leaves;
    the others find theirs done. There is no thread of its own and no delay when nobody else is waiting. Savepoints
    cost more than what they guard: only when something fails is the group done again, with one for each item.
    """

    def __init__(self, system: System, most: int = 64) -> None:
        self._system = system
        self._most = most
        self._queue: list[_Item[Any]] = []
        self._queue_lock = threading.Lock()
        self._lead = threading.Lock()

    def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """The result of `work`, after the commit that holds it. A failing item fails alone.

        `work` may run several times: when a part of the group failed, or the database had to give up.
        """
        item = _Item(work)
        with self._queue_lock:
            self._queue.append(item)
        with self._lead:
            if not item.done:
                self._commit_queued()
        if item.error is not None:
            raise item.error
        return item.result  # type: ignore[return-value]

    def _commit_queued(self) -> None:
        with self._system.database.writing():
            with self._queue_lock:
                batch, self._queue = self._queue[: self._most], self._queue[self._most :]
            self._commit_together(batch)

    def _commit_together(self, batch: list[_Item[Any]]) -> None:
        try:
            for attempt in range(_ATTEMPTS):
                try:
                    self._commit(batch)
                    break
                except Busy:  # A deadlock with another process: the database chose us to begin again.
                    if attempt == _ATTEMPTS - 1:
                        raise
        except Exception as problem:  # The commit failed: nobody's work is in the database.
            for item in batch:
                item.error = item.error or problem
        finally:
            for item in batch:
                item.done = True

    def _commit(self, batch: list[_Item[Any]]) -> None:
        try:
            with _committed(self._system, hopeful=True) as uow:
                for item in batch:
                    with uow.savepoint():
                        item.result = item.work(uow)
        except _BeginAgain:
            with _committed(self._system) as uow:
                for item in batch:
                    self._do(uow, item)

    @staticmethod
    def _do(uow: UnitOfWork, item: _Item[T]) -> None:
        item.error = None
        try:
            with uow.savepoint():
                item.result = item.work(uow)
        except OperationalError:  # The database's own trouble is everybody's: they all begin again.
            raise
        except Exception as problem:
            item.error = problem
