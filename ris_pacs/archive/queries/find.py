"""Query and retrieve (PS3.4 Annex C): rows of each level for keys that the database has columns for.

Answers stream in pages by key, so that a query of everything needs no more memory than one of a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.archive.queries import StoredInstance, as_stored, visible_studies
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.text import after_prefix, fold

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

FIRST_PAGE, PAGE = 50, 500
LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")


@dataclass(frozen=True)
class FindKeys:
    """Matching keys as DICOM writes them: "*" and "?" are wildcards, "a-b" is a range; empty matches everything."""

    study_uids: tuple[str, ...] = ()
    series_uids: tuple[str, ...] = ()
    sop_uids: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""
    accession_number: str = ""
    study_date: tuple[str, str] = ("", "")
    modalities: tuple[str, ...] = ()
    series_modality: str = ""


@dataclass(frozen=True)
class FoundPatient:
    study: Study
    studies: int


@dataclass(frozen=True)
class FoundInstance:
    study: Study
    series: Series
    instance: Instance


@dataclass(frozen=True)
class FoundSeries:
    study: Study
    series: Series


def find_patients(uow: UnitOfWork, keys: FindKeys, actor: Actor) -> Iterator[FoundPatient]:
    """Each patient as received, once: by patient id and issuer, shown as in the newest study."""
    newest = (
        select(func.max(Study.id).label("id"), func.count().label("studies"))
        .where(Study.id.in_(visible_studies(uow, actor).with_only_columns(Study.id)), *_study_conditions(keys))
        .group_by(Study.received_patient_id, Study.received_issuer)
        .subquery()
    )
    query = select(Study, newest.c.studies).join(newest, newest.c.id == Study.id)
    for study, studies in _paged(uow, query, Study.id):
        yield FoundPatient(study, studies)


def find_studies(uow: UnitOfWork, keys: FindKeys, actor: Actor, *, newest_first: bool = False) -> Iterator[Study]:
    query = visible_studies(uow, actor).add_columns(Study.id).where(*_study_conditions(keys))
    for study, _ in _paged(uow, query, Study.id, newest_first):
        yield study


def find_series(uow: UnitOfWork, keys: FindKeys, actor: Actor, *, newest_first: bool = False) -> Iterator[FoundSeries]:
    query = select(Study, Series).join(Series, Series.study_id == Study.id).where(*_all_conditions(uow, keys, actor))
    for study, series in _paged(uow, query, Series.id, newest_first):
        yield FoundSeries(study, series)


def find_instances(
    uow: UnitOfWork, keys: FindKeys, actor: Actor, *, newest_first: bool = False
) -> Iterator[FoundInstance]:
    query = (
        select(Study, Series, Instance)
        .join(Series, Series.study_id == Study.id)
        .join(Instance, Instance.series_id == Series.id)
        .where(*_all_conditions(uow, keys, actor), *_instance_conditions(keys))
    )
    for study, series, instance in _paged(uow, query, Instance.id, newest_first):
        yield FoundInstance(study, series, instance)


def count_instances(uow: UnitOfWork, keys: FindKeys, actor: Actor) -> int:
    query = (
        select(func.count(Instance.id))
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(*_all_conditions(uow, keys, actor), *_instance_conditions(keys))
    )
    return uow.session.scalar(query) or 0


def studies_of_instances(uow: UnitOfWork, keys: FindKeys, actor: Actor) -> list[Study]:
    """The studies that the instances belong to."""
    ids = (
        select(Study.id)
        .join(Series, Series.study_id == Study.id)
        .join(Instance, Instance.series_id == Series.id)
        .where(*_all_conditions(uow, keys, actor), *_instance_conditions(keys))
    )
    return list(uow.session.scalars(select(Study).where(Study.id.in_(ids)).limit(1000)))


def stored_instances(uow: UnitOfWork, keys: FindKeys, actor: Actor) -> Iterator[StoredInstance]:
    for found in find_instances(uow, keys, actor):
        yield as_stored(found.instance, found.study)


def _paged(uow: UnitOfWork, query: Any, key: InstrumentedAttribute[int], newest_first: bool = False) -> Iterator[Any]:
    """In the order in which they came, or the other way round."""
    last: int | None = None
    size = FIRST_PAGE
    order = key.desc() if newest_first else key.asc()
    while True:
        behind = query if last is None else query.where(key < last if newest_first else key > last)
        page = uow.session.execute(behind.order_by(order).limit(size)).all()
        if not page:
            return
        # The key's own object is the last entity of the row that has that key.
        last = _key_of(page[-1], key)
        yield from page
        uow.session.expunge_all()
        if len(page) < size:
            return
        size = PAGE


def _key_of(row: Sequence[Any], key: InstrumentedAttribute[int]) -> int:
    kind: Any = key.class_
    entity = next(one for one in row if isinstance(one, kind))
    found: int = entity.id
    return found


def _all_conditions(uow: UnitOfWork, keys: FindKeys, actor: Actor) -> list[ColumnElement[bool]]:
    conditions = _study_conditions(keys)
    if not actor.is_staff:
        conditions.append(Study.id.in_(visible_studies(uow, actor).with_only_columns(Study.id)))
    if keys.series_uids:
        conditions.append(Series.series_instance_uid.in_(keys.series_uids))
    if keys.series_modality:
        conditions.append(_text(Series.modality, keys.series_modality))
    return conditions


def _instance_conditions(keys: FindKeys) -> list[ColumnElement[bool]]:
    return [Instance.sop_instance_uid.in_(keys.sop_uids)] if keys.sop_uids else []


def _study_conditions(keys: FindKeys) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if keys.study_uids:
        conditions.append(Study.study_instance_uid.in_(keys.study_uids))
    if keys.patient_id:
        conditions.append(_text(Study.received_patient_id, keys.patient_id))
    if keys.accession_number:
        conditions.append(_text(Study.accession_number, keys.accession_number))
    first, last = keys.study_date
    if first:
        conditions.append(Study.study_date >= first)
    if last:
        conditions.append(Study.study_date <= last)
    if keys.modalities:
        conditions.append(or_(*(_among(Study.modalities, one) for one in keys.modalities)))
    conditions += _name(keys.patient_name)
    return conditions


def _text(column: InstrumentedAttribute[str], key: str) -> ColumnElement[bool]:
    """Equal, or by wildcards; what LIKE leaves open the matcher of the edge decides."""
    if "*" not in key and "?" not in key:
        return column == key
    fixed = key.split("*")[0].split("?")[0]
    pattern = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%").replace("?", "_")
    like = column.like(pattern, escape="\\")
    # The beginning without wildcards goes by the index.
    return and_(column >= fixed, column < after_prefix(fixed), like) if fixed else like


def _among(column: InstrumentedAttribute[str], value: str) -> ColumnElement[bool]:
    """One of the values of a column that holds several with "\\" between."""
    return ("\\" + column + "\\").contains("\\" + value + "\\", autoescape=True)


def _name(key: str) -> list[ColumnElement[bool]]:
    """Every whole word in front of the first wildcard has to be in the folded name; the edge matches the rest."""
    fixed = key.split("*")[0].split("?")[0]
    words = fold(fixed).split()
    if not words:
        return []
    column = " " + Study.received_name_key
    return [column.like(f"% {word.replace('%', '').replace('_', '')}%") for word in words]
