"""Migrations on both databases: up, down and up again, and what they leave is what the models say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from ris_pacs.cli import migrate
from ris_pacs.kernel.db import Database, open_database
from tests.databases import KINDS, Databases, need


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """One without any table."""
    need(request.param)
    url = databases.empty(request.param, tmp_path)
    opened = open_database(url)
    yield opened
    opened.engine.dispose()
    databases.drop(url)


def tables(database: Database) -> set[str]:
    with database.engine.connect().execution_options(writing=False) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_an_empty_database_becomes_what_the_models_say(database):
    migrate.upgrade(database)
    current, wanted = migrate.revisions(database)
    assert current == wanted
    assert migrate.differences(database) == []


def test_up_down_and_up_again(database):
    migrate.upgrade(database)
    first = tables(database)
    assert {"patient", "imaging_order", "study", "audit_entry"} <= first
    migrate.downgrade(database, "base")
    assert tables(database) == set()
    migrate.upgrade(database)
    assert tables(database) == first
    assert migrate.differences(database) == []


def test_upgrading_a_current_database_changes_nothing(database):
    migrate.upgrade(database)
    with database.writing(), database.engine.connect().execution_options(writing=True) as connection:
        connection.execute(text("INSERT INTO mark (name, value) VALUES ('kept', '1')"))
        connection.commit()
    migrate.upgrade(database)
    with database.engine.connect().execution_options(writing=False) as connection:
        assert connection.execute(text("SELECT count(*) FROM mark")).scalar_one() == 1


def test_a_schema_that_somebody_changed_is_told(database):
    migrate.upgrade(database)
    with database.writing(), database.engine.connect().execution_options(writing=True) as connection:
        connection.execute(text("ALTER TABLE mark ADD COLUMN stray INTEGER"))
        connection.commit()
    assert any("stray" in line for line in migrate.differences(database))


def test_devices_of_before_are_sent_to_in_the_clear(database):
    """0002; what was there stays, up, down and up again."""
    migrate.upgrade(database, "0001")
    values = "'CT1', '', 'CT', '10.0.0.7', 104, :no, '[]', '', :no, 10"
    with database.writing(), database.engine.connect().execution_options(writing=True) as connection:
        connection.execute(
            text(
                "INSERT INTO device (ae_title, name, modality, host, port, address_check, character_sets, zone,"
                f" sends_mpps, quiet_minutes) VALUES ({values})"
            ),
            {"no": False},
        )
        connection.commit()
    migrate.upgrade(database)
    migrate.downgrade(database, "0001")
    migrate.upgrade(database)
    with database.engine.connect().execution_options(writing=False) as connection:
        assert connection.execute(text("SELECT ae_title, port, tls FROM device")).all() == [("CT1", 104, False)]
