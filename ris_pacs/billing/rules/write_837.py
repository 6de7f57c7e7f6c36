"""Claims as X12 837 Professional, 005010X222A1: values in, bytes out.

Loops are named where they are written. One transaction set holds the claims of one billing provider for one receiver;
each claim opens its own subscriber loop, as the guide allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ris_pacs.billing.rules.claims import Claim, Coverage, Doctor, Entity, Payer, Person
from ris_pacs.billing.rules.text import identifier, plain
from ris_pacs.kernel.text import digits

ELEMENT, COMPONENT, REPETITION, SEGMENT = "*", ":", "^", "~"
VERSION = "005010X222A1"
MOST_CLAIMS = 5000  # In one transaction set: what the guide recommends at most (2300 CLM).
_SEXES = {"F": "F", "M": "M"}


@dataclass(frozen=True)
class Envelope:
    """What the outside of a file says. control_number: at most nine digits. local: the clock of the site that sends.

    production: False marks a test, which a receiver does not pay (ISA15).
    """

    control_number: int
    local: datetime
    production: bool


@dataclass(frozen=True)
class Interchange:
    """content: the whole file. claims: the segments of each claim, by its id."""

    content: bytes
    claims: dict[int, str]


class _Writer:
    """Collects segments of one transaction set and numbers its hierarchy."""

    def __init__(self) -> None:
        self.segments: list[str] = []
        self.level = 0

    def add(self, name: str, *elements: str) -> None:
        """Elements are clean already; empty ones at the end are left out."""
        self.segments.append(ELEMENT.join([name, *elements]).rstrip(ELEMENT))

    def hierarchy(self, parent: int | None, code: str, has_child: bool) -> int:
        self.level += 1
        self.add("HL", str(self.level), str(parent or ""), code, "1" if has_child else "0")
        return self.level


def write(claims: Sequence[Claim], envelope: Envelope) -> Interchange:
    """All claims are of one billing entity and one receiver, and the scrubber found nothing that stops them."""
    entity, payer = claims[0].entity, _payer(claims[0])
    writer = _Writer()
    _header(writer, entity, payer, envelope)
    billing = _billing_provider(writer, entity)
    written = {}
    for claim in claims:
        begins = len(writer.segments)
        _claim(writer, claim, billing)
        written[claim.id] = "\n".join(writer.segments[begins:])
    segments = ["ST*837*0001*" + VERSION, *writer.segments]
    segments.append(f"SE*{len(segments) + 1}*0001")
    whole = [*_opening(entity, payer, envelope), *segments, *_closing(envelope)]
    return Interchange((f"{SEGMENT}\n".join(whole) + f"{SEGMENT}\n").encode("ascii"), written)


def _payer(claim: Claim) -> Payer:
    assert claim.payer is not None, "the scrubber lets no claim through without a payer"
    return claim.payer


def _opening(entity: Entity, payer: Payer, envelope: Envelope) -> list[str]:
    """ISA has a fixed width: 106 characters with its terminator."""
    day, clock = f"{envelope.local:%y%m%d}", f"{envelope.local:%H%M}"
    sender, receiver = identifier(entity.submitter_id, 15), identifier(payer.receiver_id, 15)
    usage = "P" if envelope.production else "T"
    who = ["ZZ", f"{sender:<15}", "ZZ", f"{receiver:<15}"]
    number = f"{envelope.control_number:09}"
    nothing = " " * 10
    isa = ELEMENT.join(
        ["ISA", "00", nothing, "00", nothing, *who, day, clock, REPETITION, "00501", number, "0", usage, COMPONENT]
    )
    gs = f"GS*HC*{sender}*{receiver}*{envelope.local:%Y%m%d}*{clock}*{envelope.control_number}*X*{VERSION}"
    return [isa, gs]


def _closing(envelope: Envelope) -> list[str]:
    return [f"GE*1*{envelope.control_number}", f"IEA*1*{envelope.control_number:09}"]


def _header(writer: _Writer, entity: Entity, payer: Payer, envelope: Envelope) -> None:
    """1000A, 1000B: who sends and who takes the file."""
    now = envelope.local
    writer.add("BHT", "0019", "00", f"{envelope.control_number:09}", f"{now:%Y%m%d}", f"{now:%H%M}", "CH")
    writer.add("NM1", "41", "2", plain(entity.name, 60), "", "", "", "", "46", identifier(entity.submitter_id, 80))
    writer.add("PER", "IC", plain(entity.contact, 60), "TE", digits(entity.phone)[-10:])
    writer.add(
        "NM1", "40", "2", plain(payer.receiver_name, 60), "", "", "", "", "46", identifier(payer.receiver_id, 80)
    )


def _billing_provider(writer: _Writer, entity: Entity) -> int:
    """2000A, 2010AA."""
    level = writer.hierarchy(None, "20", has_child=True)
    writer.add("PRV", "BI", "PXC", identifier(entity.taxonomy, 10))
    writer.add("NM1", "85", "2", plain(entity.name, 60), "", "", "", "", "XX", entity.npi)
    writer.add("N3", plain(entity.street, 55))
    writer.add("N4", plain(entity.city, 30), plain(entity.state, 2), digits(entity.zip))
    writer.add("REF", "EI", entity.tax_id)
    return level


def _claim(writer: _Writer, claim: Claim, billing: int) -> None:
    """2000B or 2000C, and 2300 with its lines."""
    coverage = claim.coverage
    assert coverage is not None, "the scrubber lets no claim through without coverage"
    own = coverage.relationship == "18"
    subscriber = writer.hierarchy(billing, "22", has_child=not own)
    _subscriber(writer, coverage, own)
    if not own:  # 2000C, 2010CA: the patient depends on the subscriber.
        writer.hierarchy(subscriber, "23", has_child=False)
        writer.add("PAT", coverage.relationship)
        _name(writer, "QC", claim.patient)
        _home(writer, claim.patient)
    _claim_facts(writer, claim)
    for number, line in enumerate(claim.lines, 1):  # 2400
        writer.add("LX", str(number))
        procedure = COMPONENT.join(["HC", line.code, *line.modifiers])
        pointers = COMPONENT.join(str(place) for place in line.pointers)
        writer.add("SV1", procedure, amount(line.cents), "UN", str(line.units), "", "", pointers)
        writer.add("DTP", "472", "D8", f"{claim.service_day:%Y%m%d}")
        writer.add("REF", "6R", str(line.charge_id))


def _subscriber(writer: _Writer, coverage: Coverage, own: bool) -> None:
    """2000B, 2010BA, 2010BB."""
    payer = coverage.payer
    group = identifier(coverage.group_number, 50)
    writer.add("SBR", "P", "18" if own else "", group, "", "", "", "", "", payer.filing_indicator)
    _name(writer, "IL", coverage.subscriber, "MI", identifier(coverage.member_id, 80))
    if own:
        _home(writer, coverage.subscriber)
    writer.add("NM1", "PR", "2", plain(payer.name, 60), "", "", "", "", "PI", identifier(payer.identifier, 80))


def _name(writer: _Writer, role: str, person: Person, qualifier: str = "", number: str = "") -> None:
    family, given = plain(person.family, 60), plain(person.given, 35)
    if not family:  # NM103 is required: who has one name has it there.
        family, given = given, ""
    middle, suffix = plain(person.middle, 25), plain(person.suffix, 10)
    writer.add("NM1", role, "1", family, given, middle, "", suffix, qualifier, number)


def _home(writer: _Writer, person: Person) -> None:
    writer.add("N3", plain(person.street, 55))
    writer.add("N4", plain(person.city, 30), plain(person.state, 2), digits(person.zip))
    writer.add("DMG", "D8", person.birth_date.replace("-", ""), _SEXES.get(person.sex, "U"))


def _claim_facts(writer: _Writer, claim: Claim) -> None:
    """2300: the signature is on file, the provider takes assignment, benefits are assigned, release is signed."""
    place = COMPONENT.join([claim.place_of_service, "B", claim.frequency])
    writer.add("CLM", claim.number, amount(claim.total_cents), "", "", place, "Y", "A", "Y", "Y")
    if claim.modality == "MG":
        writer.add("REF", "EW", identifier(claim.entity.mammography_certificate, 50))
    if claim.authorisation:
        writer.add("REF", "G1", identifier(claim.authorisation, 50))
    if claim.frequency != "1":
        writer.add("REF", "F8", identifier(claim.payer_claim_number, 50))
    codes = [identifier(one.code, 30).replace(".", "") for one in claim.diagnoses[:12]]
    kinds = ["ABK", *["ABF"] * 11]
    writer.add("HI", *(f"{kind}{COMPONENT}{code}" for kind, code in zip(kinds, codes, strict=False)))
    if claim.referring is not None:
        _doctor(writer, "DN", claim.referring)  # 2310A
    if claim.reads and claim.rendering is not None:
        _doctor(writer, "82", claim.rendering)  # 2310B
        writer.add("PRV", "PE", "PXC", identifier(claim.rendering.taxonomy, 10))


def _doctor(writer: _Writer, role: str, doctor: Doctor) -> None:
    writer.add("NM1", role, "1", plain(doctor.family, 60), plain(doctor.given, 35), "", "", "", "XX", doctor.npi)


def amount(cents: int) -> str:
    """X12 R: 526 for $526.00, 85.5 for $85.50; no zeros that say nothing (B.1.1.3.1.2)."""
    whole, part = divmod(cents, 100)
    return f"{whole}.{part:02}".rstrip("0").rstrip(".")


def by_batch(claims: Iterable[Claim]) -> list[list[Claim]]:
    """A file each: one billing entity, one receiver, not too many."""
    found: dict[tuple[int, str], list[Claim]] = {}
    for claim in claims:
        found.setdefault((claim.entity.id, _payer(claim).receiver_id), []).append(claim)
    return [
        together[begins : begins + MOST_CLAIMS]
        for together in found.values()
        for begins in range(0, len(together), MOST_CLAIMS)
    ]
