"""Running practices that the flow tests share: one for each database, for as long as the test process lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.databases import KINDS, Databases, need
from tests.flow.practice_running import Practice, running_practice


@pytest.fixture(scope="session")
def running(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Practice]]:
    """The practice on a kind of database, started when a test first asks for it. Each test brings its own people,
    orders and stations, so that one does not see another's.
    """
    found: dict[str, Practice] = {}
    tried: set[str] = set()
    with ExitStack() as stack:

        def ask(kind: str) -> Practice:
            need(kind)
            if kind not in tried:
                tried.add(kind)
                found[kind] = stack.enter_context(running_practice(databases, kind, tmp_path_factory.mktemp(kind)))
            assert kind in found, f"the practice on {kind} did not start; the first test that asked for it says why"
            return found[kind]

        yield ask
        faults = [line for practice in found.values() for line in practice.errors()]
    assert not faults, "\n".join(faults)


@pytest.fixture(params=KINDS)
def practice(request: pytest.FixtureRequest, running: Callable[[str], Practice]) -> Practice:
    return running(request.param)
