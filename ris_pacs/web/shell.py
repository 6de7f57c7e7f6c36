"""The frame around every page: places, site, person. Slices contribute through providers in `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import UnitOfWork, read_only
from ris_pacs.web import context
from ris_pacs.web.words import initials, local

ROLE_WORDS = {
    Role.FRONTDESK: "Front desk",
    Role.TECHNOLOGIST: "Technologist",
    Role.RADIOLOGIST: "Radiologist",
    Role.RESIDENT: "Resident",
    Role.BILLER: "Biller",
    Role.REFERRER: "Referrer",
    Role.PATIENT: "Patient",
    Role.MANAGER: "Manager",
    Role.ADMIN: "Administrator",
    Role.SYSTEM: "System",
}

# How many things wait at a place for this actor at this site; None shows no number.
Count = Callable[[UnitOfWork, Actor, int], int | None]


@dataclass(frozen=True)
class Place:
    """Somewhere to go, in the rail. hot: its number is red, somebody must act.

    roles: for whom it is a daily place, in the rail's order of declaration; others with the right find it in
    the titled group.
    """

    label: str
    icon: str
    url: str
    right: Right
    roles: frozenset[Role]
    count: Count | None = None
    hot: bool = False


@dataclass(frozen=True)
class ShownPlace:
    """short: a shorter label for phones, or None."""

    label: str
    icon: str
    url: str
    count: int | None
    hot: bool
    current: bool
    short: str | None = None


@dataclass(frozen=True)
class PlaceGroup:
    title: str
    places: tuple[ShownPlace, ...]


@dataclass(frozen=True)
class ShownSite:
    """zone: IANA name; zone_short: "EST"."""

    name: str
    zone: str
    zone_short: str


@dataclass(frozen=True)
class ShownNow:
    """Tue 24 Nov 2026, 10:42 at the site."""

    day: str
    time: str


@dataclass(frozen=True)
class ShownPerson:
    name: str
    initials: str
    role: str
    url: str


@dataclass(frozen=True)
class ShownNotices:
    """count: how many kinds of things wait."""

    count: int
    url: str


@dataclass(frozen=True)
class Shell:
    """What layout templates read as `shell`; templates/layout/app.html tells each attribute's use."""

    product: str
    language: str
    theme: str
    home_url: str
    search_url: str
    settings_url: str
    sign_out_url: str
    site: ShownSite
    sites: tuple[tuple[str, str, bool], ...]
    now: ShownNow
    person: ShownPerson | None
    places: tuple[ShownPlace, ...]
    group: PlaceGroup | None
    notices: ShownNotices | None
    demo: bool
    not_for_diagnosis: bool
    languages: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True)
class Notice:
    """A kind of thing that somebody with the right has to look at. one, many: "study has no order"."""

    one: str
    many: str
    icon: str
    url: str
    right: Right
    count: Count


@dataclass(frozen=True)
class Waiting:
    """What waits now, for one line of the bell's drawer."""

    count: int
    words: str
    icon: str
    url: str


@dataclass(frozen=True)
class Action:
    """Something to do, found by the search."""

    label: str
    icon: str
    url: str
    right: Right
    detail: str = ""


@dataclass(frozen=True)
class ShellParts:
    """What `bootstrap` gives: places, start pages, the list of sites, the search, what can be done and what waits."""

    product: str
    places: Sequence[Place]
    start_pages: Mapping[Role, str]
    sites: Callable[[UnitOfWork], Sequence[context.SitePlace]]
    demo: Callable[[UnitOfWork], bool]
    search: Sequence[Any] = field(default_factory=tuple)
    actions: Sequence[Action] = ()
    notices: Sequence[Notice] = ()


MOST_DAILY_PLACES = 5


def parts() -> ShellParts:
    found: ShellParts = current_app.extensions["ris_pacs_shell"]
    return found


def start_page(role: Role) -> str:
    return parts().start_pages.get(role, "/board")


def render(template: str, /, status: int = 200, **values: Any) -> Response:
    """A whole page in its frame."""
    return make_response(render_template(template, shell=build(), **values), status)


def build() -> Shell:
    given = parts()
    visitor = context.visitor()
    here = context.site()
    with read_only(context.system()) as uow:
        all_sites = given.sites(uow)
        demo = given.demo(uow)
        numbers = _Numbers(uow, visitor.actor, here.id) if visitor else None
        shown = _places(numbers) if numbers else ((), ())
        waits = _waiting(numbers) if numbers else None
    instant = local(context.now())
    return Shell(
        product=given.product,
        language="en",
        theme=request.cookies.get("theme") or (visitor.theme if visitor else "auto"),
        home_url="/",
        search_url="/search",
        settings_url="/account",
        sign_out_url="/logout",
        site=ShownSite(here.name, str(here.zone), f"{instant:%Z}"),
        sites=tuple((one.name, f"/site/{one.id}", one.id == here.id) for one in all_sites),
        now=ShownNow(f"{instant:%a %-d %b %Y}", f"{instant:%H:%M}"),
        person=_person(visitor.actor) if visitor else None,
        places=shown[0],
        group=PlaceGroup("More", shown[1]) if shown[1] else None,
        notices=ShownNotices(len(waits), "/notices") if waits is not None else None,
        demo=demo,
        not_for_diagnosis=False,
    )


class _Numbers:
    """What is counted for one page, each once: the rail and the bell show some of the same."""

    def __init__(self, uow: UnitOfWork, actor: Actor, site_id: int) -> None:
        self.actor = actor
        self._asked = uow, actor, site_id
        self._known: dict[Count, int | None] = {}

    def of(self, count: Count) -> int | None:
        if count not in self._known:
            self._known[count] = count(*self._asked)
        return self._known[count]


def waiting(uow: UnitOfWork, actor: Actor, site_id: int) -> Sequence[Waiting] | None:
    """What waits for this person; None for who never has to act."""
    return _waiting(_Numbers(uow, actor, site_id))


def _waiting(numbers: _Numbers) -> Sequence[Waiting] | None:
    mine = [one for one in parts().notices if may(numbers.actor, one.right)]
    if not mine:
        return None
    counted = [(one, numbers.of(one.count)) for one in mine]
    return [Waiting(count, one.one if count == 1 else one.many, one.icon, one.url) for one, count in counted if count]


def _person(actor: Actor) -> ShownPerson:
    return ShownPerson(actor.name, initials(actor.name), ROLE_WORDS[actor.role], "/account")


def _places(numbers: _Numbers) -> tuple[tuple[ShownPlace, ...], tuple[ShownPlace, ...]]:
    allowed = [place for place in parts().places if may(numbers.actor, place.right)]
    daily = [place for place in allowed if numbers.actor.role in place.roles][:MOST_DAILY_PLACES]
    rest = [place for place in allowed if place not in daily]
    current = _current(allowed)

    def show(place: Place) -> ShownPlace:
        count = numbers.of(place.count) if place.count else None
        hot = place.hot and bool(count)
        return ShownPlace(place.label, place.icon, place.url, count or None, hot, place is current)

    return tuple(map(show, daily)), tuple(map(show, rest))


def _current(places: Sequence[Place]) -> Place | None:
    """The place with the longest address that the request's begins with."""
    under = [
        place for place in places if request.path == place.url or request.path.startswith(place.url.rstrip("/") + "/")
    ]
    return max(under, key=lambda place: len(place.url), default=None)
