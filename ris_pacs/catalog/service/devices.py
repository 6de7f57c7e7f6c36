"""Application entities: registering them, and remembering who knocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from ris_pacs.catalog import rules
from ris_pacs.catalog.errors import AeTitleTaken, NoSuchDevice
from ris_pacs.catalog.models import Device, UnknownCaller
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

MOST_UNKNOWN_CALLERS = 500


@dataclass(frozen=True)
class DeviceFacts:
    """What a person says about an application entity; see models.Device."""

    ae_title: str
    name: str = ""
    modality: str = ""
    room_id: int | None = None
    site_id: int | None = None
    host: str = ""
    port: int | None = None
    address_check: bool = False
    tls: bool = False
    character_sets: tuple[str, ...] = ()
    zone: str = ""
    patient_issuer_id: int | None = None
    sends_mpps: bool = False
    quiet_minutes: int = 10


def register_device(uow: UnitOfWork, facts: DeviceFacts, actor: Actor) -> Device:
    """Raises Invalid, AeTitleTaken, Forbidden."""
    demand(actor, Right.ADMIN)
    title = rules.check_ae_title(facts.ae_title)
    if uow.session.scalar(select(Device.id).where(Device.ae_title == title)):
        raise AeTitleTaken(f"The AE title {title} is registered already.", "ae_title")
    device = Device(ae_title=title)
    _apply(device, facts)
    uow.session.add(device)
    uow.session.flush()
    uow.session.execute(delete(UnknownCaller).where(UnknownCaller.calling == title))
    audit.record(uow, actor, "register device", ("device", title), patient_id=None)
    return device


def change_device(uow: UnitOfWork, facts: DeviceFacts, actor: Actor) -> Device:
    """Change the device with this AE title. Raises Invalid, NoSuchDevice, Forbidden."""
    demand(actor, Right.ADMIN)
    device = uow.session.scalar(select(Device).where(Device.ae_title == facts.ae_title))
    if device is None:
        raise NoSuchDevice(f"The AE title {facts.ae_title} is not registered.", "ae_title")
    _apply(device, facts)
    audit.record(uow, actor, "change device", ("device", device.ae_title), patient_id=None)
    return device


def retire_device(uow: UnitOfWork, ae_title: str, actor: Actor) -> None:
    """It is refused from now on; its history stays. Raises NoSuchDevice, Forbidden."""
    demand(actor, Right.ADMIN)
    device = uow.session.scalar(select(Device).where(Device.ae_title == ae_title))
    if device is None:
        raise NoSuchDevice(f"The AE title {ae_title} is not registered.", "ae_title")
    device.retired_at = device.retired_at or uow.now
    audit.record(uow, actor, "retire device", ("device", ae_title), patient_id=None)


def _apply(device: Device, facts: DeviceFacts) -> None:
    device.name = facts.name.strip()[:100]
    device.modality = rules.check_modality(facts.modality)
    device.room_id = facts.room_id
    device.site_id = facts.site_id
    device.host = rules.check_host(facts.host)
    device.port = rules.check_port(facts.port)
    device.address_check = facts.address_check
    device.tls = facts.tls
    device.character_sets = list(facts.character_sets)
    device.zone = rules.check_zone(facts.zone)
    device.patient_issuer_id = facts.patient_issuer_id
    device.sends_mpps = facts.sends_mpps
    device.quiet_minutes = rules.check_quiet_minutes(facts.quiet_minutes)
    device.retired_at = None


def note_unknown_caller(uow: UnitOfWork, calling: str, called: str, address: str) -> None:
    """A refused association, counted per title and address. The list stays short whoever knocks."""
    uow.session.execute(
        insert_of(uow.dialect)(UnknownCaller)
        .values(calling=calling[:16], called=called[:16], address=address[:64], first_at=uow.now, last_at=uow.now)
        .on_conflict_do_update(
            index_elements=["calling", "called", "address"],
            set_={"last_at": uow.now, "times": UnknownCaller.times + 1},
        )
    )
    newest = select(UnknownCaller.id).order_by(UnknownCaller.last_at.desc()).limit(MOST_UNKNOWN_CALLERS)
    uow.session.execute(delete(UnknownCaller).where(UnknownCaller.id.not_in(newest)))
