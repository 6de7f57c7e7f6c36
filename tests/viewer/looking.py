"""A person in front of the viewer: what is seen, and where to point."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

_TO_PAGE = """(root, [pane, column, row]) => {
  const { surface, screen } = root.viewer.panes[pane];
  const { spacing } = screen.picture;
  const box = surface.getBoundingClientRect();
  const [x, y] = screen.viewport.worldToCanvas([column * spacing.column, row * spacing.row, 0]);
  return [box.left + x, box.top + y];
}"""
_VALUES = "(root, places) => places.map((place) => root.viewer.panes[0].screen.valueAt(place))"
_LISTEN = """(root) => {
  root.heard = [];
  for (const name of ["viewer:keyimage", "viewer:measurement"]) {
    document.addEventListener(name, (event) => root.heard.push([name, event.detail]));
  }
}"""


class Viewer:
    """The viewer on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("[data-viewer]")

    def open(self, study_id: int) -> Viewer:
        self.page.goto(f"/viewer/studies/{study_id}")
        self.drawn(0)
        return self

    def pane(self, number: int = 0) -> Locator:
        return self.root.locator(".viewer-pane").nth(number)

    def drawn(self, number: int = 0, by: str = "engine") -> None:
        expect(self.pane(number)).to_have_attribute("data-by", by)

    def words(self, name: str, pane: int = 0) -> Locator:
        return self.pane(pane).locator(f"[data-show={name}]")

    def letters(self, pane: int = 0) -> dict[str, str]:
        found = self.pane(pane).locator("[data-letter]")
        return {one.get_attribute("data-letter") or "": one.text_content() or "" for one in found.all()}

    def message(self, pane: int = 0) -> Locator:
        return self.pane(pane).locator("[data-viewer-message]")

    def at(self, column: float, row: float, pane: int = 0) -> tuple[float, float]:
        """Where a pixel's centre is on the page."""
        x, y = self.root.evaluate(_TO_PAGE, [pane, column, row])
        return x, y

    def point(self, column: float, row: float) -> None:
        self.page.mouse.move(*self.at(column, row))

    def drag(self, *places: tuple[float, float], button: Any = "left") -> None:
        """From one pixel to the next, with the button down."""
        path = [self.at(*place) for place in places]
        self.page.mouse.move(*path[0])
        self.page.mouse.down(button=button)
        for x, y in path[1:]:
            self.page.mouse.move(x, y, steps=6)
        self.page.mouse.up(button=button)

    def swipe(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """With one finger."""
        self._touch([[self._between(begin, end, step / 8)] for step in range(9)])

    def pinch(self, middle: tuple[float, float], begin: float, end: float) -> None:
        """With two fingers, so far from the middle at the beginning and at the end."""
        apart = [begin + (end - begin) * step / 8 for step in range(9)]
        self._touch([[(middle[0] - far, middle[1]), (middle[0] + far, middle[1])] for far in apart])

    @staticmethod
    def _between(begin: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
        return (begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share)

    def _touch(self, path: list[list[tuple[float, float]]]) -> None:
        devtools = self.page.context.new_cdp_session(self.page)
        for number, fingers in enumerate(path):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
            kind = "touchMove" if number else "touchStart"
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def values(self, places: list[tuple[int, int]]) -> list[Any]:
        found = self.root.evaluate(_VALUES, [list(place) for place in places])
        return [one.get("rgb", one.get("value")) for one in found]

    def listen(self) -> None:
        self.root.evaluate(_LISTEN)

    def heard(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """So many events, once they have come."""
        for _ in range(100):
            found = self.root.evaluate("root => root.heard")
            if len(found) >= count:
                return [tuple(one) for one in found]
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{count} events were expected, heard: {found}")

    def seen(self, pane: int = 0) -> NDArray[np.uint8]:
        """What stands on the pane's canvas, as grey values."""
        self.page.evaluate("() => new Promise(requestAnimationFrame)")
        shot = self.pane(pane).locator("canvas").first.screenshot()
        return np.asarray(Image.open(BytesIO(shot)).convert("L"))
