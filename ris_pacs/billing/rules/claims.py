"""A claim as values: what the scrubber looks at and what the 837 is written from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Person:
    """Names by their parts, in Latin letters where the record has them. birth_date: ISO 8601; sex: F, M, O, U."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    birth_date: str = ""
    sex: str = "U"
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""


@dataclass(frozen=True)
class Payer:
    """See catalog.models.Payer."""

    id: int
    name: str
    identifier: str
    filing_indicator: str
    receiver_name: str
    receiver_id: str
    filing_days: int | None = None
    authorised_modalities: tuple[str, ...] = ()
    side_required: bool = True
    replaces: bool = True


@dataclass(frozen=True)
class Coverage:
    """relationship: "18" when the patient is the subscriber; then `subscriber` is the patient."""

    id: int
    payer: Payer
    member_id: str
    group_number: str
    relationship: str
    subscriber: Person


@dataclass(frozen=True)
class Entity:
    """See models.BillingEntity."""

    id: int
    name: str
    npi: str
    tax_id: str
    taxonomy: str
    street: str
    city: str
    state: str
    zip: str
    contact: str
    phone: str
    submitter_id: str
    mammography_certificate: str = ""


@dataclass(frozen=True)
class Doctor:
    """id: of the practitioner or the rendering provider. npi: "" when none is known."""

    id: int
    family: str
    given: str
    npi: str
    taxonomy: str = ""

    @property
    def shown(self) -> str:
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Diagnosis:
    """code with its dot. known: it is in ICD-10-CM; billable: it may stand on a claim."""

    code: str
    known: bool = True
    billable: bool = True


@dataclass(frozen=True)
class Line:
    """A charge that stands. pointers: places in the diagnoses, from 1. cents: for all units."""

    charge_id: int
    part: str
    code: str
    modifiers: tuple[str, ...]
    units: int
    cents: int
    pointers: tuple[int, ...]


@dataclass(frozen=True)
class Claim:
    """Everything about a claim that matters to payers.

    laterality: of the exam, "", R, L or B; paired: its body part has two sides. reads: it has a professional part.
    doubles: numbers of other claims of the patient with the same code and day.
    """

    id: int
    number: str
    state: str
    patient_id: int
    patient: Person
    accession_number: str
    title: str
    modality: str
    laterality: str
    paired: bool
    service_day: date
    place_of_service: str
    frequency: str
    payer_claim_number: str
    authorisation: str
    held: str
    entity: Entity
    coverage: Coverage | None
    referring: Doctor | None
    rendering: Doctor | None
    diagnoses: tuple[Diagnosis, ...]
    lines: tuple[Line, ...]
    doubles: tuple[str, ...] = ()

    @property
    def total_cents(self) -> int:
        return sum(line.cents for line in self.lines)

    @property
    def reads(self) -> bool:
        return any(line.part in ("professional", "global") for line in self.lines)

    @property
    def payer(self) -> Payer | None:
        return self.coverage.payer if self.coverage else None
