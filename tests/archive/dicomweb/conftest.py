"""The program with its pages, a machine with a token, and an exam to be done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from ris_pacs.accounts import service as accounts
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.uow import System, unit_of_work
from tests import practice
from tests.archive.dicomweb.client import AT_TWO, Client
from tests.web.browsing import web_app


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def client(app: Flask, system: System) -> Client:
    with unit_of_work(system) as uow:
        token = accounts.add_token(uow, "a viewer", "system", OPERATOR)
    return Client(app, token)


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, starts_at=AT_TWO)
