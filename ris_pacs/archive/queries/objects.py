"""Stored objects by their UIDs, as the web asks for them (PS3.18 10.4): in columns, in the order of a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, select

from ris_pacs.archive import rules
from ris_pacs.archive.errors import NoSuchInstance
from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.archive.queries import WITHOUT_PICTURES, visible_studies
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Place:
    """Where in the hierarchy: a study, a series of it, or an object. Unique identifiers as in the address."""

    study: str
    series: str = ""
    instance: str = ""

    def __str__(self) -> str:
        parts = [f"studies/{self.study}"]
        parts += [f"series/{self.series}"] if self.series else []
        parts += [f"instances/{self.instance}"] if self.instance else []
        return "/".join(parts)


@dataclass(frozen=True)
class WebObject:
    """digest: SHA-256 of the data set. dataset_offset: where it begins in the file, bytes."""

    id: int
    study_id: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    digest: str
    dataset_offset: int
    patient_id: int | None
    accession_number: str
    modality: str

    @property
    def object_key(self) -> str:
        return rules.object_key(self.study_instance_uid, self.sop_instance_uid, self.digest)

    @property
    def place(self) -> Place:
        return Place(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)


_COLUMNS = (
    Instance.id,
    Study.id,
    Study.study_instance_uid,
    Series.series_instance_uid,
    Instance.sop_instance_uid,
    Instance.sop_class_uid,
    Instance.transfer_syntax_uid,
    Instance.digest,
    Instance.dataset_offset,
    Study.patient_id,
    Study.accession_number,
    Series.modality,
)


def objects_at(uow: UnitOfWork, place: Place, actor: Actor) -> Sequence[WebObject]:
    """Every object there, by series and instance number. Raises NoSuchInstance, also when hidden from the actor."""
    found = [WebObject(*row) for row in uow.session.execute(_at(uow, place, actor))]
    if not found:
        raise NoSuchInstance("There is no such study, series or image.")
    return found


def middle_object(uow: UnitOfWork, place: Place, actor: Actor) -> WebObject:
    """The one that stands for a series, or for the last series of a study. Raises NoSuchInstance."""
    found = objects_at(uow, place, actor)
    last = [one for one in found if one.modality not in WITHOUT_PICTURES][-1:] or found[-1:]
    of_series = [one for one in found if one.series_instance_uid == last[0].series_instance_uid]
    return of_series[len(of_series) // 2]


def _at(uow: UnitOfWork, place: Place, actor: Actor) -> Any:
    query: Any = (
        select(*_COLUMNS)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Study.study_instance_uid == place.study)
        .order_by(
            case((Series.number.is_(None), 1), else_=0),
            Series.number,
            Series.id,
            case((Instance.number.is_(None), 1), else_=0),
            Instance.number,
            Instance.id,
        )
    )
    if not actor.is_staff:
        query = query.where(Study.id.in_(visible_studies(uow, actor).with_only_columns(Study.id)))
    if place.series:
        query = query.where(Series.series_instance_uid == place.series)
    if place.instance:
        query = query.where(Instance.sop_instance_uid == place.instance)
    return query


def record_disclosure(uow: UnitOfWork, found: Sequence[WebObject], actor: Actor, action: str = "view") -> None:
    """A look at the study that the objects belong to; `action`: "view", or "retrieve" where files leave."""
    one = found[0]
    audit.record_view(
        uow,
        actor,
        ("study", one.study_id),
        patient_id=one.patient_id,
        accession_number=one.accession_number or None,
        action=action,
    )
