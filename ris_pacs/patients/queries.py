"""Reads of patients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import joinedload, selectinload

from ris_pacs.accounts.queries import visible
from ris_pacs.catalog.models import Issuer
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.person import NameGroup, PersonName, shown_age
from ris_pacs.kernel.text import after_prefix, fold, sound
from ris_pacs.patients import rules
from ris_pacs.patients.errors import NoSuchCoverage, NoSuchPatient
from ris_pacs.patients.models import Coverage as Coverage
from ris_pacs.patients.models import Patient as Patient
from ris_pacs.patients.models import PatientIdentifier, PatientLink, PatientName, PatientToken

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class PatientRow:
    """A patient in a list. mrn: the number by our own issuer, else the first."""

    id: int
    name: PersonName
    birth_date: str | None
    birth_date_estimated: bool
    sex: str
    mrn: str
    mrn_issuer: str
    phone: str
    city: str
    temporary: bool

    def age_on(self, day: date) -> str:
        return shown_age(self.birth_date, day)


@dataclass(frozen=True)
class LikelyMatch:
    patient: PatientRow
    verdict: rules.Verdict


def any_patient(uow: UnitOfWork) -> bool:
    return uow.session.scalar(select(Patient.id).limit(1)) is not None


def linked_ids(uow: UnitOfWork, patient_id: int) -> tuple[int, ...]:
    """Every patient row that stands for the same person: the survivor of all live merges first."""
    known = {patient_id}
    frontier = {patient_id}
    merged_away: set[int] = set()
    while frontier:
        links = uow.session.execute(
            select(PatientLink.survivor_id, PatientLink.merged_id).where(
                PatientLink.undone_at.is_(None),
                or_(PatientLink.survivor_id.in_(frontier), PatientLink.merged_id.in_(frontier)),
            )
        ).all()
        merged_away |= {link.merged_id for link in links}
        frontier = {one for link in links for one in (link.survivor_id, link.merged_id)} - known
        known |= frontier
    return tuple(sorted(known, key=lambda one: (one in merged_away, one)))


def patient(uow: UnitOfWork, patient_id: int, actor: Actor) -> Patient:
    """The patient with names, identifiers and safety facts. Raises NoSuchPatient, also when hidden from the actor."""
    found = uow.session.scalar(_whole().where(Patient.id == patient_id, visible(uow, actor, patient=Patient.id)))
    if found is None:
        raise NoSuchPatient("There is no such patient.")
    return found


def _whole() -> Select[Patient]:
    return select(Patient).options(
        selectinload(Patient.names),
        selectinload(Patient.identifiers).joinedload(PatientIdentifier.issuer),
        selectinload(Patient.safety_facts),
    )


def patient_of_visible_order(uow: UnitOfWork, patient_id: int) -> Patient:
    """The patient of an order that the caller has found visible to the actor."""
    return uow.session.scalars(_whole().where(Patient.id == patient_id)).one()


def view_patient(uow: UnitOfWork, patient_id: int, actor: Actor) -> Patient:
    """As `patient`, and the look is recorded."""
    found = patient(uow, patient_id, actor)
    audit.record_view(uow, actor, ("patient", found.id), patient_id=found.id)
    return found


def by_identifier(uow: UnitOfWork, value: str, issuer_id: int) -> Patient | None:
    """The patient whom this issuer knows under this number."""
    return uow.session.scalar(
        select(Patient)
        .join(PatientIdentifier)
        .where(PatientIdentifier.value == value, PatientIdentifier.issuer_id == issuer_id)
        .options(selectinload(Patient.names), selectinload(Patient.identifiers))
    )


def rows(uow: UnitOfWork, patient_ids: Iterable[int], actor: Actor) -> dict[int, PatientRow]:
    """List rows of these patients, as far as the actor may see them: three queries for any number."""
    return _rows(uow, patient_ids, visible(uow, actor, patient=Patient.id))


def rows_of_visible(uow: UnitOfWork, patient_ids: Iterable[int]) -> dict[int, PatientRow]:
    """List rows of patients whom the caller may show because their exam or study is visible to the actor."""
    return _rows(uow, patient_ids, true())


def _rows(uow: UnitOfWork, patient_ids: Iterable[int], condition: ColumnElement[bool]) -> dict[int, PatientRow]:
    """Columns, not objects: a calendar shows hundreds, and an object costs several times as much."""
    found = uow.session.execute(select(*_OF_ROW).where(Patient.id.in_(set(patient_ids)), condition)).all()
    ids = [one.id for one in found]
    names, numbers = _names_for_rows(uow, ids), _numbers_for_rows(uow, ids)
    return {
        one.id: PatientRow(
            id=one.id,
            name=names.get(one.id, PersonName()),
            birth_date=one.birth_date,
            birth_date_estimated=one.birth_date_estimated,
            sex=one.sex,
            mrn=numbers.get(one.id, ("", ""))[0],
            mrn_issuer=numbers.get(one.id, ("", ""))[1],
            phone=one.phone,
            city=one.city,
            temporary=one.temporary,
        )
        for one in found
    }


_OF_ROW = (
    Patient.id,
    Patient.birth_date,
    Patient.birth_date_estimated,
    Patient.sex,
    Patient.phone,
    Patient.city,
    Patient.temporary,
)


def _names_for_rows(uow: UnitOfWork, ids: Sequence[int]) -> dict[int, PersonName]:
    """The legal name, else the first there is (as Patient.name)."""
    found = uow.session.execute(
        select(PatientName.patient_id, PatientName.alphabetic, PatientName.ideographic, PatientName.phonetic)
        .where(PatientName.patient_id.in_(ids))
        .order_by(PatientName.kind != "legal", PatientName.id)
    )
    chosen: dict[int, PersonName] = {}
    for patient_id, *groups in found:
        if patient_id not in chosen:
            chosen[patient_id] = PersonName(*(NameGroup.from_dicom(text) for text in groups))
    return chosen


def _numbers_for_rows(uow: UnitOfWork, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The number by an issuer of ours, else the first there is (as main_identifier), with its issuer."""
    found = uow.session.execute(
        select(PatientIdentifier.patient_id, PatientIdentifier.value, Issuer.namespace)
        .join(Issuer, Issuer.id == PatientIdentifier.issuer_id)
        .where(PatientIdentifier.patient_id.in_(ids))
        .order_by(Issuer.ours.desc(), PatientIdentifier.id)
    )
    chosen: dict[int, tuple[str, str]] = {}
    for patient_id, value, namespace in found:
        chosen.setdefault(patient_id, (value, namespace))
    return chosen


def main_identifier(patient: Patient) -> PatientIdentifier | None:
    """The number by an issuer of ours, else the first there is."""
    ours = (one for one in patient.identifiers if one.issuer.ours)
    return next(ours, next(iter(patient.identifiers), None))


def search(uow: UnitOfWork, text: str, actor: Actor, limit: int = 20) -> list[PatientRow]:
    """Patients for what a caller says: words of names in any order, a number, a birth date, a phone.

    Every word has to match the beginning of something. The list is in order of name.
    """
    conditions = [_matches(word) for word in _terms(text)]
    if not conditions:
        return []
    hits = (
        select(PatientName.patient_id, PatientName.sort_key)
        .join(Patient, Patient.id == PatientName.patient_id)
        .where(PatientName.kind == "legal", visible(uow, actor, patient=Patient.id), *conditions)
        .order_by(PatientName.sort_key, PatientName.patient_id)
        .limit(limit)
    )
    ids = [row.patient_id for row in uow.session.execute(hits)]
    found = rows(uow, ids, actor)
    return [found[one] for one in ids if one in found]


def recent(uow: UnitOfWork, actor: Actor, limit: int = 30) -> list[PatientRow]:
    """The patients changed last, for the page before anything is typed."""
    ids = uow.session.scalars(
        select(Patient.id)
        .where(visible(uow, actor, patient=Patient.id))
        .order_by(Patient.changed_at.desc(), Patient.id.desc())
        .limit(limit)
    ).all()
    found = rows(uow, ids, actor)
    return [found[one] for one in ids if one in found]


_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), (3, 1, 2)),  # As written in the United States.
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})"), (3, 2, 1)),
)


def _terms(text: str) -> list[str]:
    """The search text cut into words, with dates and telephone numbers kept whole."""
    text = text.strip()[:100]
    for pattern, _ in _DATES:
        text = pattern.sub(lambda match: match.group().replace(" ", ""), text)
    phone = re.fullmatch(r"[+()\d\s.-]{7,}", text)
    if phone and not any(pattern.fullmatch(text) for pattern, _ in _DATES):
        return [text]
    return text.split()[:6]


def _matches(term: str) -> ColumnElement[bool]:
    for pattern, (year, month, day) in _DATES:
        if match := pattern.fullmatch(term):
            return Patient.birth_date == f"{match[year]}-{int(match[month]):02}-{int(match[day]):02}"
    figures = rules.phone_key(term)
    by_word = [_has_token(word) for word in fold(term).split()]
    if len(figures) >= 4 and re.fullmatch(r"[+()\d\s.-]+", term):
        # A number half typed may begin with the country code, which the key is without.
        beginnings = {figures, figures.removeprefix("1")}
        return or_(*(_has_phone(beginning) for beginning in sorted(beginnings)), and_(*by_word))
    return and_(*by_word) if by_word else Patient.id.is_(None)


def _has_phone(beginning: str) -> ColumnElement[bool]:
    return and_(Patient.phone_key >= beginning, Patient.phone_key < after_prefix(beginning))


def _has_token(word: str) -> ColumnElement[bool]:
    word = word[: rules.LONGEST_TOKEN]
    return Patient.id.in_(
        select(PatientToken.patient_id).where(
            PatientToken.kind == "w", PatientToken.token >= word, PatientToken.token < after_prefix(word)
        )
    )


def likely_matches(uow: UnitOfWork, new: rules.Likeness, actor: Actor, limit: int = 5) -> list[LikelyMatch]:
    """Registered patients who may be the one about to be registered, likeliest first.

    Candidates share the birth date, the phone, or how two words of the name sound.
    """
    candidates: set[int] = set()
    if new.birth_date and len(new.birth_date) == 10:
        candidates |= set(_ids(uow, select(Patient.id).where(Patient.birth_date == new.birth_date).limit(200)))
    if new.phone:
        candidates |= set(_ids(uow, select(Patient.id).where(Patient.phone_key == new.phone).limit(50)))
    candidates |= _sounding_alike(uow, new.name)
    found = []
    for row in rows(uow, candidates, actor).values():
        likeness = rules.Likeness(row.name, row.birth_date, row.sex, rules.phone_key(row.phone))
        verdict = rules.compare(likeness, new)
        if verdict.score >= rules.LIKELY and not row.temporary:
            found.append(LikelyMatch(row, verdict))
    return sorted(found, key=lambda match: (-match.verdict.score, match.patient.id))[:limit]


def _sounding_alike(uow: UnitOfWork, name: PersonName) -> set[int]:
    sounds = [code for word in dict.fromkeys(fold(name.shown).split()) if (code := sound(word))]
    sets = [
        set(_ids(uow, select(PatientToken.patient_id).where(PatientToken.token == code, PatientToken.kind == "s")))
        for code in sounds[:4]
    ]
    if len(sets) < 2:
        return set()
    # Two words in common, whichever they are.
    return {one for a, first in enumerate(sets) for second in sets[a + 1 :] for one in first & second}


def _ids(uow: UnitOfWork, query: Select[int]) -> Sequence[int]:
    return uow.session.scalars(query).all()


def known_of(uow: UnitOfWork, patient_id: int) -> rules.Known:
    """What the record says of a patient, over all merged rows."""
    ids = linked_ids(uow, patient_id)
    people = uow.session.scalars(
        select(Patient)
        .where(Patient.id.in_(ids))
        .options(selectinload(Patient.names), selectinload(Patient.identifiers))
    ).all()
    return rules.Known(
        numbers=frozenset((one.value, one.issuer_id) for person in people for one in person.identifiers),
        names=tuple(name.value for person in people for name in person.names),
        birth_dates=frozenset(person.birth_date for person in people if person.birth_date),
    )


def contradictions(uow: UnitOfWork, patient_id: int, said: rules.Identity) -> list[str]:
    """See rules.contradictions; also "patient id" when the number belongs to somebody else."""
    found = rules.contradictions(said, known_of(uow, patient_id))
    if said.patient_id and said.issuer_id is not None and "patient id" not in found:
        holder = by_identifier(uow, said.patient_id, said.issuer_id)
        if holder is not None and holder.id not in linked_ids(uow, patient_id):
            found.insert(0, "patient id")
    return found


def coverages(uow: UnitOfWork, patient_id: int, actor: Actor) -> list[Coverage]:
    """Who pays for the patient, over merged rows, in the order in which they are asked. Raises NoSuchPatient."""
    patient(uow, patient_id, actor)
    return list(uow.session.scalars(_coverages().where(Coverage.patient_id.in_(linked_ids(uow, patient_id)))))


def coverage(uow: UnitOfWork, coverage_id: int, actor: Actor) -> Coverage:
    """Raises NoSuchCoverage, also when the patient is hidden from the actor."""
    found = uow.session.scalar(
        _coverages().where(Coverage.id == coverage_id, visible(uow, actor, patient=Coverage.patient_id))
    )
    if found is None:
        raise NoSuchCoverage("There is no such coverage.")
    return found


def coverages_on(uow: UnitOfWork, wanted: Iterable[tuple[int, date]]) -> dict[tuple[int, date], Coverage]:
    """Who is asked first for what was done to a patient on a day, over merged rows: few statements for any number."""
    asked = set(wanted)
    persons = _persons(uow, {patient_id for patient_id, _ in asked})
    by_person: dict[int, list[Coverage]] = {}
    for one in uow.session.scalars(_coverages().where(Coverage.patient_id.in_(persons))):
        by_person.setdefault(persons[one.patient_id], []).append(one)
    found = {}
    for patient_id, day in asked:
        for one in by_person.get(persons[patient_id], ()):
            if (one.begins is None or one.begins <= day) and (one.ends is None or one.ends >= day):
                found[patient_id, day] = one
                break
    return found


def _persons(uow: UnitOfWork, patient_ids: set[int]) -> dict[int, int]:
    """Every row that stands for one of these patients → a number that all rows of one person share."""
    person = {one: one for one in patient_ids}
    frontier = patient_ids
    while frontier:
        links = uow.session.execute(
            select(PatientLink.survivor_id, PatientLink.merged_id).where(
                PatientLink.undone_at.is_(None),
                or_(PatientLink.survivor_id.in_(frontier), PatientLink.merged_id.in_(frontier)),
            )
        ).all()
        frontier = {one for link in links for one in link} - set(person)
        for survivor, merged in links:
            this, other = person.get(survivor, survivor), person.get(merged, merged)
            person |= {one: this for one, number in person.items() if number == other} | {survivor: this, merged: this}
    return person


def _coverages() -> Select[Coverage]:
    return select(Coverage).options(joinedload(Coverage.payer)).order_by(Coverage.rank, Coverage.id)
