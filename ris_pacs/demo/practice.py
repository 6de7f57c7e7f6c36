"""Site, rooms, stations, partner, doctors and accounts of the demo practice (CONTRACT.md)."""

from __future__ import annotations

from ris_pacs.accounts import service as accounts
from ris_pacs.catalog.rules import MODALITIES, Hours
from ris_pacs.catalog.service import devices, doctors, partners, setup, sites
from ris_pacs.demo.people import people
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Role
from ris_pacs.kernel.uow import UnitOfWork
from ris_pacs.patients.service import register as patients
from ris_pacs.reporting.service.phrases import load_templates

DEMO_SITE = sites.SiteFacts(
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
DOCTORS = tuple(
    doctors.DoctorFacts(family, given, npi=npi, suffix=suffix, practice=practice, phone=phone)
    for family, given, suffix, npi, practice, phone in (
        ("Achterfeld", "Lena", "MD", "1234567893", "Hillcrest Family Medicine", "(555) 010-0210"),
        ("Moreau", "Benoit", "MD", "1234567000", "Hillcrest Family Medicine", "(555) 010-0211"),
        ("Oyelaran", "Folake", "MD", "1234567133", "Riverside Internal Medicine", "(555) 010-0220"),
        ("Stanhope", "Giles", "DO", "1234567265", "Riverside Internal Medicine", "(555) 010-0221"),
        ("Takahashi", "Reiko", "MD", "1234567398", "Springfield Orthopaedics", "(555) 010-0230"),
        ("Bianchi", "Carlo", "MD", "1234567521", "Springfield Orthopaedics", "(555) 010-0231"),
        ("Haugen", "Solveig", "MD", "1234567653", "Northgate Oncology", "(555) 010-0240"),
        ("Pereira", "Duarte", "MD", "1234567786", "Northgate Cardiology", "(555) 010-0250"),
        ("Wycliffe", "Honor", "NP", "1234567919", "Women's Health of Springfield", "(555) 010-0260"),
        ("Zahradnik", "Milos", "MD", "1234568040", "Mill Lane Urology", "(555) 010-0270"),
        ("Emery", "Constance", "MD", "1234568172", "Springfield Neurology", "(555) 010-0280"),
        ("Ferreira", "Ines", "MD", "1234568305", "County Hospital Emergency", "(555) 010-0290"),
    )
)
LUNCH = {"CT": 720, "MR": 750, "US": 780, "DX": 720, "CR": 750, "MG": 720, "NM": 780, "PT": 750, "ES": 720}


def make_practice(uow: UnitOfWork) -> tuple[int, int]:
    """Site, rooms, devices, partner, codes and accounts; the ids of the site and of the one patient with an account."""
    site = setup.prepare_practice(uow, DEMO_SITE, OPERATOR)
    sites.change_site(uow, site.id, DEMO_SITE, OPERATOR)
    load_templates(uow)
    for position, name in enumerate(STATIONS):
        modality = name[:2]
        room = sites.add_room(uow, site.id, sites.RoomFacts(name, modality, position, _hours(modality)), OPERATOR)
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
    partners.add_partner(
        uow,
        partners.PartnerFacts("EMR", "HOSPITAL", site.id, "HOSPITAL", "EMR", order_ids_from_obr=True),
        OPERATOR,
    )
    return site.id, _accounts(uow, site.id)


def _hours(modality: str) -> tuple[Hours, ...]:
    lunch = LUNCH[modality]
    weekdays = [Hours(day, 7 * 60, 20 * 60, True) for day in range(5)]
    weekend = [Hours(day, 8 * 60, 18 * 60, True) for day in (5, 6)]
    return (*weekdays, *weekend, *(Hours(day, lunch, lunch + 45, False, "Lunch") for day in range(7)))


def _accounts(uow: UnitOfWork, site_id: int) -> int:
    doctors_of_practice = [doctors.find_or_add_practitioner(uow, facts, PROGRAM) for facts in DOCTORS]
    amara = patients.register_patient(uow, patients.Registration(people()[0].facts, site_id), PROGRAM)
    for role, name in PEOPLE.items():
        accounts.add_user(
            uow,
            accounts.NewUser(
                f"{role}@demo.example",
                name,
                PASSWORD,
                role,
                practitioner_id=doctors_of_practice[0].id if role is Role.REFERRER else None,
                patient_id=amara.id if role is Role.PATIENT else None,
            ),
            OPERATOR,
        )
    return amara.id
