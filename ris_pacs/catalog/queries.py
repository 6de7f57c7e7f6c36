"""Reads of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from ris_pacs.catalog import rules
from ris_pacs.catalog.errors import (
    NoSuchDevice,
    NoSuchDiagnosis,
    NoSuchPartner,
    NoSuchPayer,
    NoSuchPractitioner,
    NoSuchProcedure,
    NoSuchRoom,
    NoSuchSite,
)
from ris_pacs.catalog.models import Device as Device
from ris_pacs.catalog.models import DiagnosisCode, UnknownCaller
from ris_pacs.catalog.models import Issuer as Issuer
from ris_pacs.catalog.models import Partner as Partner
from ris_pacs.catalog.models import Payer as Payer
from ris_pacs.catalog.models import Practitioner as Practitioner
from ris_pacs.catalog.models import Procedure as Procedure
from ris_pacs.catalog.models import Resource as Resource
from ris_pacs.catalog.models import Site as Site
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.text import fold, like_prefix

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class KnownDevice:
    """A registered application entity, detached from the database: kept by a listener for a few seconds."""

    id: int
    ae_title: str
    modality: str
    host: str
    port: int | None
    address_check: bool
    tls: bool
    character_sets: tuple[str, ...]
    zone: str
    site_id: int | None
    patient_issuer_id: int | None
    sends_mpps: bool

    def actor(self, occasion: str, address: str) -> Actor:
        return Actor("device", self.ae_title, Role.SYSTEM, self.id, occasion, address)


# --- sites and rooms


def first_site(uow: UnitOfWork) -> Site | None:
    return uow.session.scalar(
        select(Site)
        .options(joinedload(Site.patient_issuer), joinedload(Site.accession_issuer))
        .order_by(Site.id)
        .limit(1)
    )


def site(uow: UnitOfWork, site_id: int) -> Site:
    """Raises NoSuchSite."""
    options = joinedload(Site.patient_issuer), joinedload(Site.accession_issuer)
    found = uow.session.get(Site, site_id, options=options)
    if found is None:
        raise NoSuchSite("There is no such site.")
    return found


def known_room(uow: UnitOfWork, room_id: int) -> Resource:
    """Raises NoSuchRoom."""
    found = resource(uow, room_id)
    if found is None or found.kind != "room":
        raise NoSuchRoom("There is no such room.")
    return found


def sites(uow: UnitOfWork) -> list[Site]:
    return list(uow.session.scalars(select(Site).order_by(Site.name)))


def sites_with_issuers(uow: UnitOfWork) -> list[Site]:
    """As `sites`, with those who give out their numbers."""
    options = joinedload(Site.patient_issuer), joinedload(Site.accession_issuer)
    return list(uow.session.scalars(select(Site).options(*options).order_by(Site.name)))


def zone_of(site: Site) -> ZoneInfo:
    return ZoneInfo(site.zone)


def rooms(uow: UnitOfWork, site_id: int) -> list[Resource]:
    """Rooms of a site in the calendar's order, with their hours."""
    return list(
        uow.session.scalars(
            select(Resource)
            .where(Resource.site_id == site_id, Resource.kind == "room")
            .options(selectinload(Resource.hours))
            .order_by(Resource.position, Resource.name)
        )
    )


def resource(uow: UnitOfWork, resource_id: int) -> Resource | None:
    return uow.session.get(Resource, resource_id, options=[selectinload(Resource.hours), joinedload(Resource.site)])


def hours_of(resource: Resource) -> list[rules.Hours]:
    return [rules.Hours(h.weekday, h.begins, h.ends, h.open, h.label) for h in resource.hours]


def devices_of_room(uow: UnitOfWork, room_id: int) -> list[Device]:
    return list(
        uow.session.scalars(
            select(Device).where(Device.room_id == room_id, Device.retired_at.is_(None)).order_by(Device.id)
        )
    )


def rooms_for_modality(uow: UnitOfWork, site_id: int, modality: str) -> list[Resource]:
    """Rooms with a device of this modality, in the calendar's order."""
    return list(
        uow.session.scalars(
            select(Resource)
            .where(
                Resource.site_id == site_id,
                Resource.kind == "room",
                Resource.id.in_(select(Device.room_id).where(Device.modality == modality, Device.retired_at.is_(None))),
            )
            .options(selectinload(Resource.hours))
            .order_by(Resource.position, Resource.name)
        )
    )


# --- devices and partners


def known_device(uow: UnitOfWork, ae_title: str) -> KnownDevice | None:
    device = uow.session.scalar(select(Device).where(Device.ae_title == ae_title, Device.retired_at.is_(None)))
    return None if device is None else _known(device)


def device(uow: UnitOfWork, ae_title: str) -> Device:
    """Raises NoSuchDevice."""
    found = uow.session.scalar(select(Device).where(Device.ae_title == ae_title).options(joinedload(Device.room)))
    if found is None:
        raise NoSuchDevice(f"The AE title {ae_title} is not registered.")
    return found


def device_by_id(uow: UnitOfWork, device_id: int) -> Device:
    return uow.session.get_one(Device, device_id)


def patient_issuer_of_device(uow: UnitOfWork, device_id: int) -> int | None:
    """By whom the patient ids are that a device sends without an issuer, where that is set; None: it gives back the
    numbers of its worklist, which may be anybody's.
    """
    return uow.session.scalars(select(Device.patient_issuer_id).where(Device.id == device_id)).one()


def _known(device: Device) -> KnownDevice:
    return KnownDevice(
        id=device.id,
        ae_title=device.ae_title,
        modality=device.modality,
        host=device.host,
        port=device.port,
        address_check=device.address_check,
        tls=device.tls,
        character_sets=tuple(device.character_sets or ()),
        zone=device.zone,
        site_id=device.site_id,
        patient_issuer_id=device.patient_issuer_id,
        sends_mpps=device.sends_mpps,
    )


def devices(uow: UnitOfWork) -> list[Device]:
    return list(
        uow.session.scalars(
            select(Device).options(joinedload(Device.room)).order_by(Device.retired_at.is_not(None), Device.ae_title)
        )
    )


def device_by_modality(uow: UnitOfWork, site_id: int, modality: str) -> Device | None:
    """The one bookable device of a modality at a site; None when there is none or a choice."""
    found = uow.session.scalars(
        select(Device)
        .where(
            Device.modality == modality,
            Device.site_id == site_id,
            Device.retired_at.is_(None),
            Device.room_id.is_not(None),
        )
        .limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def unknown_callers(uow: UnitOfWork) -> list[UnknownCaller]:
    return list(uow.session.scalars(select(UnknownCaller).order_by(UnknownCaller.last_at.desc()).limit(100)))


def partner(uow: UnitOfWork, application: str, facility: str) -> Partner | None:
    return uow.session.scalar(
        select(Partner)
        .where(Partner.application == application, Partner.facility == facility)
        .options(joinedload(Partner.site), joinedload(Partner.patient_issuer), joinedload(Partner.order_issuer))
    )


def partner_by_id(uow: UnitOfWork, partner_id: int) -> Partner:
    """Raises NoSuchPartner."""
    found = uow.session.get(
        Partner,
        partner_id,
        options=[joinedload(Partner.site), joinedload(Partner.patient_issuer), joinedload(Partner.order_issuer)],
    )
    if found is None:
        raise NoSuchPartner("There is no such partner.")
    return found


def partners(uow: UnitOfWork) -> list[Partner]:
    return list(
        uow.session.scalars(
            select(Partner)
            .options(joinedload(Partner.site), joinedload(Partner.patient_issuer), joinedload(Partner.order_issuer))
            .order_by(Partner.application, Partner.facility)
        )
    )


def issuer(uow: UnitOfWork, namespace: str) -> Issuer | None:
    return uow.session.scalar(select(Issuer).where(Issuer.namespace == namespace))


def issuer_by_id(uow: UnitOfWork, issuer_id: int) -> Issuer:
    return uow.session.get_one(Issuer, issuer_id)


# --- procedures, codes, doctors


def procedure(uow: UnitOfWork, procedure_id: int) -> Procedure:
    """Raises NoSuchProcedure."""
    found = uow.session.get(Procedure, procedure_id)
    if found is None:
        raise NoSuchProcedure("There is no such procedure in the catalogue.", "procedure")
    return found


def procedure_by_code(uow: UnitOfWork, code: str, scheme: str | None = None) -> Procedure | None:
    """By its code; several schemes may use one, then the scheme decides."""
    query = select(Procedure).where(Procedure.code == code, Procedure.retired_at.is_(None))
    if scheme:
        query = query.order_by(case((Procedure.scheme == scheme, 0), else_=1))
    return uow.session.scalar(query.limit(1))


def search_procedures(uow: UnitOfWork, text: str, limit: int = 12) -> list[Procedure]:
    """Every word begins a word of the entry; the best known first."""
    query = select(Procedure).where(Procedure.retired_at.is_(None), _words_condition(Procedure.folded, fold(text)))
    return list(uow.session.scalars(query.order_by(func.length(Procedure.name), Procedure.name).limit(limit)))


def procedures(uow: UnitOfWork) -> list[Procedure]:
    return list(uow.session.scalars(select(Procedure).order_by(Procedure.modality, Procedure.name)))


def diagnosis(uow: UnitOfWork, code: str) -> DiagnosisCode:
    """Raises NoSuchDiagnosis. The dot may be left out."""
    compact = code.strip().upper().replace(".", "")
    dotted = compact if len(compact) <= 3 else f"{compact[:3]}.{compact[3:]}"
    found = uow.session.get(DiagnosisCode, dotted)
    if found is None:
        raise NoSuchDiagnosis(f"{code.strip()!r} is not a code of ICD-10-CM.", "diagnoses")
    return found


def search_diagnoses(uow: UnitOfWork, text: str, limit: int = 12) -> list[DiagnosisCode]:
    """By the beginning of the code, with or without its dot, or by words of the text in any order."""
    folded = fold(text)
    if not folded:
        return []
    compact = folded.replace(" ", "").upper()
    dotted = compact if len(compact) <= 3 else f"{compact[:3]}.{compact[3:]}"
    by_code = DiagnosisCode.code.like(like_prefix(dotted), escape="\\")
    by_words = _words_condition(DiagnosisCode.folded, folded)
    query = (
        select(DiagnosisCode)
        .where(or_(by_code, by_words))
        .order_by(
            case((by_code, 0), else_=1),
            DiagnosisCode.billable.desc(),
            func.length(DiagnosisCode.name),
            DiagnosisCode.code,
        )
        .limit(limit)
    )
    return list(uow.session.scalars(query))


def billable_codes(uow: UnitOfWork, codes: Iterable[str]) -> dict[str, bool]:
    """Of these codes with their dots those of ICD-10-CM, and whether each may stand on a claim."""
    found = select(DiagnosisCode.code, DiagnosisCode.billable).where(DiagnosisCode.code.in_(set(codes)))
    return {code: billable for code, billable in uow.session.execute(found)}


def payers(uow: UnitOfWork) -> list[Payer]:
    """In use, by name."""
    return list(uow.session.scalars(select(Payer).where(Payer.retired_at.is_(None)).order_by(Payer.name)))


def payer(uow: UnitOfWork, payer_id: int) -> Payer:
    """Raises NoSuchPayer."""
    found = uow.session.get(Payer, payer_id)
    if found is None:
        raise NoSuchPayer("There is no such payer.", "payer_id")
    return found


def practitioner(uow: UnitOfWork, practitioner_id: int) -> Practitioner:
    """Raises NoSuchPractitioner."""
    found = uow.session.get(Practitioner, practitioner_id)
    if found is None:
        raise NoSuchPractitioner("There is no such referring doctor.", "referrer")
    return found


def practitioner_by_npi(uow: UnitOfWork, npi: str) -> Practitioner:
    """Raises NoSuchPractitioner."""
    found = uow.session.scalar(select(Practitioner).where(Practitioner.npi == npi.strip()))
    if found is None:
        raise NoSuchPractitioner(f"There is no doctor with the NPI {npi[:20]}.", "npi")
    return found


def search_practitioners(uow: UnitOfWork, text: str, limit: int = 8) -> list[Practitioner]:
    """By words of name and practice, or by the beginning of the NPI."""
    query = select(Practitioner)
    if text.strip().isdigit():
        query = query.where(Practitioner.npi.like(like_prefix(text.strip()), escape="\\"))
    else:
        query = query.where(_words_condition(Practitioner.folded, fold(text)))
    return list(uow.session.scalars(query.order_by(Practitioner.family, Practitioner.given).limit(limit)))


def _words_condition(column: InstrumentedAttribute[str], folded: str) -> ColumnElement[bool]:
    """Every word of `folded` begins a word of the column."""
    padded = literal(" ") + column
    return and_(true(), *(padded.like(f"% {like_prefix(word)}", escape="\\") for word in folded.split()[:8]))
