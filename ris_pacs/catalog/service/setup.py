"""What every installation begins with: an issuer, a site, the starting catalogue, the ICD-10-CM code list."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from ris_pacs.catalog import rules
from ris_pacs.catalog.models import (
    DiagnosisCode,
    Issuer,
    Procedure,
    Resource,
    ResourceHours,
    Site,
)
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.text import fold

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

SEED_DATA = Path(__file__).resolve().parents[3] / "seed_data"
PROCEDURES_FILE = SEED_DATA / "procedures.csv"
STARTING_SCHEME = "99RISPACS"


@dataclass(frozen=True)
class NewSite:
    """The first site's issuers give out MRNs "M0000001" and accession numbers with the prefix and the year."""

    name: str
    zone: str
    patient_namespace: str
    accession_namespace: str
    accession_prefix: str
    address: str = ""
    phone: str = ""


@dataclass(frozen=True)
class NewRoom:
    site_id: int
    name: str
    modality: str
    position: int
    hours: tuple[rules.Hours, ...] = ()


def prepare_practice(uow: UnitOfWork, new: NewSite, actor: Actor) -> Site:
    """Codes, catalogue and a first site, each where it is missing. Safe to run again."""
    load_diagnosis_codes(uow)
    load_procedures(uow)
    site = uow.session.scalar(select(Site).order_by(Site.id).limit(1))
    return site or add_site(uow, new, actor)


def add_site(uow: UnitOfWork, new: NewSite, actor: Actor) -> Site:
    site = Site(
        name=new.name,
        zone=new.zone,
        address=new.address,
        phone=new.phone,
        patient_issuer=find_or_add_issuer(uow, new.patient_namespace, ours=True),
        accession_issuer=find_or_add_issuer(uow, new.accession_namespace, ours=True),
        accession_prefix=new.accession_prefix,
    )
    uow.session.add(site)
    uow.session.flush()
    return site


def rename_site(uow: UnitOfWork, site: Site, new: NewSite) -> None:
    """Another name, zone and series of numbers, before anything was numbered."""
    site.name, site.zone, site.address, site.phone = new.name, new.zone, new.address, new.phone
    site.accession_prefix = new.accession_prefix
    site.patient_issuer = find_or_add_issuer(uow, new.patient_namespace, ours=True)
    site.accession_issuer = find_or_add_issuer(uow, new.accession_namespace, ours=True)
    uow.session.flush()


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


def add_room(uow: UnitOfWork, new: NewRoom, actor: Actor) -> Resource:
    room = Resource(
        site_id=new.site_id,
        kind="room",
        name=new.name,
        modality=new.modality,
        position=new.position,
        hours=[
            ResourceHours(weekday=h.weekday, begins=h.begins, ends=h.ends, open=h.open, label=h.label)
            for h in new.hours
        ],
    )
    uow.session.add(room)
    uow.session.flush()
    return room


def load_procedures(uow: UnitOfWork) -> int:
    """The starting catalogue, into an empty table. Its codes are ours: no licensed code set is shipped."""
    if uow.session.scalar(select(func.count()).select_from(Procedure)):
        return 0
    with PROCEDURES_FILE.open(encoding="utf-8", newline="") as file:
        rows = [_procedure(line) for line in csv.DictReader(file)]
    uow.session.execute(insert(Procedure), rows)
    return len(rows)


def _procedure(line: dict[str, str]) -> dict[str, Any]:
    return {
        "code": line["code"],
        "scheme": STARTING_SCHEME,
        "name": line["name"],
        "modality": line["modality"],
        "body_part": line["body_part"],
        "region": line["region"],
        "laterality": line["laterality"],
        "contrast": line["contrast"] == "yes",
        "minutes": int(line["minutes"]),
        "preparation": line["preparation"],
        "folded": fold(f"{line['modality']} {line['name']} {line['code']} {line['body_part']}"),
    }


def load_diagnosis_codes(uow: UnitOfWork) -> int:
    """All of ICD-10-CM (CDC/NCHS and CMS, public domain), headings included, into an empty table."""
    if uow.session.scalar(select(DiagnosisCode.code).limit(1)):
        return 0
    import simple_icd_10_cm as icd  # Reads 10 MB when imported: only here.

    listed = icd.get_all_codes(with_dots=True)
    # Chapters ("1") and blocks ("A00-A09") are no codes; a block of one category has the name of that category.
    codes = dict.fromkeys(code for code in listed if code[0].isalpha() and "-" not in code)
    rows = [
        {
            "code": code,
            "name": icd.get_description(code),
            "folded": fold(f"{code} {code.replace('.', '')} {icd.get_description(code)}"),
            "billable": icd.is_leaf(code),
        }
        for code in codes
    ]
    uow.session.execute(insert(DiagnosisCode), rows)
    return len(rows)
