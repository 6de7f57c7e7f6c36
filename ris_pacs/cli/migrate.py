"""Bringing the schema to what the code expects, and saying whether it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ris_pacs.kernel.db import Database
from ris_pacs.schema import metadata

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
# PostgreSQL: two machines that start at once upgrade one after the other. Any constant does.
_ADVISORY_LOCK = 7_146_032


def config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate to a revision; nothing happens when it is there already."""
    with _alone(database), database.engine.connect() as connection:
        command.upgrade(config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    with _alone(database), database.engine.connect() as connection:
        command.downgrade(config(connection), revision)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """No other process migrates meanwhile."""
    if database.sqlite:
        with database.writing():
            yield
        return
    with database.engine.connect() as guard:  # The lock ends with the transaction.
        guard.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        yield


def revisions(database: Database) -> tuple[str | None, str | None]:
    """The revision that the database is at, and the one that the code wants."""
    with database.engine.connect().execution_options(writing=False) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(config()).get_current_head()


def differences(database: Database) -> list[str]:
    """What the tables have that the code does not say, or the other way round; empty when they match."""
    with database.engine.connect().execution_options(writing=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        return [str(difference) for difference in compare_metadata(context, metadata)]
