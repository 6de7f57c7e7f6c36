"""A message as a table for people: field, name, value. What the message console shows as "Parsed"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice

from ris_pacs.hl7 import persons
from ris_pacs.hl7.elements import Element, Presence, Segment
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.faults import FieldFault
from ris_pacs.hl7.field_names import FieldKind, field_kind
from ris_pacs.hl7.identifiers import Authority, Identifier, authority, entity_identifier, extended_identifier
from ris_pacs.hl7.times import Moment, PartialDate, Precision, read_date, read_moment
from ris_pacs.hl7.values import coded

MAX_VALUE = 300
MAX_ROWS = 10_000
MAX_COMPONENTS = 50
DELETED = "(delete)"

# Shows a date or a time in the reader's way.
When = Callable[[PartialDate | Moment], str]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Meanings of the codes that people meet most, by table.
_MEANINGS = {
    "HL70001": {"F": "female", "M": "male", "O": "other", "U": "unknown", "A": "ambiguous", "N": "not applicable"},
    "HL70004": {
        "E": "emergency", "I": "inpatient", "O": "outpatient", "P": "preadmit", "R": "recurring", "B": "obstetrics",
    },
    "HL70008": {"AA": "accepted", "AE": "error", "AR": "rejected", "CA": "accepted", "CE": "error", "CR": "rejected"},
    "HL70085": {"P": "preliminary", "F": "final", "C": "corrected", "W": "wrong", "X": "no result", "D": "deleted"},
    "HL70103": {"P": "production", "T": "training", "D": "debugging"},
    "HL70119": {
        "NW": "new order", "CA": "cancel", "DC": "discontinue", "XO": "change", "HD": "hold", "RL": "release",
        "SC": "status changed", "SN": "send number", "NA": "number assigned", "OK": "accepted", "UA": "unable",
        "OC": "cancelled", "RE": "observations follow",
    },
    "HL70123": {"O": "order received", "S": "scheduled", "P": "preliminary", "F": "final", "C": "corrected"},
    "HL70136": {"Y": "yes", "N": "no"},
}  # fmt: skip


@dataclass(frozen=True)
class FieldRow:
    """One field, or one repetition of it. path: what `Message.with_field` takes. raw: as sent, escapes and all."""

    path: str
    name: str
    value: str
    raw: str


def describe(message: Message, when: When | None = None, zone: tzinfo = UTC) -> list[FieldRow]:
    """Every field that says something, in order, without the delimiters in MSH-1 and MSH-2; at most MAX_ROWS.

    when: how to show dates and times; zone: of the sender, for times without an offset. A value that cannot be
    read as what it should be is shown as it was sent.
    """
    shown = when or plain_time
    elements = (pair for segment in message for pair in _elements(message, segment))
    return [
        FieldRow(str(element.path), kind.name, _clipped(_value(element, kind, shown, zone)), element.raw or "")
        for element, kind in islice(elements, MAX_ROWS)
    ]


def plain_time(value: PartialDate | Moment) -> str:
    """24 Nov 2026, 10:41:05 -0500; Nov 2026; 2026."""
    if isinstance(value, PartialDate):
        parts = (
            f"{value.day}" if value.day else "",
            _MONTHS[value.month - 1] if value.month else "",
            f"{value.year:04}",
        )
        return " ".join(part for part in parts if part)
    clock = "%H:%M:%S" if value.precision >= Precision.SECOND else "%H:%M"
    day = plain_time(PartialDate(value.at.year, value.at.month, value.at.day))
    return f"{day}, {value.at.strftime(clock)} {value.at.strftime('%z')}"


def _elements(message: Message, segment: Segment) -> Iterator[tuple[Element, FieldKind]]:
    for number in range(3 if segment.name == "MSH" else 1, len(segment.fields)):
        kind = field_kind(message.version, segment.name, number) or FieldKind(f"{segment.name}-{number}")
        if segment.name == "OBX" and number == 5:
            kind = FieldKind(kind.name, segment.get(2).strip())
        for element in segment.at(number).repetitions():
            if element.presence in (Presence.VALUE, Presence.NULL):
                yield element, kind


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _value(element: Element, kind: FieldKind, when: When, zone: tzinfo) -> str:
    if element.presence is Presence.NULL:
        return DELETED
    try:
        if kind.datatype in ("TS", "DTM", "DT"):
            return _time(element, when, zone)
        shown = _SHOWN.get(kind.datatype, _parts)(element)
    except FieldFault:
        return element.whole
    meaning = _MEANINGS.get(kind.table, {}).get(shown)
    return f"{shown}, {meaning}" if meaning else shown or element.whole


def _time(element: Element, when: When, zone: tzinfo) -> str:
    moment = read_moment(element, zone)
    if moment is None:
        return element.whole
    if moment.precision > Precision.DAY:
        return when(moment)
    date = read_date(element)
    return when(date) if date is not None else element.whole


def _parts(element: Element) -> str:
    """All components that say something, one after the other."""
    if element.component(2).raw is None:
        return element.whole
    texts = (element.component(number).whole for number in range(1, MAX_COMPONENTS + 1))
    return ", ".join(text for text in texts if text)


def _issuer(who: Authority | None) -> str:
    return who.namespace or who.universal_id if who is not None else ""


def _with_aside(text: str, aside: str) -> str:
    return f"{text} ({aside})" if text and aside else text or aside


def _identifier(number: Identifier | None) -> str:
    return _with_aside(number.value, _issuer(number.authority)) if number is not None else ""


def _name(name: persons.PersonName | None) -> str:
    if name is None:
        return ""
    rest = " ".join(part for part in (name.prefix, name.given, name.middle, name.suffix) if part)
    return ", ".join(part for part in (name.family, rest) if part)


def _practitioner(element: Element) -> str:
    who = persons.practitioner(element)
    if who is None:
        return ""
    number = who.identifier
    issuer = _issuer(number.authority) if number is not None else ""
    return _with_aside(_name(who.name), " ".join(part for part in (issuer, number.value if number else "") if part))


def _address(element: Element) -> str:
    where = persons.address(element)
    if where is None:
        return ""
    city = " ".join(part for part in (where.state, where.postal_code) if part)
    return ", ".join(part for part in (where.street, where.other, where.city, city, where.country) if part)


def _telecom(element: Element) -> str:
    found = persons.telecom(element)
    return _with_aside(found.number, f"ext. {found.extension}" if found.extension else "") if found is not None else ""


def _coded(element: Element) -> str:
    value = coded(element)
    return _with_aside(value.text or value.original, value.code) if value is not None else ""


def _message_type(element: Element) -> str:
    return "^".join(part for part in (element.component(1).whole, element.component(2).whole) if part)


_SHOWN: dict[str, Callable[[Element], str]] = {
    "CX": lambda element: _identifier(extended_identifier(element)),
    "EI": lambda element: _identifier(entity_identifier(element)),
    "HD": lambda element: _issuer(authority(element)),
    "PN": lambda element: _name(persons.person_name(element)),
    "XPN": lambda element: _name(persons.person_name(element)),
    "CN": _practitioner,
    "XCN": _practitioner,
    "AD": _address,
    "XAD": _address,
    "TN": _telecom,
    "XTN": _telecom,
    "CE": _coded,
    "CWE": _coded,
    "CNE": _coded,
    "MSG": _message_type,
    **dict.fromkeys(("ST", "TX", "FT", "ID", "IS", "SI", "NM"), lambda element: element.whole),
}
