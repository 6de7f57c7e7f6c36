"""People, where they live and how to reach them: PN, XPN, XCN, XAD, XTN."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.identifiers import Authority, Identifier, authority
from ris_pacs.hl7.times import PartialDate, read_date
from ris_pacs.hl7.values import choice, text

NPI_OID = "2.16.840.1.113883.4.6"
_NPI_NAMES = frozenset({"NPI", "NPPES"})


class Representation(Enum):
    """Table 0465: the script group that a name is written in, as DICOM's three groups are."""

    ALPHABETIC = "A"
    IDEOGRAPHIC = "I"
    PHONETIC = "P"


@dataclass(frozen=True)
class PersonName:
    """One name. family is the whole surname as written; family_prefix its "van", where the sender tells it apart.

    type_code: table 0200, "L" legal, "D" display, "M" maiden, "A" alias …; "" if not said.
    """

    family: str
    given: str = ""
    middle: str = ""
    suffix: str = ""
    prefix: str = ""
    degree: str = ""
    type_code: str = ""
    representation: Representation = Representation.ALPHABETIC
    family_prefix: str = ""
    partner_family: str = ""
    begins: PartialDate | None = None
    ends: PartialDate | None = None


@dataclass(frozen=True)
class NameGroup:
    """One name in up to three scripts."""

    alphabetic: PersonName | None = None
    ideographic: PersonName | None = None
    phonetic: PersonName | None = None


def person_name(element: Element, maximum: int | None = None) -> PersonName | None:
    """PN or XPN, one repetition. maximum: length of each part. Source: HL7 2.5.1 2.A.89."""
    return _name(element, maximum, first=1, type_at=7, representation_at=8, dates_at=(12, 13))


def person_names(element: Element, maximum: int | None = None) -> list[PersonName]:
    """Every repetition that has a name in it."""
    found = (person_name(repetition, maximum) for repetition in element.repetitions())
    return [one for one in found if one is not None]


def name_groups(names: list[PersonName]) -> list[NameGroup]:
    """Repetitions of one name in several scripts brought together, in the order sent.

    A repetition joins the first group of its type code that still lacks its script; one without a type code
    joins the group before it.
    """
    groups: list[tuple[str, dict[Representation, PersonName]]] = []
    for name in names:
        for type_code, scripts in groups:
            if name.representation not in scripts and name.type_code in ("", type_code):
                scripts[name.representation] = name
                break
        else:
            groups.append((name.type_code, {name.representation: name}))
    order = (Representation.ALPHABETIC, Representation.IDEOGRAPHIC, Representation.PHONETIC)
    return [NameGroup(*(scripts.get(script) for script in order)) for _, scripts in groups]


@dataclass(frozen=True)
class Practitioner:
    """XCN or CN: a doctor. npi: only where authority or type of the number says that it is one; not checked."""

    identifier: Identifier | None
    name: PersonName | None

    @property
    def npi(self) -> str:
        number = self.identifier
        if number is None:
            return ""
        issuer = number.authority or Authority("")
        named = {number.type_code.upper(), number.check_scheme.upper(), issuer.namespace.upper()}
        return number.value if named & _NPI_NAMES or issuer.universal_id == NPI_OID else ""


def practitioner(element: Element, maximum: int | None = None) -> Practitioner | None:
    """One repetition of XCN. maximum: length of each part. Source: HL7 2.5.1 2.A.86."""
    value = text(element.component(1), maximum)
    name = _name(element, maximum, first=2, type_at=10, representation_at=15, dates_at=None)
    if not value and name is None:
        return None
    identifier = Identifier(
        value,
        authority(element.component(9)),
        type_code=text(element.component(13)),
        check_digit=text(element.component(11)),
        check_scheme=text(element.component(12)),
        facility=authority(element.component(14)),
    )
    return Practitioner(identifier if value else None, name)


def practitioners(element: Element, maximum: int | None = None) -> list[Practitioner]:
    found = (practitioner(repetition, maximum) for repetition in element.repetitions())
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class Address:
    """XAD. type_code: table 0190, "H" home, "B" business …; country: ISO 3166 three letters, as sent."""

    street: str = ""
    other: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    type_code: str = ""


def address(element: Element, maximum: int | None = None) -> Address | None:
    """One address; None when nothing but perhaps its type was sent. Source: HL7 2.5.1 2.A.87."""
    street = element.component(1)
    # SAD: the line as written; its street name and house number matter only when that is missing.
    line, name, house = (text(street.subcomponent(place), maximum) for place in (1, 2, 3))
    first = line or " ".join(part for part in (house, name) if part)
    other, city, state, postal_code, country = (text(element.component(place), maximum) for place in range(2, 7))
    if not (first or other or city or state or postal_code or country):
        return None
    return Address(first, other, city, state, postal_code, country, text(element.component(7)))


def addresses(element: Element, maximum: int | None = None) -> list[Address]:
    found = (address(repetition, maximum) for repetition in element.repetitions())
    return [one for one in found if one is not None]


class Channel(Enum):
    PHONE = "phone"
    MOBILE = "mobile"
    FAX = "fax"
    PAGER = "pager"
    EMAIL = "email"


@dataclass(frozen=True)
class Telecom:
    """XTN. number: as sent, or put together from its parts; for e-mail the address. use: table 0201, "PRN" …"""

    channel: Channel
    number: str
    use: str = ""
    extension: str = ""


_CHANNELS = {
    "CP": Channel.MOBILE, "MOBILE": Channel.MOBILE, "CELL": Channel.MOBILE, "FX": Channel.FAX, "FAX": Channel.FAX,
    "BP": Channel.PAGER, "SAT": Channel.PHONE, "INTERNET": Channel.EMAIL, "X.400": Channel.EMAIL,
}  # fmt: skip
_CHANNELS_BY_USE = {"NET": Channel.EMAIL, "BPN": Channel.PAGER, "PRS": Channel.MOBILE}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def telecom(element: Element, maximum: int | None = None) -> Telecom | None:
    """One number or address. Source: HL7 2.5.1 2.A.90."""
    parts = {place: text(element.component(place), maximum) for place in (1, 2, 3, 4, 5, 6, 7, 8, 12)}
    channel = _CHANNELS.get(parts[3].upper()) or _CHANNELS_BY_USE.get(parts[2].upper(), Channel.PHONE)
    if _EMAIL.fullmatch(parts[1]) or (parts[4] and not parts[1] and not parts[7] and not parts[12]):
        channel = Channel.EMAIL
    if channel is Channel.EMAIL:
        number = parts[4] or parts[1]
    else:
        country = f"+{parts[5].lstrip('+')}" if parts[5] else ""
        built = " ".join(part for part in (country, parts[6], parts[7]) if part) if parts[7] else ""
        number = parts[12] or built or parts[1]
    return Telecom(channel, number, parts[2], parts[8]) if number else None


def telecoms(element: Element, maximum: int | None = None) -> list[Telecom]:
    found = (telecom(repetition, maximum) for repetition in element.repetitions())
    return [one for one in found if one is not None]


def _name(
    element: Element,
    maximum: int | None,
    *,
    first: int,
    type_at: int,
    representation_at: int,
    dates_at: tuple[int, int] | None,
) -> PersonName | None:
    """The name inside XPN (first=1) or XCN (first=2): family, given, middle, suffix, prefix, degree in a row."""
    family = _family(element.component(first), maximum)
    given, middle, suffix, prefix, degree = (text(element.component(first + n), maximum) for n in range(1, 6))
    if not (family.whole or given or middle):
        return None
    script = choice(element.component(representation_at), [script.value for script in Representation])
    begins, ends = (read_date(element.component(at)) for at in dates_at) if dates_at else (None, None)
    return PersonName(
        family.whole,
        given,
        middle,
        suffix,
        prefix,
        degree,
        type_code=text(element.component(type_at)),
        representation=Representation(script or "A"),
        family_prefix=family.prefix,
        partner_family=family.partner,
        begins=begins,
        ends=ends,
    )


@dataclass(frozen=True)
class _Family:
    whole: str
    prefix: str = ""
    partner: str = ""


def _family(element: Element, maximum: int | None) -> _Family:
    """FN: surname & own prefix & own surname & partner's prefix & partner's surname (HL7 2.5.1 2.A.30)."""
    parts = [text(element.subcomponent(place), maximum) for place in range(1, 6)]
    partner = " ".join(part for part in (parts[3], parts[4]) if part)
    own = " ".join(part for part in parts[1:3] if part)
    return _Family(parts[0] or own, parts[1], partner)
