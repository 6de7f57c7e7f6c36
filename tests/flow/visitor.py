"""Somebody at a browser without scripts: pages, forms with their guard against forgery, and a session."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar

from tests.flow.practice_running import ADMIN, PASSWORD, PATIENCE

DEMO_PASSWORD = "ris-pacs-demo"


@dataclass(frozen=True)
class Page:
    status: int
    url: str
    source: str

    @property
    def text(self) -> str:
        """What a person reads: the source without markup."""
        whole = re.sub(r"</?mark>", "", self.source)
        bare = re.sub(r"(?s)<(script|style|template)\b.*?</\1>|<[^>]*>", " ", whole)
        return re.sub(r"\s+", " ", html.unescape(bare)).strip()

    @property
    def guard(self) -> str:
        """The hidden field against forged requests; "" on a page without a form."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.source)
        return found[1] if found else ""

    @property
    def state(self) -> str:
        """The word beside the title: the exam's state."""
        found = re.search(r'(?s)<span class="chip [^"]*chip-big[^"]*">(.*?)</span>', self.source)
        return re.sub(r"<[^>]*>", "", found[1]).strip() if found else ""

    @property
    def inputs(self) -> dict[str, str]:
        """Names of the page's text fields and what stands in them."""
        found = re.findall(r'<input[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"', self.source)
        return {html.unescape(name): html.unescape(value) for name, value in found if name != "csrf_token"}

    def hidden(self, name: str) -> str:
        """What the hidden field of this name holds."""
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', self.source)
        assert found, f"no hidden field {name}"
        return html.unescape(found[1])

    def actions(self, word: str) -> list[str]:
        """Where forms go whose address has this word in it."""
        return [html.unescape(one) for one in re.findall(r'action="([^"]+)"', self.source) if word in one]

    def links(self, prefix: str) -> list[str]:
        found = (html.unescape(one) for one in re.findall(r'(?:href|src)="([^"]+)"', self.source))
        return list(dict.fromkeys(one for one in found if one.startswith(prefix)))


class Visitor:
    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self._guard = ""

    def get(self, path: str) -> Page:
        return self._page(urllib.request.Request(self._url(path)))

    def raw(self, path: str) -> tuple[str, bytes]:
        """Content type and bytes."""
        with self._opener.open(self._url(path), timeout=PATIENCE) as answer:
            return answer.headers["Content-Type"], answer.read()

    def post(self, path: str, **fields: object) -> Page:
        """Fill in a form and press its button; the page that comes of it."""
        body = urllib.parse.urlencode({"csrf_token": self._guard, **fields}).encode()
        return self._page(urllib.request.Request(self._url(path), body))

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self._address + path

    def _page(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                page = Page(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as refused:
            page = Page(refused.code, refused.url, refused.read().decode())
        self._guard = page.guard or self._guard
        return page


def visitor(address: str, role: str) -> Visitor:
    """Signed in; the administrator by the account that the command line made."""
    email, password = (ADMIN, PASSWORD) if role == "admin" else (f"{role}@demo.example", DEMO_PASSWORD)
    made = Visitor(address)
    made.get("/login")
    page = made.post("/login", email=email, password=password)
    assert page.status == 200, page.text
    assert not page.url.endswith("/login"), page.text
    return made
