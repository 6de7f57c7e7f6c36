"""Numbers in a row, given out once each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from ris_pacs.kernel.tables import Counter

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def next_number(uow: UnitOfWork, name: str, count: int = 1) -> int:
    """The next of the series `name`, beginning with 1; `count` numbers are taken, the first is returned.

    The row stays locked until the end of the transaction, so that numbers have no gaps.
    """
    session = uow.session
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    last: int = session.execute(
        insert(Counter)
        .values(name=name, value=count)
        .on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + count})
        .returning(Counter.value)
    ).scalar_one()
    return last - count + 1


def last_number(uow: UnitOfWork, name: str) -> int:
    return uow.session.scalar(select(Counter.value).where(Counter.name == name)) or 0
