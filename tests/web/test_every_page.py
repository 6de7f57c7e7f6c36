"""Every page that docs/screenshots shows, of every role, once in Chromium: axe finds nothing, the console is silent,
and nothing has to be scrolled sideways. The practice is the demo practice, full as on any day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from scripts import screenshots
from tests.web.test_parts import faults

SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    with screenshots.practice(tmp_path) as address:
        yield address


def test_every_page_of_every_role(browser: Browser, address: str) -> None:
    found: dict[str, list[str]] = {}
    visited = 0
    for role, shots in screenshots.SHOTS.items():
        for width, height in screenshots.WIDTHS.items():
            said: list[str] = []
            with browser.new_context(
                viewport={"width": width, "height": height},
                base_url=address,
                has_touch=width < 700,
                reduced_motion="reduce",
            ) as context:
                page = screenshots.sign_in(context, role)
                page.on("console", lambda message, said=said: said.append(message.text))
                page.on("pageerror", lambda error, said=said: said.append(str(error)))
                for shot in shots:
                    if width not in shot.widths:
                        continue
                    screenshots.open_page(page, shot)
                    visited += 1
                    wrong = [*said, *(faults(page) if width == shot.widths[0] else [])]
                    said.clear()
                    if (over := page.evaluate(SIDEWAYS)) > 0:
                        wrong.append(f"{over} px to scroll sideways")
                    if wrong:
                        found[f"{role}: {shot.name} at {width}"] = wrong
    assert found == {}
    assert visited > 60
