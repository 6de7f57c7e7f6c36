"""The program's pages over a practice of the test's own, and an administrator at a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from ris_pacs.kernel.uow import System
from tests.web.browsing import Browser, signed_in, web_app


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def admin(app: Flask, system: System) -> Browser:
    return signed_in(app, system, "admin")
