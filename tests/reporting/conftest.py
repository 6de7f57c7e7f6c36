"""Two who read: an attending and a resident, with the accounts of the demo practice; and exams to be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ris_pacs.accounts import queries as accounts
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.events import Subscription, Subscriptions, When
from ris_pacs.kernel.uow import System, read_only
from ris_pacs.reporting.events import ReportSigned, ReportWithdrawn
from tests.reporting.room import Room

AT_NINE = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def _somebody(system: System, role: Role) -> Actor:
    with read_only(system) as uow:
        user = accounts.user_by_email(uow, f"{role}@demo.example")
        assert user is not None
        return Actor("user", user.name, role, user.id, f"s-{role}", "127.0.0.1")


@pytest.fixture
def attending(system: System) -> Actor:
    return _somebody(system, Role.RADIOLOGIST)


@pytest.fixture
def resident(system: System) -> Actor:
    return _somebody(system, Role.RESIDENT)


@pytest.fixture
def referrer(system: System) -> Actor:
    return _somebody(system, Role.REFERRER)


@pytest.fixture
def room(system: System, clock) -> Room:
    return Room(system, clock, AT_NINE + timedelta(hours=1))


@pytest.fixture
def told(system):
    """The events of reporting, as a slice above would hear them."""
    heard: list[object] = []

    def hear(uow, event, actor) -> None:
        heard.append(event)

    lines = [line for lines in system.subscriptions._by_event.values() for line in lines]
    lines += [Subscription(kind, hear, When.SAME_TX) for kind in (ReportSigned,)]

    def hear_too(uow, event, actor) -> None:
        heard.append(event)

    lines.append(Subscription(ReportWithdrawn, hear_too, When.SAME_TX))
    object.__setattr__(system, "subscriptions", Subscriptions(lines))
    return heard
