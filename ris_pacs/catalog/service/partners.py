"""Systems that send or take HL7 messages: adding and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.catalog import rules
from ris_pacs.catalog.errors import NoSuchPartner, PartnerKnown
from ris_pacs.catalog.models import Issuer, Partner, Site
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.hl7.charsets import codec_for
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class PartnerFacts:
    """What a person says about a partner; see models.Partner.

    application, facility: MSH-3 and MSH-4 of what it sends. patient_namespace, order_namespace: the assigning
    authorities of its numbers where its messages do not name them. zone: IANA name; empty means the site's.
    """

    application: str
    facility: str
    site_id: int
    patient_namespace: str
    order_namespace: str
    order_ids_from_obr: bool = False
    time_is_wish: bool = False
    character_set: str = ""
    host: str = ""
    port: int | None = None
    zone: str = ""


def add_partner(uow: UnitOfWork, facts: PartnerFacts, actor: Actor) -> Partner:
    """Raises Invalid, PartnerKnown, Forbidden."""
    demand(actor, Right.ADMIN)
    application = rules.check_hl7_name(facts.application, "application")
    facility = rules.check_hl7_name(facts.facility, "facility")
    known = select(Partner.id).where(Partner.application == application, Partner.facility == facility)
    if uow.session.scalar(known):
        raise PartnerKnown(f"{application}|{facility} is a partner already.", "application")
    partner = Partner(application=application, facility=facility)
    _apply(uow, partner, facts)
    uow.session.add(partner)
    uow.session.flush()
    _record(uow, partner, "add partner", actor)
    return partner


def change_partner(uow: UnitOfWork, partner_id: int, facts: PartnerFacts, actor: Actor) -> Partner:
    """Everything but the name: kept messages carry it. Raises Invalid, NoSuchPartner, Forbidden."""
    demand(actor, Right.ADMIN)
    partner = uow.session.get(Partner, partner_id)
    if partner is None:
        raise NoSuchPartner("There is no such partner.")
    _apply(uow, partner, facts)
    uow.session.flush()
    _record(uow, partner, "change partner", actor)
    return partner


def _apply(uow: UnitOfWork, partner: Partner, facts: PartnerFacts) -> None:
    site = uow.session.get(Site, facts.site_id)
    if site is None:
        raise Invalid("There is no such site.", "site_id")
    patients = rules.check_hl7_name(facts.patient_namespace, "patient_namespace")
    orders = rules.check_hl7_name(facts.order_namespace, "order_namespace")
    _check_not_ours(uow, orders)
    if codec_for(facts.character_set) is None:
        raise Invalid(f"{facts.character_set[:40]!r} is no character set of HL7 table 0211.", "character_set")
    host, port = rules.check_host(facts.host), rules.check_port(facts.port)
    if bool(host) != (port is not None):
        missing = "port" if host else "host"
        raise Invalid("Messages go out to an address and a port: give both, or neither.", missing)
    partner.site = site
    partner.zone = rules.check_zone(facts.zone) or site.zone
    with uow.session.no_autoflush:
        partner.patient_issuer = find_or_add_issuer(uow, patients)
        partner.order_issuer = find_or_add_issuer(uow, orders)
    partner.order_ids_from_obr = facts.order_ids_from_obr
    partner.time_is_wish = facts.time_is_wish
    partner.character_set = facts.character_set
    partner.host, partner.port = host, port


def _check_not_ours(uow: UnitOfWork, namespace: str) -> None:
    """Accession numbers that we give out must not come from outside: two exams would share one."""
    if uow.session.scalar(select(Issuer.ours).where(Issuer.namespace == namespace)):
        raise Invalid(f"{namespace} gives out our own numbers; name the one of the partner.", "order_namespace")


def _record(uow: UnitOfWork, partner: Partner, action: str, actor: Actor) -> None:
    detail = {
        "patient numbers by": partner.patient_issuer.namespace,
        "order numbers by": partner.order_issuer.namespace,
        "order ids from OBR": partner.order_ids_from_obr,
        "time is a wish": partner.time_is_wish,
        "takes messages at": f"{partner.host}:{partner.port}" if partner.host else "",
    }
    entity = ("partner", f"{partner.application}|{partner.facility}")
    audit.record(uow, actor, action, entity, patient_id=None, detail=detail)
