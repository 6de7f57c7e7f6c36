"""Numbers in a row, given out once each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Executable

from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import Counter

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def next_number(uow: UnitOfWork, name: str, count: int = 1) -> int:
    """The next of the series `name`, beginning with 1; `count` numbers are taken, the first is returned.

    The row stays locked until the end of the transaction, so that numbers have no gaps.
    """
    last: int = uow.run(_TAKE, {"name": name, "value": count})[0].value
    return last - count + 1


def _take(dialect: str) -> Executable:
    added = insert_of(dialect)(Counter)
    statement: Executable = added.on_conflict_do_update(
        index_elements=["name"], set_={"value": Counter.value + added.excluded.value}
    ).returning(Counter.value)
    return statement


_TAKE = Prepared(_take, ("name", "value"))
