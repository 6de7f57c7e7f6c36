"""Sites, their rooms, and whose numbers they give out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.catalog import queries, rules
from ris_pacs.catalog.errors import IssuerTaken, NameInUse
from ris_pacs.catalog.models import Issuer, Resource, ResourceHours, Site
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class SiteFacts:
    """zone: IANA name. The namespaces are the issuers of MRNs ("M0000001") and of accession numbers, which begin
    with the prefix and the year. What was numbered keeps its number and issuer when they change.
    """

    name: str
    zone: str
    patient_namespace: str
    accession_namespace: str
    accession_prefix: str
    address: str = ""
    phone: str = ""


@dataclass(frozen=True)
class RoomFacts:
    """position: of its column in the calendar. hours: none means always open."""

    name: str
    modality: str
    position: int = 0
    hours: tuple[rules.Hours, ...] = ()


def add_site(uow: UnitOfWork, facts: SiteFacts, actor: Actor) -> Site:
    """Raises Invalid, NameInUse, IssuerTaken, Forbidden."""
    demand(actor, Right.ADMIN)
    site = Site()
    _fill(uow, site, facts)
    uow.session.add(site)
    uow.session.flush()
    audit.record(uow, actor, "add site", ("site", site.id), patient_id=None, detail={"name": site.name})
    return site


def change_site(uow: UnitOfWork, site_id: int, facts: SiteFacts, actor: Actor) -> Site:
    """Raises NoSuchSite, Invalid, NameInUse, IssuerTaken, Forbidden."""
    demand(actor, Right.ADMIN)
    site = queries.site(uow, site_id)
    _fill(uow, site, facts)
    uow.session.flush()
    audit.record(uow, actor, "change site", ("site", site.id), patient_id=None, detail={"name": site.name})
    return site


def _fill(uow: UnitOfWork, site: Site, facts: SiteFacts) -> None:
    name = _name(facts.name, 100, "site")
    with uow.session.no_autoflush:
        if uow.session.scalar(select(Site.id).where(Site.name == name, Site.id != (site.id or 0))):
            raise NameInUse(f"There is a site {name} already.", "name")
        zone = rules.check_zone(facts.zone)
        if not zone:
            raise Invalid("A site has a time zone, such as America/New_York.", "zone")
        site.patient_issuer = _own_issuer(uow, facts.patient_namespace, "patient_namespace")
        site.accession_issuer = _own_issuer(uow, facts.accession_namespace, "accession_namespace")
    site.name, site.zone = name, zone
    site.accession_prefix = rules.check_accession_prefix(facts.accession_prefix)
    site.address, site.phone = facts.address.strip()[:300], facts.phone.strip()[:40]


def _own_issuer(uow: UnitOfWork, namespace: str, field: str) -> Issuer:
    """Numbers of this issuer are given out here; those of another system never are."""
    issuer = find_or_add_issuer(uow, rules.check_hl7_name(namespace, field), ours=True)
    if not issuer.ours:
        raise IssuerTaken(f"Another system gives out the numbers of {issuer.namespace}.", field)
    return issuer


def find_or_add_issuer(
    uow: UnitOfWork,
    namespace: str,
    *,
    universal_id: str = "",
    universal_id_type: str = "",
    ours: bool = False,
) -> Issuer:
    """The assigning authority of this namespace."""
    issuer = uow.session.scalar(select(Issuer).where(Issuer.namespace == namespace))
    if issuer is None:
        issuer = Issuer(
            namespace=namespace,
            universal_id=universal_id,
            universal_id_type=universal_id_type,
            ours=ours,
        )
        uow.session.add(issuer)
        uow.session.flush()
    return issuer


def add_room(uow: UnitOfWork, site_id: int, facts: RoomFacts, actor: Actor) -> Resource:
    """Raises NoSuchSite, Invalid, NameInUse, Forbidden."""
    demand(actor, Right.ADMIN)
    room = Resource(site_id=queries.site(uow, site_id).id, kind="room")
    _furnish(uow, room, facts)
    uow.session.add(room)
    uow.session.flush()
    audit.record(uow, actor, "add room", ("room", room.id), patient_id=None, detail={"name": room.name})
    return room


def change_room(uow: UnitOfWork, room_id: int, facts: RoomFacts, actor: Actor) -> Resource:
    """What is booked stays booked, inside the new hours or not. Raises NoSuchRoom, Invalid, NameInUse, Forbidden."""
    demand(actor, Right.ADMIN)
    room = queries.known_room(uow, room_id)
    _furnish(uow, room, facts)
    uow.session.flush()
    audit.record(uow, actor, "change room", ("room", room.id), patient_id=None, detail={"name": room.name})
    return room


def _furnish(uow: UnitOfWork, room: Resource, facts: RoomFacts) -> None:
    name = _name(facts.name, 64, "room")
    with uow.session.no_autoflush:
        same = select(Resource.id).where(
            Resource.site_id == room.site_id, Resource.name == name, Resource.id != (room.id or 0)
        )
        if uow.session.scalar(same):
            raise NameInUse(f"There is a room {name} already.", "name")
    room.name = name
    room.modality = rules.check_modality(facts.modality)
    room.position = facts.position
    room.hours = [
        ResourceHours(weekday=one.weekday, begins=one.begins, ends=one.ends, open=one.open, label=one.label)
        for one in facts.hours
    ]


def _name(text: str, most: int, what: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= most:
        raise Invalid(f"A {what} needs a name of at most {most} characters.", "name")
    return name
