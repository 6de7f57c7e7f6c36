"""The program's pages at a real address, and a radiologist in front of a browser."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.kernel.uow import System, unit_of_work
from ris_pacs.web.context import SESSION_KEY
from tests import practice
from tests.conftest import StoppedClock
from tests.viewer.looking import DESK, PHONE, Viewer
from tests.web.browsing import web_app

PATIENCE = 20_000
WITHOUT_WEBGL = """for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
  const { getContext } = canvas.prototype;
  canvas.prototype.getContext = function (kind, ...how) {
    return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...how);
  };
}"""


@dataclass(frozen=True)
class House:
    app: Flask
    system: System
    address: str

    def cookie(self, who: str) -> dict[str, str]:
        """Of a sign-in; the sign-in form has its own tests."""
        with unit_of_work(self.system) as uow:
            user = accounts.user_by_email(uow, f"{who}@demo.example")
            assert user is not None
            key = service.begin_session(uow, user, "127.0.0.1", "test browser")
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        return {"name": self.app.config["SESSION_COOKIE_NAME"], "value": signer.dumps({SESSION_KEY: key})}


@pytest.fixture(scope="module")
def house(databases, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("viewer")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with (
        practice.standing_system(databases, "sqlite", folder, StoppedClock()) as system,
        web_app(system, folder) as app,
    ):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield House(app, system, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


Look = Callable[..., Viewer]


@pytest.fixture
def look(browser: Browser, house: House) -> Iterator[Look]:
    """look(study_id) opens a study for a radiologist. Whatever the console says fails the test, but a failed request
    that the test names in `may_fail`.
    """
    opened = []
    said: list[str] = []

    def open_study(
        study_id: int | None,
        *,
        phone: bool = False,
        who: str = "radiologist",
        may_fail: bool = False,
        webgl: bool = True,
    ) -> Viewer:
        context = browser.new_context(
            viewport=PHONE if phone else DESK, base_url=house.address, has_touch=phone, reduced_motion="reduce"
        )
        opened.append(context)
        context.add_cookies([{**house.cookie(who), "url": house.address}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        if not webgl:
            page.add_init_script(WITHOUT_WEBGL)
        expect.set_options(timeout=PATIENCE)
        page.on("console", lambda message: None if may_fail and "Failed to" in message.text else hear(message))
        page.on("pageerror", lambda error: said.append(str(error)))
        viewer = Viewer(page)
        return viewer.open(study_id) if study_id is not None else viewer

    def hear(message) -> None:
        said.append(message.text)

    yield open_study
    for context in opened:
        context.close()
    assert said == []
