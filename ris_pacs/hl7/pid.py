"""PID and PV1 read once, for every kind of message that carries them (HL7 2.5.1 chapter 3)."""

from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.hl7.elements import Presence
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.identifiers import Identifier, extended_identifier, extended_identifiers
from ris_pacs.hl7.persons import Channel, NameGroup, addresses, name_groups, person_names, telecoms
from ris_pacs.hl7.times import PartialDate, read_date
from ris_pacs.hl7.values import SEXES, choice, text

_PART = 64


@dataclass(frozen=True)
class PatientSaid:
    """What a PID says. None: not said, keep what is known; "": said to be nothing (delete).

    names: each in up to three scripts, the first is the one to use. sex: table 0001.
    """

    identifiers: tuple[Identifier, ...]
    names: tuple[NameGroup, ...]
    birth_date: PartialDate | str | None
    sex: str | None
    phone: str | None
    email: str | None
    street: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    language: str | None


@dataclass(frozen=True)
class VisitSaid:
    """PV1: class (table 0004), number and place. number: None when the message names no visit."""

    patient_class: str
    number: Identifier | None
    location: str


def read_pid(message: Message) -> PatientSaid:
    """Raises FieldFault naming the field that is wrong or missing."""
    message.require("PID")
    identifiers = extended_identifiers(message.at("PID-3"), _PART, without="\\")
    if not identifiers:
        raise FieldFault("PID-3", "", "is missing", Condition.REQUIRED_FIELD_MISSING, "no patient identifier")
    names = name_groups(person_names(message.at("PID-5"), _PART))
    if not names:
        raise FieldFault("PID-5", "", "is missing", Condition.REQUIRED_FIELD_MISSING, "no patient name")
    phone, email = _reach(message)
    street, city, state, postal_code = _address(message)
    return PatientSaid(
        identifiers=tuple(identifiers),
        names=tuple(names),
        birth_date=_birth_date(message),
        sex=_said(message, "PID-8", choice(message.at("PID-8"), SEXES) or ""),
        phone=phone,
        email=email,
        street=street,
        city=city,
        state=state,
        postal_code=postal_code,
        language=_said(message, "PID-15", text(message.at("PID-15.1"), 16)),
    )


def _birth_date(message: Message) -> PartialDate | str | None:
    if message.presence("PID-7") is Presence.NULL:
        return ""
    return read_date(message.at("PID-7"))


def _said(message: Message, path: str, value: str) -> str | None:
    """The value; "" for an explicit delete; None when nothing was said."""
    if message.presence(path) is Presence.NULL:
        return ""
    return value or None


def _reach(message: Message) -> tuple[str | None, str | None]:
    """The first telephone of PID-13 and the first e-mail address of PID-13 or PID-14."""
    home = telecoms(message.at("PID-13"))
    both = [*home, *telecoms(message.at("PID-14"))]
    phones = [one.number for one in home if one.channel is not Channel.EMAIL]
    mails = [one.number for one in both if one.channel is Channel.EMAIL]
    deleted = message.presence("PID-13") is Presence.NULL
    return (
        phones[0][:40] if phones else "" if deleted else None,
        mails[0][:200] if mails else "" if deleted else None,
    )


def _address(message: Message) -> tuple[str | None, str | None, str | None, str | None]:
    if message.presence("PID-11") is Presence.NULL:
        return "", "", "", ""
    found = addresses(message.at("PID-11"))
    if not found:
        return None, None, None, None
    first = found[0]
    return first.street[:200], first.city[:100], first.state[:40], first.postal_code[:16]


def read_pv1(message: Message) -> VisitSaid | None:
    """None without a PV1. Raises FieldFault."""
    if "PV1" not in message:
        return None
    location = "-".join(part for part in (text(message.at(f"PV1-3.{place}")) for place in (1, 2, 3)) if part)
    return VisitSaid(
        patient_class=text(message.at("PV1-2"), 1) or "O",
        number=extended_identifier(message.at("PV1-19"), _PART),
        location=location[:80],
    )
