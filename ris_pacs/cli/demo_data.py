"""The demo practice: an invented place with invented people, the same at every loading of one day."""

from __future__ import annotations

from datetime import date

from ris_pacs.accounts import service as accounts
from ris_pacs.catalog.rules import MODALITIES, Hours
from ris_pacs.catalog.service import devices, doctors, setup
from ris_pacs.catalog.service.setup import NewSite
from ris_pacs.kernel import marks
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Role
from ris_pacs.kernel.uow import System, UnitOfWork, unit_of_work

DEMO_SITE = NewSite(
    name="Mill Lane",
    zone="America/New_York",
    patient_namespace="MERIDIAN",
    accession_namespace="MERIDIAN-RIS",
    accession_prefix="MI",
    address="12 Mill Lane, Springfield",
    phone="(555) 010-0100",
)
PASSWORD = "ris-pacs-demo"  # noqa: S105, published in CONTRACT.md
STATIONS = ("CT1", "MR1", "US1", "DX1", "CR1", "MG1", "NM1", "PT1", "ES1")
TOOLS = ("ECHOSCU", "STORESCU", "FINDSCU", "MOVESCU", "GETSCU", "MODALITY1")
PEOPLE = {
    Role.FRONTDESK: "Dana Whitfield",
    Role.TECHNOLOGIST: "Ruben Castaneda",
    Role.RADIOLOGIST: "Ingrid Solberg",
    Role.RESIDENT: "Tomas Lindgren",
    Role.BILLER: "Marion Achebe",
    Role.REFERRER: "Lena Achterfeld",
    Role.PATIENT: "Amara Okonkwo",
    Role.MANAGER: "Priya Natarajan",
    Role.ADMIN: "Piet Verhoeven",
}
LUNCH = {"CT": 720, "MR": 750, "US": 780, "DX": 720, "CR": 750, "MG": 720, "NM": 780, "PT": 750, "ES": 720}


def load(system: System, day: date | None) -> list[str]:
    """Make the practice in an empty database; in one that holds it, fill up the day. Returns what was done."""
    with unit_of_work(system) as uow:
        if marks.get(uow, marks.DEMO) is not None:
            return []
        site_id = make_practice(uow)
        marks.put(uow, marks.DEMO, {"site_id": site_id})
    return ["The demo practice is loaded."]


def make_practice(uow: UnitOfWork) -> int:
    """Site, rooms, devices, partner, codes and accounts; no patients."""
    site = setup.prepare_practice(uow, DEMO_SITE, OPERATOR)
    setup.rename_site(uow, site, DEMO_SITE)
    for position, name in enumerate(STATIONS):
        modality = name[:2]
        room = setup.add_room(uow, setup.NewRoom(site.id, name, modality, position, _hours(modality)), OPERATOR)
        devices.register_device(
            uow,
            devices.DeviceFacts(
                ae_title=name,
                name=f"{MODALITIES[modality]} {name}",
                modality=modality,
                room_id=room.id,
                site_id=site.id,
                sends_mpps=modality not in ("CR", "ES"),
            ),
            OPERATOR,
        )
    for title in TOOLS:
        devices.register_device(uow, devices.DeviceFacts(title, name="Test tool", site_id=site.id), OPERATOR)
    devices.register_device(
        uow,
        devices.DeviceFacts("DEST", name="Move destination", site_id=site.id, host="127.0.0.1", port=11113),
        OPERATOR,
    )
    setup.add_partner(
        uow,
        setup.NewPartner("EMR", "HOSPITAL", site.id, "HOSPITAL", "EMR", order_ids_from_obr=True),
        OPERATOR,
    )
    _accounts(uow)
    return site.id


def _hours(modality: str) -> tuple[Hours, ...]:
    lunch = LUNCH[modality]
    weekdays = [Hours(day, 7 * 60, 20 * 60, True) for day in range(5)]
    weekend = [Hours(day, 8 * 60, 18 * 60, True) for day in (5, 6)]
    return (*weekdays, *weekend, *(Hours(day, lunch, lunch + 45, False, "Lunch") for day in range(7)))


def _accounts(uow: UnitOfWork) -> None:
    doctor = doctors.find_or_add_practitioner(
        uow,
        doctors.DoctorFacts("Achterfeld", "Lena", npi="1234567893", suffix="MD", practice="Hillcrest Family Medicine"),
        PROGRAM,
    )
    for role, name in PEOPLE.items():
        accounts.add_user(
            uow,
            accounts.NewUser(
                f"{role}@demo.example",
                name,
                PASSWORD,
                role,
                practitioner_id=doctor.id if role is Role.REFERRER else None,
            ),
            OPERATOR,
        )
