"""What every installation begins with: a site, the starting catalogue, the ICD-10-CM code list."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from ris_pacs.catalog.models import DiagnosisCode, Procedure, Site
from ris_pacs.catalog.service.sites import SiteFacts, add_site
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.text import fold

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

SEED_DATA = Path(__file__).resolve().parents[3] / "seed_data"
PROCEDURES_FILE = SEED_DATA / "procedures.csv"
STARTING_SCHEME = "99RISPACS"


def prepare_practice(uow: UnitOfWork, facts: SiteFacts, actor: Actor) -> Site:
    """Codes, catalogue and a first site, each where it is missing. Safe to run again."""
    load_diagnosis_codes(uow)
    load_procedures(uow)
    site = uow.session.scalar(select(Site).order_by(Site.id).limit(1))
    return site or add_site(uow, facts, actor)


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
