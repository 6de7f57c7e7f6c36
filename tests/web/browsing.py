"""A person at a browser: the whole program behind Flask's test client, signed in as somebody."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.bootstrap.web import build_web
from ris_pacs.config import read_settings
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.web.context import SESSION_KEY

FRAGMENT = {"HX-Request": "true"}


@contextmanager
def web_app(system: System, folder: Path, **environ: str) -> Iterator[Flask]:
    """The program's pages, wired as in production, over this system."""
    settings = read_settings({"RIS_PACS_DATA_DIR": str(folder / "data"), **environ}, dotenv=None)
    app = build_web(settings, system)
    yield app
    app.extensions["ris_pacs_topics"].stop()  # Its thread would go on asking a database that is gone.


@dataclass
class Browser:
    """Keeps its cookies and, as our pages do, sends the token of the page that it has open."""

    client: FlaskClient

    def get(self, url: str, **how: Any) -> TestResponse:
        return self.client.get(url, **how)

    def post(self, url: str, data: dict[str, Any] | None = None, **how: Any) -> TestResponse:
        return self.client.post(url, data={"csrf_token": self.csrf_token(), **(data or {})}, **how)

    def csrf_token(self) -> str:
        page = self.client.get("/account", headers={"Accept": "text/html"}, follow_redirects=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found is not None, page.text[:500]
        return found[1]


def stranger(app: Flask) -> Browser:
    return Browser(app.test_client())


def signed_in(app: Flask, system: System, email: str) -> Browser:
    """At a new browser; "frontdesk" stands for frontdesk@demo.example. The sign-in form has its own tests."""
    address = email if "@" in email else f"{email}@demo.example"
    browser = stranger(app)
    with unit_of_work(system) as uow:
        user = accounts.user_by_email(uow, address)
        assert user is not None, address
        key = service.begin_session(uow, user, "127.0.0.1", "test browser")
    with browser.client.session_transaction() as session:
        session[SESSION_KEY] = key
    return browser


def words(response: TestResponse) -> str:
    """The page as it is read: no markup, entities resolved, white space single."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", response.text))).strip()


def error_at(response: TestResponse, field: str) -> str:
    """What stands beside the field with this id; empty when nothing does."""
    found = re.search(rf'id="{re.escape(field)}-error".*?<span>(.*?)</span>', response.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def value_of(response: TestResponse, field: str) -> str | None:
    """What the control with this name holds: of an input, a text area, a select or a set of radio buttons."""
    name = re.escape(field)
    if area := re.search(rf'<textarea[^>]*name="{name}"[^>]*>\r?\n?(.*?)</textarea>', response.text, re.DOTALL):
        return html.unescape(area[1])
    if select_ := re.search(rf'<select[^>]*name="{name}"[^>]*>(.*?)</select>', response.text, re.DOTALL):
        chosen = re.search(r'<option[^>]*selected[^>]*value="([^"]*)"', select_[1])
        return html.unescape(chosen[1]) if chosen else None
    for tag in re.findall(rf'<input[^>]*\bname="{name}"[^>]*>', response.text):
        if 'type="radio"' in tag and "checked" not in tag:
            continue
        value = re.search(r'\bvalue="([^"]*)"', tag)
        return html.unescape(value[1]) if value else ""
    return None


def count(system: System, *models: type[Any]) -> tuple[int, ...]:
    """How many rows each table has: what a refused form must leave alone."""
    with read_only(system) as uow:
        return tuple(uow.session.scalar(select(func.count()).select_from(model)) or 0 for model in models)
