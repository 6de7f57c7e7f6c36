"""Decisions of the archive: keys of objects, and when a study may be linked by itself (FEATURES.md A4, A5)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from markupsafe import Markup, escape

from ris_pacs.kernel.text import fold


def object_key(study_uid: str, sop_uid: str, digest: str) -> str:
    """Where an object's file stands. It follows from the UIDs and the content: another content, another name."""
    shelf = hashlib.sha256(study_uid.encode()).hexdigest()[:2]
    return f"{shelf}/{study_uid}/{sop_uid}.{digest[:12]}.dcm"


class Reason(StrEnum):
    """Why a study waits for a person."""

    NO_KEYS = "no-keys"
    ACCESSION_UNKNOWN = "accession-unknown"
    PROCEDURE_UNKNOWN = "procedure-unknown"
    SEVERAL_ORDERS = "several-orders"
    KEYS_DISAGREE = "keys-disagree"
    PATIENT_DIFFERS = "patient-differs"
    TWO_PATIENTS = "two-patients"
    OBJECTS_DISAGREE = "objects-disagree"
    LINK_FAILED = "link-failed"
    UNDONE = "undone"


@dataclass(frozen=True)
class RequestLead:
    """Where one request item, or the header, leads. exams: ids behind accession number and procedure id together.

    accession_known / procedure_known: whether the key, where present, leads anywhere at all.
    """

    accession_number: str
    procedure_id: str
    exams: frozenset[int]
    accession_known: bool = True
    procedure_known: bool = True


@dataclass(frozen=True)
class Leads:
    """Where each key that an object carries leads.

    header: the accession number (0008,0050), where it stands beside request items that do not repeat it.
    by_uid, by_mpps: exams behind the Study Instance UID and the referenced performed step. These two are the device's
    own numbers as often as ours: leading nowhere they say nothing, leading elsewhere they contradict.
    """

    requests: tuple[RequestLead, ...]
    by_uid: frozenset[int]
    by_mpps: frozenset[int]
    header: RequestLead | None = None


@dataclass(frozen=True)
class Decision:
    """Link to `exams` (how), or a reason with its words and no exams."""

    exams: tuple[int, ...] = ()
    how: str = ""
    reason: Reason | None = None
    text: str = ""


def decide(leads: Leads) -> Decision:
    """Which exams an object's keys name, before its patient is compared with theirs (A4, A5)."""
    exams: set[int] = set()
    for lead in leads.requests:
        if not lead.accession_known:
            text = f"Accession number {lead.accession_number} is not one of ours"
            return Decision(reason=Reason.ACCESSION_UNKNOWN, text=text)
        if not lead.procedure_known:
            text = f"Requested procedure {lead.procedure_id} is not one of ours"
            return Decision(reason=Reason.PROCEDURE_UNKNOWN, text=text)
        if not lead.exams:
            other = f"procedure {lead.procedure_id}" if lead.procedure_id else "the scheduled step"
            text = f"Accession number {lead.accession_number} and {other} do not belong together"
            return Decision(reason=Reason.KEYS_DISAGREE, text=text)
        if len(lead.exams) > 1:
            return Decision(reason=Reason.SEVERAL_ORDERS, text=f"{len(lead.exams)} exams have {_named(lead)}")
        exams |= lead.exams
    if leads.header is not None and not leads.header.exams & exams:
        text = f"The header’s accession number {leads.header.accession_number} is none of those in its request items"
        return Decision(reason=Reason.KEYS_DISAGREE, text=text)
    if not exams:
        return _without_requests(leads)
    if leads.by_uid and not leads.by_uid & exams:
        return Decision(reason=Reason.KEYS_DISAGREE, text="The study UID belongs to another order")
    if leads.by_mpps and not leads.by_mpps & exams:
        return Decision(reason=Reason.KEYS_DISAGREE, text="The performed step belongs to another order")
    return Decision(tuple(sorted(exams)), "accession")


def _without_requests(leads: Leads) -> Decision:
    if leads.by_mpps:
        if leads.by_uid and not leads.by_uid & leads.by_mpps:
            return Decision(reason=Reason.KEYS_DISAGREE, text="Study UID and performed step name two orders")
        return Decision(tuple(sorted(leads.by_mpps)), "mpps")
    if len(leads.by_uid) > 1:
        return Decision(reason=Reason.SEVERAL_ORDERS, text=f"{len(leads.by_uid)} exams share the study UID")
    if leads.by_uid:
        return Decision(tuple(leads.by_uid), "uid")
    return Decision(reason=Reason.NO_KEYS, text="No accession number, and the study UID is not one of ours")


def _named(lead: RequestLead) -> str:
    return f"accession number {lead.accession_number}" if lead.accession_number else f"procedure {lead.procedure_id}"


@dataclass(frozen=True)
class Compared:
    """A study or an order, as far as candidates are ranked by it. hour: hours since 1970 of images or appointment."""

    accession_number: str
    patient_number: str
    name: str
    birth_date: str
    sex: str
    modality: str
    station: str
    hour: float | None


@dataclass(frozen=True)
class Rank:
    """score: 0 … 100; reasons for it, in words."""

    score: int
    reasons: tuple[str, ...]


def rank(study: Compared, order: Compared) -> Rank:
    """How well an order fits a study that waits for a person."""
    score = 0
    reasons: list[str] = []
    if study.accession_number and order.accession_number:
        alike = SequenceMatcher(None, study.accession_number, order.accession_number).ratio()
        if alike == 1:
            score, reasons = score + 30, [*reasons, "same accession number"]
        elif alike >= 0.85 and len(study.accession_number) == len(order.accession_number):
            score, reasons = score + 20, [*reasons, "accession number nearly the same"]
    if study.patient_number and study.patient_number == order.patient_number:
        score, reasons = score + 20, [*reasons, "same patient number"]
    alike = SequenceMatcher(None, study.name, order.name).ratio() if study.name and order.name else 0
    if alike == 1:
        score, reasons = score + 15, [*reasons, "same name"]
    elif alike >= 0.7:
        score, reasons = score + 8, [*reasons, "name alike"]
    if study.birth_date and study.birth_date == order.birth_date:
        score, reasons = score + 15, [*reasons, "same birth date"]
    if study.sex and study.sex == order.sex:
        score += 2
    if study.modality and study.modality == order.modality:
        score, reasons = score + 8, [*reasons, f"{study.modality} ordered"]
    if study.station and study.station == order.station:
        score, reasons = score + 4, [*reasons, f"booked on {study.station}"]
    score, reasons = _near(study, order, score, reasons)
    return Rank(min(100, score), tuple(reasons))


def _near(study: Compared, order: Compared, score: int, reasons: list[str]) -> tuple[int, list[str]]:
    if study.hour is None or order.hour is None:
        return score, reasons
    apart = abs(study.hour - order.hour)
    if apart <= 2:
        return score + 6, [*reasons, "booked for that time"]
    return (score + 3, [*reasons, "booked for that day"]) if apart <= 14 else (score, reasons)


def is_complete(listed: Sequence[str], received: set[str]) -> bool:
    """Whether every object that the performed steps list is here."""
    return bool(listed) and all(uid in received for uid in listed)


def same_words(one: str, other: str) -> bool:
    """Whether two names have the same words, written however."""
    return sorted(fold(one).split()) == sorted(fold(other).split())


def difference_words(left: str, right: str) -> str:
    """ "One character differs" where it is a slip; else "Differs"."""
    if len(left) == len(right) and sum(a != b for a, b in zip(left, right, strict=True)) == 1:
        return "One character differs"
    if sorted(left) == sorted(right):
        return "Same characters in another order"
    return "Differs"


ALIKE = 0.6
"""Share of characters in common from which two texts count as one written differently."""


def marked(left: str, right: str) -> tuple[Markup, Markup]:
    """Both texts as markup with the characters that differ in <mark>; the whole of both where little is alike."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if left and right and matcher.ratio() < ALIKE:
        return Markup("<mark>{}</mark>").format(left), Markup("<mark>{}</mark>").format(right)
    sides: tuple[list[str], list[str]] = ([], [])
    for what, a, b, c, d in matcher.get_opcodes():
        for side, text in ((sides[0], left[a:b]), (sides[1], right[c:d])):
            if text:
                piece = escape(text)
                side.append(piece if what == "equal" else Markup("<mark>") + piece + Markup("</mark>"))
    return Markup("").join(sides[0]), Markup("").join(sides[1])
