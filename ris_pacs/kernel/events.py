"""Domain events: how a slice tells the others, above it, what happened.

An event is a frozen dataclass of ids and plain values. Who listens is one table in `bootstrap`;
each line says when: SAME_TX runs inside the emitting transaction, OUTBOX becomes a job row of that
transaction and is done by the worker after the commit, at least once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from ris_pacs.kernel.actor import Actor

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Event:
    """Base of all events."""


class When(Enum):
    SAME_TX = "in the same transaction"
    OUTBOX = "by the worker, after the commit"


Reaction = Callable[["UnitOfWork", Any, Actor], None]


@dataclass(frozen=True)
class Subscription:
    event: type[Event]
    reaction: Reaction
    when: When

    @property
    def name(self) -> str:
        """Stable name of the reaction, used as the kind of its job."""
        return f"{self.reaction.__module__.removeprefix('ris_pacs.')}.{self.reaction.__name__}"


class Subscriptions:
    """The table of who listens to what. Built once by `bootstrap`, then only read."""

    def __init__(self, lines: Iterable[Subscription] = ()) -> None:
        self._by_event: dict[type[Event], list[Subscription]] = {}
        self._by_name: dict[str, Subscription] = {}
        for line in lines:
            self._by_event.setdefault(line.event, []).append(line)
            if self._by_name.setdefault(line.name, line) is not line:
                raise ValueError(f"two reactions are named {line.name}")

    def to(self, event: Event) -> list[Subscription]:
        return self._by_event.get(type(event), [])

    def outbox(self) -> Mapping[str, Subscription]:
        return {name: line for name, line in self._by_name.items() if line.when is When.OUTBOX}


def as_payload(event: Event) -> dict[str, Any]:
    return dataclasses.asdict(event)


def from_payload(event: type[Event], payload: Mapping[str, Any]) -> Event:
    return event(**payload)
