"""Patients as another system names them: found by its numbers, registered when new, kept up to date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.hl7.persons import NameGroup as Hl7Names
from ris_pacs.hl7.persons import PersonName as Hl7Name
from ris_pacs.hl7.pid import PatientSaid
from ris_pacs.hl7.times import PartialDate
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Busy, Invalid
from ris_pacs.kernel.person import NameGroup, PersonName
from ris_pacs.patients import queries, rules
from ris_pacs.patients.errors import IdentifierTaken
from ris_pacs.patients.models import Patient
from ris_pacs.patients.service.register import (
    Identifier,
    PatientFacts,
    Registration,
    add_identifier,
    change_patient,
    register_patient,
)

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# HL7 table 0200 → our kinds of name; table 0001 → ours.
_KINDS = {"L": "legal", "": "legal", "D": "use", "N": "alias", "A": "alias", "M": "previous", "B": "previous"}
_SEXES = {"F": "F", "M": "M", "O": "O", "A": "O", "N": "O", "U": "U", "": "U"}


@dataclass(frozen=True)
class Sender:
    """Who says it. issuer_id: of patient numbers that come without an authority."""

    site_id: int
    issuer_id: int


def keep_patient(uow: UnitOfWork, said: PatientSaid, sender: Sender, actor: Actor) -> Patient:
    """An ADT message: register the patient, or bring the record up to what it says.

    What the message does not say stays as it was. Raises Invalid, IdentifierTaken.
    """
    numbers = _numbers(uow, said, sender)
    patient = _by_numbers(uow, numbers)
    if patient is None:
        facts = replace(_facts(said, None), identifiers=numbers)
        return _register(uow, facts, sender, actor)
    facts = replace(_facts(said, patient), identifiers=numbers)
    return change_patient(uow, patient.id, facts, actor)


def find_patient_for_order(uow: UnitOfWork, said: PatientSaid, sender: Sender, actor: Actor) -> Patient:
    """An order's patient: known by its numbers, else registered from what the order says.

    An order does not change a record. When the number is known but name and birth date are both another
    person's, nobody can tell who is meant: then it raises IdentifierTaken. Raises Invalid.
    """
    numbers = _numbers(uow, said, sender)
    patient = _by_numbers(uow, numbers)
    if patient is None:
        facts = replace(_facts(said, None), identifiers=numbers)
        return _register(uow, facts, sender, actor)
    facts = _facts(said, None)
    identity = rules.Identity(name=facts.name, birth_date=facts.birth_date)
    doubts = rules.contradictions(identity, queries.known_of(uow, patient.id))
    if {"name", "birth date"} <= set(doubts):
        raise IdentifierTaken("The patient number belongs to a patient with another name and birth date.", "identifier")
    known = {(one.value, one.issuer_id) for one in patient.identifiers}
    for number in numbers:
        if (number.value, number.issuer_id) not in known:
            add_identifier(uow, patient.id, number, actor)
    return patient


def _register(uow: UnitOfWork, facts: PatientFacts, sender: Sender, actor: Actor) -> Patient:
    """The other system has decided that it is a new person, and numbers it.

    Raises Busy when another message has registered the same person in this moment: sent again, it finds them.
    """
    asked = Registration(facts, sender.site_id, somebody_else=True, own_number=False)
    try:
        return register_patient(uow, asked, actor)
    except IdentifierTaken as problem:
        raise Busy("Another message has registered this patient in this moment. Send it again.") from problem


def known_patient(uow: UnitOfWork, said: PatientSaid, sender: Sender) -> Patient | None:
    """The patient whom the message's numbers name; None when they name nobody. Raises IdentifierTaken."""
    return _by_numbers(uow, _numbers(uow, said, sender))


def _numbers(uow: UnitOfWork, said: PatientSaid, sender: Sender) -> tuple[Identifier, ...]:
    """The numbers with their issuers; an authority that is new is noted with its name."""
    found = {}
    for one in said.identifiers:
        issuer_id = sender.issuer_id
        if one.authority is not None:
            name = one.authority.namespace or one.authority.universal_id
            issuer_id = find_or_add_issuer(
                uow,
                name[:64],
                universal_id=one.authority.universal_id[:128],
                universal_id_type=one.authority.universal_id_type[:16],
            ).id
        number = Identifier(rules.check_identifier(one.value), issuer_id, one.type_code or "MR")
        found[(number.value, issuer_id)] = number
    return tuple(found.values())


def _by_numbers(uow: UnitOfWork, numbers: tuple[Identifier, ...]) -> Patient | None:
    """The survivor of all merges of whom the known numbers name. Raises IdentifierTaken when they name two people."""
    holders = (queries.by_identifier(uow, number.value, number.issuer_id) for number in numbers)
    found = {queries.linked_ids(uow, holder.id)[0] for holder in holders if holder is not None}
    if len(found) > 1:
        raise IdentifierTaken("The numbers of this patient belong to two patients of the record.", "identifier")
    return uow.session.get_one(Patient, found.pop()) if found else None


def _facts(said: PatientSaid, known: Patient | None) -> PatientFacts:
    """What the record should say: the message's word where it has one, else what is known."""
    first = said.names[0]
    others = tuple((_KINDS.get(_type_of(one), "alias"), _person(one)) for one in said.names[1:])

    def said_or_known(value: str | None, attribute: str) -> str:
        if value is not None:
            return value
        return getattr(known, attribute) or "" if known is not None else ""

    birth_date = said.birth_date if isinstance(said.birth_date, str) else _iso(said.birth_date)
    return PatientFacts(
        name=_person(first),
        names=tuple(("alias" if kind == "legal" else kind, name) for kind, name in others),
        birth_date=said_or_known(birth_date, "birth_date"),
        sex=_SEXES[said.sex] if said.sex is not None else (known.sex if known is not None else "U"),
        language=said_or_known(said.language, "language"),
        phone=_possible_phone(said_or_known(said.phone, "phone")),
        email=said_or_known(said.email, "email"),
        street=said_or_known(said.street, "street"),
        city=said_or_known(said.city, "city"),
        state=said_or_known(said.state, "state"),
        zip=said_or_known(said.postal_code, "zip"),
    )


def _possible_phone(text: str) -> str:
    """A number that nobody can call is no reason to refuse a patient: it is left out."""
    try:
        return rules.check_phone(text)
    except Invalid:
        return ""


def _iso(value: PartialDate | None) -> str | None:
    if value is None:
        return None
    parts = [f"{value.year:04}"]
    if value.month:
        parts.append(f"{value.month:02}")
    if value.day:
        parts.append(f"{value.day:02}")
    return "-".join(parts)


def _type_of(group: Hl7Names) -> str:
    one = group.alphabetic or group.ideographic or group.phonetic
    return one.type_code if one is not None else ""


def _person(group: Hl7Names) -> PersonName:
    return PersonName(_group(group.alphabetic), _group(group.ideographic), _group(group.phonetic))


def _group(name: Hl7Name | None) -> NameGroup:
    if name is None:
        return NameGroup()
    return NameGroup(name.family, name.given, name.middle, name.prefix, name.suffix)
