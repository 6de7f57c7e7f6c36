"""What the page of images shows beside the study itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.archive import queries as archive
from ris_pacs.archive.errors import NoSuchInstance
from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.kernel.actor import Actor
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

MOST_PRIORS = 30


def priors(uow: UnitOfWork, study: archive.StudyRow, actor: Actor) -> list[archive.StudyRow]:
    """Earlier studies with images of the record's patient, merges followed, the newest first.

    Only what the actor may see. A study that is not linked has none: nobody knows yet whose it is.
    """
    if study.patient_id is None:
        return []
    ids = patients.linked_ids(uow, study.patient_id)
    others = archive.studies_of_patient(uow, ids, actor)
    found = [
        one
        for one in others
        if one.id != study.id
        and one.instance_count
        and (one.study_date, one.study_time, one.id) < (study.study_date, study.study_time, study.id)
    ]
    return found[:MOST_PRIORS]


def instance_id(uow: UnitOfWork, sop_instance_uid: str, actor: Actor) -> int:
    """Raises NoSuchInstance, also when hidden from the actor."""
    seen = archive.visible_studies(uow, actor).with_only_columns(Study.id)
    found = uow.session.scalar(
        select(Instance.id)
        .join(Series, Series.id == Instance.series_id)
        .where(Instance.sop_instance_uid == sop_instance_uid, Series.study_id.in_(seen))
    )
    if found is None:
        raise NoSuchInstance("There is no such image.")
    return found
