"""What a request says in words: days, numbers and places of a list, as people and addresses write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from flask import request

from ris_pacs.kernel.errors import Invalid
from ris_pacs.web import context

LARGEST_ID = 2**63 - 1
YEARS = range(1900, 2200)
DAY_FORMS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d")


def id_in(text: str | None) -> int | None:
    """The id that a text holds; None for anything else. Plain digits only: int() takes more than the database does."""
    if not text or not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST_ID:
        return None
    return int(text)


def day_in(text: str, field: str = "day") -> date:
    """A day as people write it: 24 Nov 2026, 2026-11-24, 11/24/2026. Raises Invalid."""
    words = re.sub(r"\s+", " ", text.strip())
    for pattern in DAY_FORMS:
        try:
            day = datetime.strptime(words, pattern).date()  # noqa: DTZ007, a day has no zone
        except ValueError:
            continue
        if day.year in YEARS:
            return day
    raise Invalid(f"“{words[:40]}” is not a day. Write 24 Nov 2026 or 2026-11-24.", field)


def day_asked(name: str = "day") -> date:
    """The day in the address, else today at the site. Raises Invalid."""
    text = request.args.get(name, "")
    return day_in(text) if text.strip() else today()


def today() -> date:
    """At the site that the person works at."""
    return context.now().astimezone(context.site().zone).date()


def position_in(text: str) -> tuple[datetime, int] | None:
    """Where a list goes on, from an address made by `position_of`. Raises Invalid."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,17})-([0-9]{1,18})", text)
    if found is None:
        raise Invalid("The address of this page was changed; go back to the list.")
    seconds, micros = divmod(int(found[1]), 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), int(found[2])


def position_of(at: datetime, row_id: int) -> str:
    """Microseconds and id of a row."""
    return f"{int(at.timestamp() * 1_000_000)}-{row_id}"


def own_page(target: str | None, otherwise: str) -> str:
    """The page of ours that a form or link wants to go on to; nothing that a browser could read as another host."""
    if target and re.fullmatch(r"/(?![/\\])[^\x00-\x20\\]*", target):
        return target
    return otherwise
