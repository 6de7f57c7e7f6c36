"""Registering patients and keeping their facts right."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import NameGroup, PersonName, check_birth_date, check_name
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.text import fold, sound
from ris_pacs.patients import queries, rules
from ris_pacs.patients.errors import IdentifierTaken, LikelyDuplicate
from ris_pacs.patients.events import PatientChanged
from ris_pacs.patients.models import Patient, PatientIdentifier, PatientName, PatientToken, SafetyFact

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIRST_DAYBREAK = timedelta(hours=14)  # UTC+14: a child born "today" anywhere is not born in the future.


@dataclass(frozen=True)
class Identifier:
    """value under an issuer of the catalogue; type: HL7 table 0203."""

    value: str
    issuer_id: int
    type: str = "MR"


@dataclass(frozen=True)
class PatientFacts:
    """What is said about a patient.

    birth_date: "", or ISO 8601 to the precision known. sex: F, M, O or U.
    names: further ones, by kind ("previous", "alias", "use"), next to those known.
    """

    name: PersonName
    birth_date: str = ""
    birth_date_estimated: bool = False
    sex: str = "U"
    language: str = ""
    phone: str = ""
    email: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    names: tuple[tuple[str, PersonName], ...] = ()
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True)
class Registration:
    """A new patient at a site.

    somebody_else: a person has looked at the likely duplicates and says so. own_number: give an MRN of ours;
    a patient of another system keeps that system's number alone.
    """

    facts: PatientFacts
    site_id: int
    somebody_else: bool = False
    temporary: bool = False
    own_number: bool = True


@dataclass(frozen=True)
class UnknownPatient:
    """Somebody nobody can name. estimated_age in years, when it can be guessed."""

    site_id: int
    sex: str = "U"
    estimated_age: int | None = None


def register_patient(uow: UnitOfWork, request: Registration, actor: Actor) -> Patient:
    """A new patient, with an MRN of ours unless another system numbers it.

    Raises Invalid; IdentifierTaken; LikelyDuplicate unless the request says that it is somebody else.
    """
    demand(actor, Right.PATIENT_EDIT)
    facts = _checked(uow, request.facts)
    if not request.somebody_else:
        _stop_at_duplicates(uow, facts, actor)
    patient = Patient(made_at=uow.now, changed_at=uow.now, temporary=request.temporary)
    uow.session.add(patient)
    _apply(patient, facts)
    _set_names(patient, facts)
    uow.session.flush()
    own = [_own_number(uow, request.site_id)] if request.own_number or not facts.identifiers else []
    for identifier in (*own, *facts.identifiers):
        _add_identifier(uow, patient, identifier)
    _index(uow, patient)
    audit.record(uow, actor, "register", ("patient", patient.id), patient_id=patient.id)
    return patient


def _own_number(uow: UnitOfWork, site_id: int) -> Identifier:
    """The next free MRN of the site; one that another system used for a patient is passed over."""
    site = catalog.site(uow, site_id)
    while True:
        mrn = f"{site.mrn_prefix}{next_number(uow, f'mrn:{site.patient_issuer_id}'):07}"
        if queries.by_identifier(uow, mrn, site.patient_issuer_id) is None:
            return Identifier(mrn, site.patient_issuer_id)


def register_unknown_patient(uow: UnitOfWork, request: UnknownPatient, actor: Actor) -> Patient:
    """A temporary name and MRN, at once (B9). Identified later by `change_patient`. Raises Invalid."""
    demand(actor, Right.PATIENT_EDIT)
    birth_date = ""
    if request.estimated_age is not None:
        if not 0 <= request.estimated_age <= 120:
            raise Invalid("The estimated age is between 0 and 120 years.", "estimated_age")
        birth_date = str(uow.now.year - request.estimated_age)
    number = next_number(uow, "unknown patient")
    facts = PatientFacts(
        name=PersonName(NameGroup(family="Unknown", given=rules.temporary_name(number))),
        birth_date=birth_date,
        birth_date_estimated=bool(birth_date),
        sex=request.sex,
    )
    return register_patient(uow, Registration(facts, request.site_id, somebody_else=True, temporary=True), actor)


def change_patient(uow: UnitOfWork, patient_id: int, facts: PatientFacts, actor: Actor) -> Patient:
    """Replace what is known; a temporary patient with a new name is identified by it.

    A name that was legal before is kept as a previous one. Raises Invalid, NoSuchPatient, IdentifierTaken.
    """
    demand(actor, Right.PATIENT_CORRECT)
    patient = queries.patient(uow, patient_id, actor)
    facts = _checked(uow, facts)
    before = {"name": patient.name.dicom(), "birth_date": patient.birth_date, "sex": patient.sex}
    facts = _with_known_names(patient, facts)
    renamed = patient.name != facts.name
    _apply(patient, facts)
    patient.names.clear()
    uow.session.flush()
    _set_names(patient, facts)
    patient.temporary = patient.temporary and not renamed
    patient.changed_at = uow.now
    known = {(one.value, one.issuer_id) for one in patient.identifiers}
    for identifier in facts.identifiers:
        if (identifier.value, identifier.issuer_id) not in known:
            _add_identifier(uow, patient, identifier)
    uow.session.flush()
    _index(uow, patient)
    after = {"name": patient.name.dicom(), "birth_date": patient.birth_date, "sex": patient.sex}
    changed = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    audit.record(uow, actor, "change", ("patient", patient.id), patient_id=patient.id, detail=changed or None)
    uow.emit(PatientChanged(patient.id), actor)
    return patient


def add_identifier(uow: UnitOfWork, patient_id: int, identifier: Identifier, actor: Actor) -> None:
    """One more number that somebody knows the patient by. Raises Invalid, IdentifierTaken, NoSuchPatient."""
    demand(actor, Right.PATIENT_EDIT)
    patient = queries.patient(uow, patient_id, actor)
    _add_identifier(uow, patient, identifier)
    _index(uow, patient)
    audit.record(uow, actor, "add identifier", ("patient", patient.id), patient_id=patient.id)


def note_safety_fact(uow: UnitOfWork, patient_id: int, kind: str, text: str, severity: str, actor: Actor) -> None:
    """An allergy, alert … of the patient; said twice it is kept once. kind: see models.SafetyFact."""
    demand(actor, Right.PATIENT_EDIT)
    text = text.strip()[:200]
    known = uow.session.scalar(
        select(SafetyFact).where(SafetyFact.patient_id == patient_id, SafetyFact.kind == kind, SafetyFact.text == text)
    )
    if known is None and text:
        uow.session.add(
            SafetyFact(
                patient_id=patient_id, kind=kind, text=text, severity=severity[:16], source=actor.name, at=uow.now
            )
        )
        audit.record(uow, actor, "note safety fact", ("patient", patient_id), patient_id=patient_id)


def _checked(uow: UnitOfWork, facts: PatientFacts) -> PatientFacts:
    check_name(facts.name)
    for kind, name in facts.names:
        rules.check_name_kind(kind)
        check_name(name)
    born = facts.birth_date.strip()
    if born:
        born = check_birth_date(born, (uow.now + _FIRST_DAYBREAK).date())
    rules.check_sex(facts.sex)
    rules.check_phone(facts.phone)
    for field_name, text, most in (
        ("email", facts.email, 200),
        ("street", facts.street, 200),
        ("city", facts.city, 100),
        ("state", facts.state, 40),
        ("zip", facts.zip, 16),
        ("language", facts.language, 16),
    ):
        if len(text) > most:
            raise Invalid(f"This may have {most} characters.", field_name)
        if _CONTROL.search(text):
            raise Invalid("This cannot hold control characters or line breaks.", field_name)
    return replace(facts, birth_date=born)


def _stop_at_duplicates(uow: UnitOfWork, facts: PatientFacts, actor: Actor) -> None:
    likeness = rules.Likeness(facts.name, facts.birth_date or None, facts.sex, rules.phone_key(facts.phone))
    matches = queries.likely_matches(uow, likeness, actor)
    if matches:
        names = "; ".join(f"{match.patient.name.shown} ({match.patient.mrn})" for match in matches)
        raise LikelyDuplicate(
            f"This may be a patient you have already: {names}.", tuple(match.patient.id for match in matches)
        )


def _apply(patient: Patient, facts: PatientFacts) -> None:
    patient.birth_date = facts.birth_date or None
    patient.birth_date_estimated = facts.birth_date_estimated
    patient.sex = facts.sex
    patient.language = facts.language.strip()
    patient.phone = facts.phone.strip()
    patient.phone_key = rules.phone_key(facts.phone)
    patient.email = facts.email.strip()
    patient.street = facts.street.strip()
    patient.city = facts.city.strip()
    patient.state = facts.state.strip()
    patient.zip = facts.zip.strip()


def _set_names(patient: Patient, facts: PatientFacts) -> None:
    for kind, name in (("legal", facts.name), *facts.names):
        patient.names.append(
            PatientName(
                kind=kind,
                alphabetic=name.alphabetic.dicom(),
                ideographic=name.ideographic.dicom(),
                phonetic=name.phonetic.dicom(),
                sort_key=fold(name.shown)[:200],
            )
        )


def _with_known_names(patient: Patient, facts: PatientFacts) -> PatientFacts:
    """The further names stay; a legal name that is replaced becomes a previous one."""
    kept = [(name.kind, name.value) for name in patient.names if name.kind != "legal"]
    if not patient.temporary:
        kept.append(("previous", patient.name))
    wanted = [name for name in (*facts.names, *kept) if name[1] != facts.name]
    return replace(facts, names=tuple(dict.fromkeys(wanted)))


def _add_identifier(uow: UnitOfWork, patient: Patient, identifier: Identifier) -> None:
    value = rules.check_identifier(identifier.value)
    holder = queries.by_identifier(uow, value, identifier.issuer_id)
    if holder is not None and holder.id not in queries.linked_ids(uow, patient.id):
        raise IdentifierTaken(f"The identifier {value} belongs to {holder.name.shown}.", "identifier")
    if holder is None:
        patient.identifiers.append(
            PatientIdentifier(
                value=value, issuer=catalog.issuer_by_id(uow, identifier.issuer_id), type=identifier.type[:8] or "MR"
            )
        )
        uow.session.flush()


def _index(uow: UnitOfWork, patient: Patient) -> None:
    """Write anew what the patient is found by."""
    words = {word for name in patient.names for word in name.value.folded.split()}
    sounds = {code for word in words if (code := sound(word))}
    words |= {word for one in patient.identifiers for word in fold(one.value).split()}
    words = {word[: rules.LONGEST_TOKEN] for word in words}
    tokens = [{"token": word, "patient_id": patient.id, "kind": "w"} for word in words]
    tokens += [{"token": code, "patient_id": patient.id, "kind": "s"} for code in sounds]
    uow.session.execute(delete(PatientToken).where(PatientToken.patient_id == patient.id))
    uow.session.execute(insert(PatientToken), tokens)
