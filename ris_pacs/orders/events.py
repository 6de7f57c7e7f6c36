from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: int


@dataclass(frozen=True)
class ExamMoved(Event):
    """An exam has a new state. move: orders.rules.Move."""

    requested_procedure_id: int
    from_state: str | None
    to_state: str
    move: str


@dataclass(frozen=True)
class OrderChanged(Event):
    """Facts of the order other than its state."""

    order_id: int
