"""Facts about the whole installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ris_pacs.kernel.tables import Mark

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# {"day": "2026-11-24", …}: the database holds the demo practice, filled up to that day.
DEMO = "demo"


def get(uow: UnitOfWork, name: str) -> Any | None:
    found = uow.session.get(Mark, name)
    return None if found is None else found.value


def put(uow: UnitOfWork, name: str, value: Any) -> None:
    uow.session.merge(Mark(name=name, value=value))
    uow.session.flush()


def is_demo(uow: UnitOfWork) -> bool:
    return get(uow, DEMO) is not None
