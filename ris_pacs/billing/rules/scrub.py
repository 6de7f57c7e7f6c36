"""The scrubber: what a payer would refuse, said before it is sent, each with the place where it is mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ris_pacs.billing.rules import text
from ris_pacs.billing.rules.charging import SIDE_MODIFIERS
from ris_pacs.billing.rules.claims import Claim, Person
from ris_pacs.catalog.errors import BadNpi
from ris_pacs.catalog.rules import check_npi

_STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP".split()
)


@dataclass(frozen=True)
class Finding:
    """One thing to mend, or with stops=False to know.

    strong: all of it in a clause; words: more about it, and the way out.
    url: the page that mends it, "" for the claim's own; cure: which of its forms, "side", "npi", "diagnoses" or
    "authorisation".
    """

    code: str
    strong: str
    words: str
    url: str = ""
    cure: str = ""
    stops: bool = True


Check = Callable[[Claim, date], Iterator[Finding]]


def findings(claim: Claim, today: date) -> list[Finding]:
    """All of them, those that stop the claim first."""
    found = [finding for check in CHECKS for finding in check(claim, today)]
    return sorted(found, key=lambda one: not one.stops)


def to_mend(claim: Claim, today: date) -> list[Finding]:
    return [finding for finding in findings(claim, today) if finding.stops]


def file_by(claim: Claim) -> date | None:
    """The last day on which the payer takes it."""
    payer = claim.payer
    return claim.service_day + timedelta(days=payer.filing_days) if payer and payer.filing_days else None


def _of_record(claim: Claim, field: str) -> str:
    return f"/patients/{claim.patient_id}/edit#{field}"


def _of_coverage(claim: Claim, field: str = "") -> str:
    here = f"/patients/{claim.patient_id}/coverage"
    return f"{here}/{claim.coverage.id}#{field}" if claim.coverage else here


def _coverage(claim: Claim, today: date) -> Iterator[Finding]:
    if claim.coverage is None:
        words = "Nobody is known who pays. Add what is on the card, or bill the patient."
        yield Finding("no-coverage", "No coverage on the day of the exam.", words, _of_coverage(claim))
        return
    if not text.identifier(claim.coverage.member_id, 80):
        words = f"{claim.coverage.payer.name} knows its members by the number on the card."
        yield Finding("no-member-id", "The member number is missing.", words, _of_coverage(claim, "member_id"))
    if not text.identifier(claim.coverage.payer.identifier, 20):
        words = f"{claim.coverage.payer.name} has no payer identifier."
        yield Finding(
            "no-payer-id", "The payer's identifier is missing.", words, f"/billing/payers/{claim.coverage.payer.id}"
        )


def _patient(claim: Claim, today: date) -> Iterator[Finding]:
    yield from _person(claim.patient, "The patient", lambda field: _of_record(claim, field), today)
    if claim.coverage is not None and claim.coverage.relationship != "18":
        where = {"family": "subscriber_family", "birth_date": "subscriber_birth_date", "sex": "subscriber_sex"}
        yield from _person(
            claim.coverage.subscriber,
            "The subscriber",
            lambda field: _of_coverage(claim, where.get(field, f"subscriber_{field}")),
            today,
        )


def _person(person: Person, who: str, link: Callable[[str], str], today: date) -> Iterator[Finding]:
    if not text.has_name(person.family or person.given):
        yield Finding(
            "no-latin-name",
            f"{who} has no name in Latin letters.",
            "Claims take A to Z only. Write the name as it stands on the card.",
            link("family"),
        )
    if len(person.birth_date) != 10:
        words = "Payers find a person by the whole birth date."
        yield Finding("no-birth-date", f"{who} has no whole birth date.", words, link("birth_date"))
    elif person.birth_date > today.isoformat():
        yield Finding(
            "birth-date-ahead", f"{who} would be born in the future.", "Is the year right?", link("birth_date")
        )
    if person.sex not in ("F", "M"):
        words = "A claim says female, male or unknown; many payers refuse unknown."
        yield Finding("no-sex", f"{who}'s sex is not recorded as the payer has it.", words, link("sex"), stops=False)
    yield from _address(person, who, link)


def _address(person: Person, who: str, link: Callable[[str], str]) -> Iterator[Finding]:
    if not text.plain(person.street, 55):
        yield Finding("no-street", f"{who} has no street.", "A claim needs the home address.", link("street"))
    if not text.plain(person.city, 30):
        yield Finding("no-city", f"{who} has no city.", "A claim needs the home address.", link("city"))
    if person.state.strip().upper() not in _STATES:
        yield Finding("no-state", f"{who}'s state is missing.", "Two letters, such as MA.", link("state"))
    if not re.fullmatch(r"[0-9]{5}(-?[0-9]{4})?", person.zip.strip()):
        yield Finding("no-zip", f"{who}'s ZIP code is missing.", "Five digits, or nine.", link("zip"))


def _diagnoses(claim: Claim, today: date) -> Iterator[Finding]:
    if not claim.diagnoses:
        words = "The order names none by its code. Choose why the exam was done."
        yield Finding("no-diagnosis", "No diagnosis.", words, cure="diagnoses")
    if len(claim.diagnoses) > 12:
        yield Finding("many-diagnoses", "More than twelve diagnoses.", "A claim has room for twelve.", cure="diagnoses")
    for one in claim.diagnoses:
        if not one.known:
            words = "It is not in ICD-10-CM of this year."
            yield Finding("unknown-diagnosis", f"{one.code} is no diagnosis code.", words, cure="diagnoses")
        elif not one.billable:
            words = "It is a heading; a longer code under it says more exactly what it is."
            yield Finding("heading", f"{one.code} cannot stand on a claim.", words, cure="diagnoses")
    for number, line in enumerate(claim.lines, 1):
        wrong = [place for place in line.pointers if not 1 <= place <= len(claim.diagnoses)]
        if claim.diagnoses and (not line.pointers or wrong or len(line.pointers) > 4):
            words = "Each line points to one to four of the diagnoses."
            yield Finding("pointer", f"Line {number} points to no diagnosis.", words, cure="diagnoses")


def _providers(claim: Claim, today: date) -> Iterator[Finding]:
    entity = f"/billing/setup/entities/{claim.entity.id}"
    if claim.referring is None:
        words = "Imaging is paid only when a doctor asked for it. Name the doctor in the order."
        yield Finding("no-referrer", "No referring doctor.", words, f"/a/{claim.accession_number}")
    elif wrong := _npi_fault(claim.referring.npi):
        yield Finding("referrer-npi", f"{claim.referring.shown}, who referred, {wrong}", _NPI, cure="npi")
    if claim.reads and claim.rendering is None:
        words = "Nobody is known who read the exam with a number of their own."
        yield Finding("no-rendering", "No reader.", words, "/billing/setup")
    elif claim.reads and claim.rendering and (wrong := _npi_fault(claim.rendering.npi)):
        yield Finding("rendering-npi", f"{claim.rendering.shown}, who read it, {wrong}", _NPI, "/billing/setup")
    if wrong := _npi_fault(claim.entity.npi):
        yield Finding("billing-npi", f"{claim.entity.name} {wrong}", _NPI, f"{entity}#npi")
    if not re.fullmatch(r"[0-9]{9}", claim.entity.tax_id):
        words = "The employer's number has nine digits."
        yield Finding("tax-id", f"{claim.entity.name} has no tax number.", words, f"{entity}#tax_id")
    if not re.fullmatch(r"[0-9]{9}", claim.entity.zip.replace("-", "")):
        words = "Who bills needs all nine digits (2010AA N403)."
        yield Finding("zip-9", f"{claim.entity.name}'s ZIP code has not nine digits.", words, f"{entity}#zip")
    if claim.modality == "MG" and claim.entity.mammography_certificate == "":
        words = "Mammograms carry the facility's certificate number (REF EW)."
        yield Finding(
            "no-certificate", "The mammography certificate is missing.", words, f"{entity}#mammography_certificate"
        )


_NPI = "The number has ten digits, and the last one checks the others."


def _npi_fault(npi: str) -> str:
    if not npi:
        return "has no NPI."
    try:
        check_npi(npi)
    except BadNpi:
        return f"has the NPI {npi}, which fails its check digit."
    return ""


def _lines(claim: Claim, today: date) -> Iterator[Finding]:
    if not claim.lines:
        yield Finding("no-lines", "Nothing is charged.", "All charges were reversed.", f"/a/{claim.accession_number}")
    if len(claim.lines) > 50:
        yield Finding("many-lines", "More than fifty lines.", "A claim has room for fifty.")
    for number, line in enumerate(claim.lines, 1):
        if line.cents <= 0:
            yield Finding("no-amount", f"Line {number} costs nothing.", "Give its code a fee.", "/billing/fees")
        if not re.fullmatch("[A-Z0-9]{5}", line.code):
            yield Finding("code", f"Line {number} has no charge code.", "Five letters and digits.", "/billing/rules")
        yield from _side(claim, number, line.modifiers)


def _side(claim: Claim, number: int, modifiers: tuple[str, ...]) -> Iterator[Finding]:
    if not claim.paired:
        return
    said = sorted({"RT", "LT", "50"} & set(modifiers))
    meant = SIDE_MODIFIERS.get(claim.laterality, "")
    if not said and claim.payer is not None and claim.payer.side_required:
        words = f"{claim.payer.name} refuses this code without a side."
        if meant:
            words = f"The order says {meant}. {words}"
        yield Finding("no-side", f"Line {number} does not say which side.", words, cure="side")
    elif said and meant and said != [meant]:
        words = f"The order says {meant}. Mend the line, or the order."
        yield Finding("other-side", f"Line {number} says {' and '.join(said)}.", words, cure="side")


def _authorisation(claim: Claim, today: date) -> Iterator[Finding]:
    payer = claim.payer
    if payer is not None and claim.modality in payer.authorised_modalities and not claim.authorisation:
        words = f"{payer.name} wants a number for every {claim.modality} exam."
        yield Finding("no-authorisation", "The authorisation number is missing.", words, cure="authorisation")


def _dates(claim: Claim, today: date) -> Iterator[Finding]:
    if claim.service_day > today:
        words = f"It was performed on {claim.service_day:%-d %b %Y}, says the record."
        yield Finding("day-ahead", "The exam lies in the future.", words, f"/a/{claim.accession_number}")
    if claim.service_day.isoformat() < claim.patient.birth_date <= today.isoformat():
        words = "Is the birth date right?"
        yield Finding(
            "before-birth", "The exam was before the patient was born.", words, _of_record(claim, "birth_date")
        )
    last = file_by(claim)
    if last is None:
        return
    if today > last:
        words = f"The payer took it until {last:%-d %b %Y}. Write it off, or appeal on paper."
        yield Finding("too-late", "It is too late to file.", words)
    elif last - today <= timedelta(days=14):
        words = f"The payer takes it until {last:%-d %b %Y}."
        yield Finding("late-soon", f"{(last - today).days} days left to file.", words, stops=False)


def _doubles(claim: Claim, today: date) -> Iterator[Finding]:
    if claim.doubles:
        words = (
            f"Claim {', '.join(claim.doubles)} has the same code on the same day: modifier 76 or 77 tells them apart."
        )
        yield Finding("double", "Looks like a duplicate.", words, f"/billing?q={claim.doubles[0]}")


def _again(claim: Claim, today: date) -> Iterator[Finding]:
    if claim.frequency in ("7", "8") and not claim.payer_claim_number:
        words = "A corrected claim names the one it replaces by the payer's own number, which a remittance tells."
        yield Finding("no-original", "The payer's claim number is missing.", words)
    if claim.frequency in ("7", "8") and claim.payer is not None and not claim.payer.replaces:
        words = f"{claim.payer.name} takes originals only; ask it to reopen the claim."
        yield Finding("originals-only", "The payer takes no corrected claims.", words)


CHECKS: tuple[Check, ...] = (
    _coverage, _patient, _diagnoses, _providers, _lines, _authorisation, _dates, _doubles, _again,
)  # fmt: skip
# What they look at, for the line below the findings.
CHECKED = "coverage, names, address, diagnoses, doctors, lines, sides, authorisation, dates, duplicates"
