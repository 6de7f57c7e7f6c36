"""Sites and their rooms: what a practice names before its first patient. Each has a drawer over the list."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ris_pacs.admin.forms import RoomForm, SiteForm
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.queries import Resource, Site
from ris_pacs.catalog.rules import Hours, hours_summary
from ris_pacs.catalog.service import sites as service
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import drawer_or_page, refused, say
from ris_pacs.web.context import requires

blueprint = Blueprint("sites", __name__, url_prefix="/admin/sites")

PAGE = "admin/sites.html"
SITE_DRAWER = "admin/site_drawer.html"
ROOM_DRAWER = "admin/room_drawer.html"


@dataclass(frozen=True)
class RoomRow:
    room: Resource
    hours: str


@blueprint.get("")
@requires(Right.ADMIN)
def index() -> Response:
    with read_only(context.system()) as uow:
        found = _sites(uow)
    return shell.render(PAGE, sites=found, drawer="", chosen="")


def _sites(uow: UnitOfWork) -> list[tuple[Site, list[RoomRow]]]:
    return [
        (site, [RoomRow(room, hours_summary(_hours(room))) for room in catalog.rooms(uow, site.id)])
        for site in catalog.sites_with_issuers(uow)
    ]


def _hours(room: Resource) -> tuple[Hours, ...]:
    return tuple(Hours(one.weekday, one.begins, one.ends, one.open, one.label) for one in room.hours)


@blueprint.get("/new")
@requires(Right.ADMIN)
def new_site() -> Response:
    return _site_drawer(SiteForm(), None)


@blueprint.post("/new")
@requires(Right.ADMIN)
def add_site() -> Response:
    form = SiteForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.add_site(uow, form.facts(), context.actor())

    return refused(form, save, lambda: _site_drawer(form, None)) or _back(f"{form.name.data} is a site now")


@blueprint.get("/<int:site_id>")
@requires(Right.ADMIN)
def show_site(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        site = catalog.site(uow, site_id)
    return _site_drawer(SiteForm.of(site), site)


@blueprint.post("/<int:site_id>")
@requires(Right.ADMIN)
def change_site(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        site = catalog.site(uow, site_id)
    form = SiteForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.change_site(uow, site_id, form.facts(), context.actor())

    return refused(form, save, lambda: _site_drawer(form, site)) or _back("Saved")


@blueprint.get("/<int:site_id>/rooms/new")
@requires(Right.ADMIN)
def new_room(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        site = catalog.site(uow, site_id)
        last = max((room.position for room in catalog.rooms(uow, site_id)), default=0)
    form = RoomForm(position=last + 1, **dict.fromkeys(RoomForm.WEEK[:5], "08:00–17:00"))
    return _room_drawer(form, site, None)


@blueprint.post("/<int:site_id>/rooms/new")
@requires(Right.ADMIN)
def add_room(site_id: int) -> Response:
    with read_only(context.system()) as uow:
        site = catalog.site(uow, site_id)
    form = RoomForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.add_room(uow, site_id, form.facts(), context.actor())

    said = f"{form.name.data} can be booked, once a station stands in it"
    return refused(form, save, lambda: _room_drawer(form, site, None)) or _back(said)


@blueprint.get("/rooms/<int:room_id>")
@requires(Right.ADMIN)
def show_room(room_id: int) -> Response:
    with read_only(context.system()) as uow:
        room = catalog.known_room(uow, room_id)
    return _room_drawer(RoomForm.of(room, _hours(room)), room.site, room)


@blueprint.post("/rooms/<int:room_id>")
@requires(Right.ADMIN)
def change_room(room_id: int) -> Response:
    with read_only(context.system()) as uow:
        room = catalog.known_room(uow, room_id)
    form = RoomForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            service.change_room(uow, room_id, form.facts(), context.actor())

    return refused(form, save, lambda: _room_drawer(form, room.site, room)) or _back("Saved")


def _back(said: str) -> Response:
    say(said)
    return redirect("/admin/sites")


def _site_drawer(form: SiteForm, site: Site | None) -> Response:
    return _drawer(SITE_DRAWER, form=form, site=site, chosen=f"site-{site.id}" if site else "")


def _room_drawer(form: RoomForm, site: Site, room: Resource | None) -> Response:
    return _drawer(ROOM_DRAWER, form=form, site=site, room=room, chosen=f"room-{room.id}" if room else "")


def _drawer(template: str, **values: object) -> Response:
    with read_only(context.system()) as uow:
        found = _sites(uow)
    return drawer_or_page(template, PAGE, sites=found, drawer=template, **values)
