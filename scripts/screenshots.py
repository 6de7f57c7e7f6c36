"""Pictures of every main page for every role, at a desk's width and a phone's, from a demo practice of its own.

    .venv/bin/python scripts/screenshots.py [ROLE …]

Starts the product on free ports with an empty data folder, signs in as each role and takes each place that its
navigation offers, and the first patient and exam that these pages link to. Writes docs/screenshots/<role>/….png.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from ris_pacs.kernel.actor import Role

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/screenshots"
ROLES = [str(role) for role in Role if role is not Role.SYSTEM]
WIDTHS = {1440: 900, 390: 844}
PATIENCE = 120.0  # seconds until the product serves
# Pages that no navigation names, by the form of their address.
DETAILS = {"exam": re.compile(r"^/a/[^/]+$"), "patient": re.compile(r"^/patients/\d+$")}


def main(roles: list[str]) -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        print(f"There is no role {unknown[0]}: {', '.join(ROLES)}", file=sys.stderr)
        return 2
    with practice() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for role in roles or ROLES:
            taken = sum(take(browser, address, role, width) for width in WIDTHS)
            print(f"{role}: {taken} pictures in {(TARGET / role).relative_to(ROOT)}", flush=True)
        browser.close()
    return 0


@contextmanager
def practice() -> Iterator[str]:
    """The running demo practice; its address. SIGTERM ends it as Ctrl-C does."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"RIS_PACS_DATA_DIR": folder, "RIS_PACS_BIND": "127.0.0.1"}
        own |= {f"RIS_PACS_{kind}_PORT": "0" for kind in ("HTTP", "DICOM", "HL7")}
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RIS_PACS_")} | own
        process = subprocess.Popen([Path(sys.executable).parent / "ris-pacs", "run", "--demo"], cwd=ROOT, env=environ)
        try:
            yield f"http://127.0.0.1:{port_of(process, Path(folder) / 'ports.json')}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def port_of(process: subprocess.Popen[bytes], told: Path) -> int:
    limit = time.monotonic() + PATIENCE
    while not told.exists():
        if process.poll() is not None or time.monotonic() > limit:
            raise SystemExit("The product did not start: see above.")
        time.sleep(0.1)
    return int(json.loads(told.read_text())["http"])


def take(browser: Browser, address: str, role: str, width: int) -> int:
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, base_url=address)
    page = context.new_page()
    page.goto("/login")
    page.locator(f'button[name="role"][value="{role}"]').click()
    page.wait_for_url(lambda url: urlsplit(url).path != "/login")
    pages = {urlsplit(page.url).path: "start"}
    pages |= {place: place.strip("/").replace("/", "-") for place in links(page, "nav a[href]")}
    details: dict[str, str] = {}
    for path, name in pages.items():
        shoot(page, path, TARGET / role / f"{name}-{width}.png")
        for kind, form in DETAILS.items():
            if found := next(filter(form.match, links(page, "main a[href]")), None):
                details.setdefault(kind, found)
    for kind, path in details.items():
        shoot(page, path, TARGET / role / f"{kind}-{width}.png")
    context.close()
    return len(pages) + len(details)


def links(page: Page, selector: str) -> list[str]:
    """The paths on this site that the links lead to, each once."""
    found = page.eval_on_selector_all(selector, "all => all.map(one => one.getAttribute('href'))")
    return list(dict.fromkeys(href.partition("?")[0] for href in found if re.match(r"/\w", href)))


def shoot(page: Page, path: str, target: Path) -> None:
    page.goto(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
