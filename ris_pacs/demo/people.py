"""Who comes to the demo practice, and why: seed_data/demo/people.csv and reasons.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from ris_pacs.kernel.person import NameGroup, PersonName, age
from ris_pacs.patients.service.register import PatientFacts

_FOLDER = Path(__file__).resolve().parents[2] / "seed_data" / "demo"
_STREETS = ("Alder Court", "Bridge Street", "Canal Row", "Dover Lane", "Elm Street", "Foundry Road", "Garden Walk")


@dataclass(frozen=True)
class Person:
    """number: counts from 0. emr_number: of those whom the hospital's EMR registers and orders for, else ""."""

    number: int
    facts: PatientFacts

    @property
    def emr_number(self) -> str:
        return f"E{10_000 + self.number * 7}" if self.number % 4 == 3 else ""

    def age(self, on: date) -> int:
        return age(self.facts.birth_date, on) or 0


@dataclass(frozen=True)
class Reason:
    """Why an exam is asked for. icd: ICD-10-CM."""

    icd: str
    question: str


@cache
def people() -> tuple[Person, ...]:
    with (_FOLDER / "people.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Person(number, _facts(number, line)) for number, line in enumerate(csv.DictReader(file)))


def _facts(number: int, line: dict[str, str]) -> PatientFacts:
    return PatientFacts(
        name=PersonName(
            NameGroup(line["family"], line["given"], line["middle"]),
            NameGroup.from_dicom(line["ideographic"]),
            NameGroup.from_dicom(line["phonetic"]),
        ),
        birth_date=line["birth_date"],
        sex=line["sex"],
        phone=f"(555) 010-{1000 + number * 13:04}",
        street=f"{3 + number * 5 % 97} {_STREETS[number % len(_STREETS)]}",
        city="Springfield",
        state="MA",
        zip=f"{1101 + number % 9:05}",
    )


@cache
def reasons() -> dict[str, tuple[Reason, ...]]:
    """By code of the procedure in our catalogue."""
    found: dict[str, tuple[Reason, ...]] = {}
    with (_FOLDER / "reasons.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            found[line["procedure"]] = (*found.get(line["procedure"], ()), Reason(line["icd"], line["question"]))
    return found


# Who can have what: sex ("" for anyone) and ages.
_SUITED = {
    "MG": ("F", 40, 80),
    "USBREAST": ("F", 18, 80),
    "USOB": ("F", 18, 43),
    "USPELVIS": ("F", 16, 75),
    "MRPELVIS": ("F", 30, 55),
    "MRPROST": ("M", 50, 82),
    "PTPSMA": ("M", 55, 85),
    "PT": ("", 40, 85),
    "NMBONE": ("M", 55, 88),
    "NM": ("", 30, 85),
    "ES": ("", 35, 85),
    "CTCHESTLD": ("", 50, 80),
    "CTAORTA": ("", 60, 90),
    "CT": ("", 18, 95),
    "MR": ("", 14, 90),
}


def suits(person: Person, procedure: str, on: date) -> bool:
    for length in range(len(procedure), 1, -1):
        if procedure[:length] in _SUITED:
            sex, youngest, oldest = _SUITED[procedure[:length]]
            return sex in ("", person.facts.sex) and youngest <= person.age(on) <= oldest
    return True
