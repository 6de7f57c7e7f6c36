"""Pictures of every role's main pages, at a desk's width and a phone's, from a demo practice of its own.

    .venv/bin/python scripts/screenshots.py [ROLE …] [--data FOLDER]

Loads the demo practice of a fixed day into an empty folder and serves it by the real web process whose clock stands
at eleven that morning: the same program gives the same pictures. Writes docs/screenshots/<role>-<page>-<width>.png.
--data keeps the practice in a folder for the next time, which saves the loading.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/screenshots"
DAY = "2026-11-24"
INSTANT = f"{DAY}T11:00:00-05:00"
WIDTHS = {1440: 900, 390: 844}
EXACT, NEAR = 176, 80  # colours of a picture's palette: the commonest as they are, the rest summed up
BROWSER = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
NOBODY = "nobody"


@dataclass(frozen=True)
class Shot:
    """A page to take. path begins the way; then each step is a selector to click, "type:selector=text", "key:name" or
    "wait:selector".

    dark: also, or only, in the dark theme: "", "too" or "only". widths: at which.
    """

    name: str
    path: str
    steps: tuple[str, ...] = ()
    dark: str = ""
    widths: tuple[int, ...] = (1440, 390)


DESK, PHONE = (1440,), (390,)
EXAM = "main tbody [data-row-link] >> nth=0"
WRITABLE = "wait:textarea[name=findings]:not([readonly])"
SIGNING = "wait:#sign [name=password]"
SHOTS: dict[str, tuple[Shot, ...]] = {
    NOBODY: (Shot("sign-in", "/login"),),
    "frontdesk": (
        Shot("schedule", "/schedule", dark="too"),
        Shot("step", "/schedule", (".slot.hue-blue >> nth=0",), widths=DESK),
        Shot("find-a-time", "/schedule/waiting", (".drawer .option >> nth=0",), widths=DESK),
        Shot("waiting", "/schedule/waiting", widths=DESK),
        Shot("board", "/board", dark="too"),
        Shot("wall", "/board/wall", dark="only", widths=DESK),
        Shot("patients", "/patients?q=ma"),
        Shot("patient", "/patients?q=okonkwo, amara", (EXAM,)),
        Shot("new-patient", "/patients/new"),
        Shot("coverage", "/patients/1/coverage", (EXAM,)),
        Shot("orders", "/orders"),
        Shot("new-order", "/orders/new?patient=3", ("type:#procedure-text=mr kn",)),
        Shot("emergency", "/schedule/emergency", widths=DESK),
        Shot("search", "/board", ("key:/", "type:#palette-input=mar"), widths=DESK),
        Shot("month", "/schedule", (".menu:has(.month) summary",), widths=DESK),
    ),
    "technologist": (
        Shot("room", "/technologist?room=MR1"),
        Shot("step", "/technologist?room=MR1", ("tr:has(.hue-violet) [data-row-link] >> nth=0",), widths=DESK),
        Shot("reconcile", "/reconcile"),
        Shot("exam", "/technologist?room=CT1", ("tr:has(.hue-cyan) [data-row-link] >> nth=0", ".drawer-foot a")),
    ),
    "radiologist": (
        Shot("reading", "/reading", dark="too"),
        Shot("case", "/reading?modality=CT", (EXAM, WRITABLE), dark="only"),
        Shot("sign", "/reading?state=preliminary", (EXAM, WRITABLE, "key:Control+Enter", SIGNING), dark="only"),
        Shot("versions", "/reading?state=preliminary", (EXAM, WRITABLE, ".room-report-head > a"), widths=DESK),
        Shot("autotext", "/reading/autotexts"),
        Shot("exam", "/orders?state=final&modality=CT", (EXAM,), dark="only"),
        Shot("study", "/orders?state=final&modality=MR", (EXAM, ".thumb-tile >> nth=0"), dark="only", widths=DESK),
        Shot("images", "/orders?state=final&modality=CT", (EXAM, ".page-actions .button-primary"), dark="only"),
    ),
    "resident": (
        Shot("reading", "/reading", dark="only", widths=DESK),
        Shot("case", "/reading?modality=MR", (EXAM, WRITABLE), dark="only", widths=DESK),
    ),
    "biller": (
        Shot("missing", "/billing/missing"),
        Shot("missing-exam", "/billing/missing", (EXAM,), widths=DESK),
        Shot("claims", "/billing"),
        Shot("claim", "/billing", ("main tbody tr:has-text('authorisation') [data-row-link] >> nth=0",)),
        Shot("ready", "/billing?show=ready", widths=DESK),
        Shot("paid-claim", "/billing?show=paid", (EXAM,), widths=DESK),
        Shot("denied-claim", "/billing?show=denied", (EXAM,), widths=DESK),
        Shot("payments", "/billing/remittances"),
        Shot("remittance", "/billing/remittances", (EXAM,), widths=DESK),
        Shot("files", "/billing/files", widths=DESK),
        Shot("payer", "/billing/payers", (EXAM,), widths=DESK),
        Shot("rules", "/billing/rules", widths=DESK),
        Shot("fees", "/billing/fees", widths=DESK),
        Shot("setup", "/billing/setup", widths=DESK),
        Shot("ledger", "/billing/ledger"),
        Shot("performed", "/billing/performed"),
        Shot("exam", "/billing/performed", (EXAM,), widths=DESK),
    ),
    "referrer": (Shot("orders", "/orders"), Shot("exam", "/orders?state=final", (EXAM,), widths=PHONE)),
    "patient": (Shot("exams", "/portal"),),
    "manager": (
        Shot("practice", "/manager?days=7", dark="too"),
        Shot("practice-month", "/manager", widths=DESK),
        Shot("exams", "/manager/exams?days=7&what=performed"),
        Shot("board", "/board?all=1", widths=DESK),
        Shot("audit", "/admin/audit", widths=DESK),
    ),
    "admin": (
        Shot("health", "/admin"),
        Shot("messages", "/messages"),
        Shot("message", "/messages?state=refused", ("main tbody [data-row-link]",), widths=DESK),
        Shot("sites", "/admin/sites", widths=DESK),
        Shot("room", "/admin/sites/rooms/1", widths=DESK),
        Shot("stations", "/admin/stations", widths=DESK),
        Shot("people", "/admin/users", widths=DESK),
        Shot("account", "/admin/users", ("main tbody [data-row-link] >> nth=3",), widths=(1440, 390)),
        Shot("new-account", "/admin/users/new", widths=DESK),
        Shot("my-account", "/account", widths=DESK),
        Shot("partners", "/admin/partners/new", widths=DESK),
        Shot("audit", "/admin/audit", widths=DESK),
        Shot("notices", "/admin", (".topbar-bell",), widths=DESK),
        Shot("design", "/admin/design", dark="too", widths=DESK),
    ),
}


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("roles", nargs="*", metavar="ROLE", help=", ".join(SHOTS))
    told.add_argument("--data", type=Path, help="a folder that keeps the loaded practice")
    told.add_argument("--into", type=Path, default=TARGET, help="where the pictures go")
    asked = told.parse_args()
    if unknown := sorted(set(asked.roles) - set(SHOTS)):
        print(f"There is no role {unknown[0]}: {', '.join(SHOTS)}", file=sys.stderr)
        return 2
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    kept = nullcontext(str(asked.data)) if asked.data else tempfile.TemporaryDirectory()
    asked.into.mkdir(parents=True, exist_ok=True)
    with kept as folder, practice(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER)
        for role in asked.roles or SHOTS:
            print(f"{role}: {take(browser, address, role, asked.into)} pictures", flush=True)
        browser.close()
    return 0


@contextmanager
def practice(folder: Path) -> Iterator[str]:
    """The demo practice of the day, served at the hour; its address."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RIS_PACS_")}
    environ |= {"RIS_PACS_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    if not (folder / "ris_pacs.db").exists():
        command = [str(Path(sys.executable).parent / "ris-pacs"), "demo", "load", "--today", DAY]
        subprocess.run(command, cwd=ROOT, env=environ, check=True)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        fd = listening.fileno()
        command = [sys.executable, str(ROOT / "scripts/standing_web.py"), INSTANT, str(fd)]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[fd])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def take(browser: Browser, address: str, role: str, target: Path) -> int:
    taken = 0
    for width, height in WIDTHS.items():
        for theme in ("light", "dark"):
            chosen = [shot for shot in SHOTS[role] if width in shot.widths and wants(shot, theme)]
            if not chosen:
                continue
            context = browser.new_context(
                viewport={"width": width, "height": height}, base_url=address, color_scheme=theme, has_touch=width < 700
            )
            context.add_cookies([{"name": "theme", "value": theme, "url": address}])
            page = sign_in(context, role)
            for shot in chosen:
                name = f"{role}-{shot.name}-{width}{'-dark' if theme == 'dark' else ''}.png"
                open_page(page, shot)
                save(page.screenshot(animations="disabled"), target / name)
                taken += 1
            context.close()
    return taken


def wants(shot: Shot, theme: str) -> bool:
    return shot.dark in ("too", "only") if theme == "dark" else shot.dark != "only"


def sign_in(context: BrowserContext, role: str) -> Page:
    page = context.new_page()
    page.clock.set_fixed_time(INSTANT)
    if role != NOBODY:
        page.goto("/login")
        page.locator(f'button[name="role"][value="{role}"]').click()
        page.wait_for_url(lambda url: urlsplit(url).path != "/login")
    return page


def _asks_for(text: str, answer: Response) -> bool:
    return text in parse_qs(urlsplit(answer.url).query).get("q", ())


def open_page(page: Page, shot: Shot) -> None:
    page.goto(shot.path)
    for step in shot.steps:
        kind, _, rest = step.partition(":")
        if kind == "key":
            page.keyboard.press(rest)
        elif kind == "wait":
            page.locator(rest).wait_for()
        elif kind == "type":
            selector, _, text = rest.partition("=")
            with page.expect_response(partial(_asks_for, text)):
                page.locator(selector).press_sequentially(text)
            page.locator("[role=listbox]:visible [role=option]").first.wait_for()
        else:
            if "drawer" not in step and not page.locator(step).first.is_visible():
                step = step.replace("main tbody ", "main .row-cards ").replace("tr:has", ".row-card:has")
            drawer = page.locator(step).first.get_attribute("data-drawer") is not None
            # A drawer may stand there already: the next one is the one without the mark.
            page.locator(".drawer-head").evaluate_all("all => all.forEach((one) => { one.dataset.before = '' })")
            page.locator(step).first.click()
            page.wait_for_load_state()
            if drawer:
                page.locator(".drawer-head:not([data-before])").wait_for()
    if page.locator("[data-viewer]").count():
        page.locator(".viewer-pane[data-by=engine]").first.wait_for()
    if page.locator("[data-live]").count():
        settle(page)
    if not page.locator("[data-live]:not([data-live-every])").count():  # Slow ones leave time to be idle.
        page.wait_for_load_state("networkidle")


def settle(page: Page) -> None:
    """A live page is never idle: its pictures and fonts are there, and its first answer came."""
    page.wait_for_function("document.fonts.ready.then(() => [...document.images].every((one) => one.complete))")


def save(picture: bytes, target: Path) -> None:
    """With a palette of its own: a third of the bytes, and flat areas keep their colour."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    counted: Any = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    colours = [colour for _, colour in counted[:EXACT]]
    if rest := [colour for _, colour in counted[EXACT:]]:
        others = Image.new("RGB", (len(rest), 1))
        others.putdata(rest)
        near = others.quantize(NEAR, dither=Image.Dither.NONE).convert("RGB")
        found: Any = near.getcolors(NEAR) or ()
        colours += [colour for _, colour in found]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in colours for value in colour])
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
