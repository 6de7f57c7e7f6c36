"""Which figures an address asks for, and the addresses that lead on from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from flask import request

from ris_pacs.billing.rules.states import OPEN_CASES
from ris_pacs.kernel.errors import Invalid
from ris_pacs.tracking import rules
from ris_pacs.tracking.queries.figures import Scope
from ris_pacs.tracking.rules import Choice, Period
from ris_pacs.web.asking import day_in, id_in, today
from ris_pacs.web.context import SitePlace

PAGE = "/manager"
LIST = "/manager/exams"
UNREAD, MISSING = "unread", "missing"
DEFAULT_DAYS = "30"
GROUPS: dict[str, tuple[str, ...]] = {
    UNREAD: tuple(str(number) for number in range(len(rules.AGES))),
    MISSING: tuple(OPEN_CASES),
}


@dataclass(frozen=True)
class Asked:
    """site_id: None for all sites; modality: "" for all."""

    period: Period
    sites: Sequence[SitePlace]
    site_id: int | None
    modality: str

    @property
    def scope(self) -> Scope:
        chosen = [one for one in self.sites if self.site_id in (None, one.id)]
        return Scope(self.period, {one.id: one.zone for one in chosen}, self.modality)

    @property
    def site_name(self) -> str:
        return next((one.name for one in self.sites if one.id == self.site_id), "")

    def page(self, **changes: object) -> str:
        """The figures, with other filters: days, site, modality."""
        return _address(PAGE, self._filters(**changes))

    def exams(self, what: str, **narrower: object) -> str:
        """The list of the exams behind a figure; narrower: first, last, modality, reader, slot, group."""
        return _address(LIST, self._filters(what=what, **narrower))

    def _filters(self, **changes: object) -> dict[str, object]:
        return {"days": self.period.days, "site": self.site_id, "modality": self.modality, **changes}


def _address(path: str, values: dict[str, object]) -> str:
    return f"{path}?{urlencode({name: str(value) for name, value in values.items() if value not in (None, '')})}"


def read(sites: Sequence[SitePlace]) -> Asked:
    """Raises Invalid."""
    site_id = id_in(request.args.get("site"))
    if request.args.get("site") and site_id not in {one.id for one in sites}:
        raise Invalid("There is no such site.", "site")
    days = rules.check_span(request.args.get("days", DEFAULT_DAYS))
    return Asked(Period(today(), days), sites, site_id, request.args.get("modality", "")[:16])


@dataclass(frozen=True)
class Narrowed:
    """What of the figures a list shows. choice: of a measure; group: of what waits now; words: in words."""

    what: str
    choice: Choice
    group: str
    words: tuple[str, ...]


def read_list(asked: Asked) -> Narrowed:
    """Raises Invalid."""
    what = request.args.get("what", "performed")
    if what not in (*rules.MEASURES, UNREAD, MISSING):
        raise Invalid(f"There is no figure {what[:20]!r}.", "what")
    first = _day("first", asked.period.first)
    last = _day("last", asked.period.last)
    slot = rules.check_slot(request.args.get("slot", ""))
    reader, group = request.args.get("reader", "")[:200], request.args.get("group", "")[:12]
    if group and group not in GROUPS.get(what, ()):
        raise Invalid("The address of this page was changed; go back to the figures.", "group")
    choice = Choice(max(0, asked.period.offset(first)), asked.period.offset(last), "", reader, slot)
    return Narrowed(what, choice, group, _words(asked, what, first, last, choice))


def _day(name: str, otherwise: date) -> date:
    text = request.args.get(name, "")
    return day_in(text, name) if text else otherwise


def _words(asked: Asked, what: str, first: date, last: date, choice: Choice) -> tuple[str, ...]:
    days = "now" if what in (UNREAD, MISSING) else span_words(first, last)
    slot = ""
    if choice.slot is not None:
        weekday, hour = choice.slot
        slot = f"{WEEKDAYS[weekday % 7]} {hour:02} to {hour + rules.SLOT_HOURS:02}"
    return tuple(one for one in (days, asked.site_name, asked.modality, choice.reader, slot) if one)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def span_words(first: date, last: date) -> str:
    """24 Nov 2026; 18 to 24 Nov 2026; 28 Oct to 24 Nov 2026."""
    if first == last:
        return f"{last:%-d %b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last:%-d %b %Y}"
    return f"{first:%-d %b}{'' if first.year == last.year else f' {first.year}'} to {last:%-d %b %Y}"
