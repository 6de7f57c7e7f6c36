"""Topics: version numbers that tell live pages when to draw themselves again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ris_pacs.kernel.tables import TopicVersion


def bump(session: Session, names: Sequence[str]) -> None:
    """One more change of each topic; names are sorted so that two writers lock the rows in the same order."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for name in names:
        session.execute(
            insert(TopicVersion)
            .values(topic=name, version=1)
            .on_conflict_do_update(index_elements=["topic"], set_={"version": TopicVersion.version + 1})
        )


def versions(session: Session) -> Mapping[str, int]:
    return {topic: version for topic, version in session.execute(select(TopicVersion.topic, TopicVersion.version))}
