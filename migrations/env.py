"""Alembic's entry: runs on the connection that `ris-pacs db` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from ris_pacs.schema import metadata


def run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    # Batch mode copies tables on SQLite: with foreign keys on, dropping the old copy would cascade. The pragma
    # does nothing inside a transaction, so it goes to the driver.
    driver = connection.connection.driver_connection
    if sqlite:
        driver.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=sqlite,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
        driver.execute("PRAGMA foreign_keys=ON")
        if broken:
            raise RuntimeError(f"the migration broke {len(broken)} foreign keys, the first in {broken[0][0]}")


run(context.config.attributes["connection"])
