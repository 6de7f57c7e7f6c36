"""Topics: version numbers that tell live pages when to draw themselves again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Executable, select
from sqlalchemy.orm import Session

from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import TopicVersion


def bump(connection: Connection, names: Sequence[str]) -> None:
    """One more change of each topic; names are sorted so that two writers lock the rows in the same order."""
    _BUMP.run_many(connection, [{"topic": name, "version": 1} for name in names])


def _bump(dialect: str) -> Executable:
    statement: Executable = insert_of(dialect)(TopicVersion).on_conflict_do_update(
        index_elements=["topic"], set_={"version": TopicVersion.version + 1}
    )
    return statement


_BUMP = Prepared(_bump, ("topic", "version"))


def versions(session: Session) -> Mapping[str, int]:
    return {topic: version for topic, version in session.execute(select(TopicVersion.topic, TopicVersion.version))}
