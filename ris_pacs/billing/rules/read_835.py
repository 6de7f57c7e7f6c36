"""X12 835, 005010X221A1: bytes in, values out. What does not add up is refused whole, by segment and in words.

Balancing is the guide's (1.10.2): each service and each claim is charged less its adjustments, and the payment is the
claims' less what the payer adjusts for reasons of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from ris_pacs.billing.errors import BadRemittance
from ris_pacs.billing.rules.ledger import dollars

DENIED, REVERSAL, PREDETERMINED = "4", "22", "25"
Adjustment = tuple[str, str, int]  # group, reason code, cents


@dataclass(frozen=True)
class Segment:
    """number: its place in the file, from 1."""

    number: int
    elements: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.elements[0]

    def get(self, place: int) -> str:
        """An element by its number in the standard; "" when it is not there."""
        return self.elements[place].strip() if place < len(self.elements) else ""

    def fault(self, words: str) -> BadRemittance:
        return BadRemittance(f"segment {self.number}, {'*'.join(self.elements)[:60]}: {words}")

    def cents(self, place: int) -> int:
        """Raises BadRemittance."""
        text = self.get(place)
        if not re.fullmatch(r"-?[0-9]{0,12}(\.[0-9]{0,2}0*)?", text) or not re.search("[0-9]", text):
            raise self.fault(f"“{text[:20]}” is no amount.")
        sign = -1 if text.startswith("-") else 1
        whole, _, part = text.lstrip("-").partition(".")
        return sign * (int(whole or 0) * 100 + int(part[:2].ljust(2, "0")))

    def day(self, place: int) -> date:
        """Raises BadRemittance."""
        try:
            return datetime.strptime(self.get(place), "%Y%m%d").date()  # noqa: DTZ007, a day has no zone
        except ValueError:
            raise self.fault(f"“{self.get(place)[:20]}” is no date.") from None


@dataclass
class Service:
    """SVC. allowed_cents: AMT*B6, where the payer says it."""

    code: str
    modifiers: tuple[str, ...]
    charged_cents: int
    paid_cents: int
    adjustments: list[Adjustment] = field(default_factory=list)
    allowed_cents: int | None = None
    charge_id: str = ""

    def document(self) -> dict[str, object]:
        return {
            "code": self.code,
            "modifiers": list(self.modifiers),
            "charged": self.charged_cents,
            "paid": self.paid_cents,
            "allowed": self.allowed_cents,
            "adjustments": [list(one) for one in self.adjustments],
            "charge": self.charge_id,
        }


@dataclass
class ClaimPayment:
    """CLP. status: CLP02. payer_claim_number: CLP07."""

    number: str
    status: str
    charged_cents: int
    paid_cents: int
    patient_cents: int
    payer_claim_number: str
    adjustments: list[Adjustment] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)

    @property
    def all_adjustments(self) -> list[Adjustment]:
        return [*self.adjustments, *(one for service in self.services for one in service.adjustments)]

    @property
    def denied(self) -> bool:
        return self.status == DENIED


@dataclass
class Remittance:
    """One transaction set. digest: SHA-256 of its segments, whatever stands around them. provider_level: PLB."""

    payer_name: str
    payer_identifier: str
    trace: str
    control_number: str
    paid_on: date
    method: str
    amount_cents: int
    digest: str
    claims: list[ClaimPayment]
    provider_level: list[tuple[str, int]]


def read(content: bytes) -> list[Remittance]:
    """Every transaction set of a file. Raises BadRemittance."""
    segments, component = _segments(content)
    found = [_remittance(one, component) for one in _transactions(segments)]
    if not found:
        raise BadRemittance("There is no 835 transaction in it.")
    return found


def _segments(content: bytes) -> tuple[list[Segment], str]:
    """The delimiters are where ISA, which is 106 characters long, says (B.1.1.2.4)."""
    try:
        text = content.decode("utf-8-sig").lstrip()
    except UnicodeDecodeError:
        text = content.decode("latin-1").lstrip()
    if not text.startswith("ISA") or len(text) < 106:
        raise BadRemittance("It does not begin with an ISA segment: it is no X12 file.")
    element, component, terminator = text[3], text[104], text[105]
    if len({element, component, terminator}) < 3 or any(one.isalnum() for one in (element, component, terminator)):
        raise BadRemittance("Its ISA segment names no delimiters at their places; is it cut or rewrapped?")
    pieces = [piece.strip("\r\n ") for piece in text.split(terminator)]
    if pieces[-1]:
        raise BadRemittance(f"segment {len(pieces)}, {pieces[-1][:40]}: the file breaks off inside it.")
    return [Segment(n, tuple(piece.split(element))) for n, piece in enumerate(pieces, 1) if piece], component


def _transactions(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """The 835s between ST and SE; the envelopes have to close and their counts to agree."""
    _check_envelope(segments)
    for group in _between(segments, "GS", "GE", control=(6, 2), count=lambda inside: _named(inside, "ST")):
        for one in _between(group, "ST", "SE", control=(2, 2), count=len):
            if one[0].get(1) != "835":
                raise one[0].fault(f"this is a {one[0].get(1)[:10]}, and only 835 is posted.")
            yield one


def _check_envelope(segments: Sequence[Segment]) -> None:
    if _named(segments, "ISA") != 1:
        raise BadRemittance("It holds more than one interchange; post each by itself.")
    first, last = segments[0], segments[-1]
    if last.name != "IEA":
        raise last.fault("the file breaks off here: IEA is missing.")
    if last.get(2) != first.get(13):
        raise last.fault(f"its control number is not the {first.get(13)} of ISA.")
    if last.get(1) != str(_named(segments, "GS")):
        raise last.fault(f"it counts {last.get(1)} groups, {_named(segments, 'GS')} are there.")


def _named(segments: Sequence[Segment], name: str) -> int:
    return sum(one.name == name for one in segments)


def _between(
    segments: Sequence[Segment], begin: str, end: str, control: tuple[int, int], count: Callable[[list[Segment]], int]
) -> Iterator[list[Segment]]:
    inside: list[Segment] = []
    for one in segments:
        if one.name == begin:
            if inside:
                raise one.fault(f"the {begin} before it is not closed by {end}.")
            inside = [one]
        elif inside:
            inside.append(one)
            if one.name == end:
                if one.get(control[1]) != inside[0].get(control[0]):
                    raise one.fault(f"its control number is not the {inside[0].get(control[0])} of {begin}.")
                if not one.get(1).isdecimal() or int(one.get(1)) != count(inside):
                    raise one.fault(f"it counts {one.get(1)}, {count(inside)} are there.")
                yield inside
                inside = []
    if inside:
        raise inside[0].fault(f"it is not closed by {end}.")


def _remittance(segments: list[Segment], component: str) -> Remittance:
    bpr, trn = _first(segments, "BPR"), _first(segments, "TRN")
    payer = next((one for one in segments if one.name == "N1" and one.get(1) == "PR"), None)
    if payer is None:
        raise segments[0].fault("no N1*PR says who pays.")
    if not trn.get(2):
        raise trn.fault("the trace number is missing.")
    found = Remittance(
        payer_name=payer.get(2)[:80] or "Unnamed payer",
        payer_identifier=(payer.get(4) or trn.get(3) or payer.get(2))[:80],
        trace=trn.get(2)[:60],
        control_number=segments[0].get(2)[:20],
        paid_on=bpr.day(16),
        method=bpr.get(4)[:3],
        amount_cents=bpr.cents(2),
        digest=_digest(segments, component),
        claims=_claims(segments, component),
        provider_level=_provider_level(segments, component),
    )
    if bpr.get(3) == "D":
        raise bpr.fault("it takes money back as a debit; ask the payer for a remittance that does not.")
    due = sum(one.paid_cents for one in found.claims) - sum(cents for _, cents in found.provider_level)
    if due != found.amount_cents:
        raise bpr.fault(f"it pays {dollars(found.amount_cents)}, claims and PLB come to {dollars(due)}.")
    return found


def _first(segments: Sequence[Segment], name: str) -> Segment:
    found = next((one for one in segments if one.name == name), None)
    if found is None:
        raise segments[0].fault(f"its {name} segment is missing.")
    return found


def _digest(segments: Sequence[Segment], component: str) -> str:
    """The same for the same transaction, however the file around it was wrapped or delimited."""
    inner = [[element.replace(component, ":") for element in one.elements] for one in segments[1:-1]]
    return hashlib.sha256(repr(inner).encode()).hexdigest()


def _claims(segments: Sequence[Segment], component: str) -> list[ClaimPayment]:
    """Loops 2100 and 2110."""
    found: list[tuple[Segment, ClaimPayment]] = []
    services: list[tuple[Segment, Service]] = []
    place: ClaimPayment | Service | None = None
    for one in segments:
        if one.name == "CLP":
            claim = _claim(one)
            place = claim
            found.append((one, claim))
        elif one.name == "PLB":
            place = None
        elif place is None:
            continue
        elif one.name == "SVC":
            service = _service(one, component)
            found[-1][1].services.append(service)
            services.append((one, service))
            place = service
        elif one.name == "CAS":
            place.adjustments += _adjustments(one)
        elif isinstance(place, Service) and one.name == "AMT" and one.get(1) == "B6":
            place.allowed_cents = one.cents(2)
        elif isinstance(place, Service) and one.name == "REF" and one.get(1) == "6R":
            place.charge_id = one.get(2)[:30]
    _check_balance(found, services)
    return [claim for _, claim in found]


def _claim(segment: Segment) -> ClaimPayment:
    number = segment.get(1)
    if not 1 <= len(number) <= 40:
        raise segment.fault("the claim's number is missing.")
    return ClaimPayment(
        number=number,
        status=segment.get(2)[:2],
        charged_cents=segment.cents(3),
        paid_cents=segment.cents(4),
        patient_cents=segment.cents(5) if segment.get(5) else 0,
        payer_claim_number=segment.get(7)[:50],
    )


def _service(segment: Segment, component: str) -> Service:
    parts = segment.get(1).split(component)
    return Service(
        code=(parts[1] if len(parts) > 1 else parts[0])[:48],
        modifiers=tuple(one for one in parts[2:6] if one),
        charged_cents=segment.cents(2),
        paid_cents=segment.cents(3),
    )


def _adjustments(segment: Segment) -> list[Adjustment]:
    """CAS: a group, then up to six times reason, amount, quantity."""
    group = segment.get(1)
    if group not in ("CO", "PR", "OA", "PI"):
        raise segment.fault(f"“{group[:10]}” is no group of adjustments.")
    places = [place for place in range(2, 18, 3) if segment.get(place)]
    if not places:
        raise segment.fault("it adjusts nothing.")
    return [(group, segment.get(place)[:5], segment.cents(place + 1)) for place in places]


def _provider_level(segments: Sequence[Segment], component: str) -> list[tuple[str, int]]:
    """PLB: a reason and an amount, up to six times. More than nothing is kept back by the payer."""
    return [
        (one.get(place).split(component)[0][:5], one.cents(place + 1))
        for one in segments
        if one.name == "PLB"
        for place in range(3, 15, 2)
        if one.get(place)
    ]


def _check_balance(claims: Sequence[tuple[Segment, ClaimPayment]], services: Sequence[tuple[Segment, Service]]) -> None:
    for segment, service in services:
        _balances(segment, service.charged_cents, service.adjustments, service.paid_cents)
    for segment, claim in claims:
        _balances(segment, claim.charged_cents, claim.all_adjustments, claim.paid_cents)


def _balances(segment: Segment, charged: int, adjustments: Sequence[Adjustment], paid: int) -> None:
    taken = sum(cents for _, _, cents in adjustments)
    if charged - taken != paid:
        raise segment.fault(
            f"it does not balance: {dollars(charged)} less adjustments of {dollars(taken)} is not {dollars(paid)}."
        )
