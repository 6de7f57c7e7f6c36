"""Whether every row has its file and every file its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ris_pacs.archive import rules
from ris_pacs.archive.models import Instance, InstanceConflict, Quarantined, Series, Study

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

PAGE = 2000


@dataclass(frozen=True)
class ExpectedFile:
    """instance_id: None for what is kept aside. size, digest: of the data set; offset: where it begins."""

    key: str
    digest: str
    size: int
    offset: int
    instance_id: int | None


def expected_files(uow: UnitOfWork) -> Iterator[ExpectedFile]:
    """Every file that a row says is there, in pages."""
    last = 0
    while True:
        rows = uow.session.execute(
            select(
                Instance.id,
                Study.study_instance_uid,
                Instance.sop_instance_uid,
                Instance.digest,
                Instance.size,
                Instance.dataset_offset,
            )
            .join(Series, Series.id == Instance.series_id)
            .join(Study, Study.id == Series.study_id)
            .where(Instance.id > last)
            .order_by(Instance.id)
            .limit(PAGE)
        ).all()
        for row in rows:
            key = rules.object_key(row.study_instance_uid, row.sop_instance_uid, row.digest)
            yield ExpectedFile(key, row.digest, row.size, row.dataset_offset, row.id)
        if len(rows) < PAGE:
            break
        last = rows[-1].id
    for conflict in uow.session.scalars(select(InstanceConflict)):
        yield ExpectedFile(conflict.key, conflict.digest, conflict.size, 0, None)
    for refused in uow.session.scalars(select(Quarantined)):
        yield ExpectedFile(refused.key, "", refused.size, 0, None)


def counter_faults(uow: UnitOfWork) -> Iterator[str]:
    """Studies and series whose counts are not those of their rows."""
    counted = select(Instance.series_id, func.count().label("number")).group_by(Instance.series_id).subquery()
    rows = uow.session.execute(
        select(Series.series_instance_uid, Series.instance_count, func.coalesce(counted.c.number, 0))
        .outerjoin(counted, counted.c.series_id == Series.id)
        .where(Series.instance_count != func.coalesce(counted.c.number, 0))
    )
    for uid, said, there in rows:
        yield f"series {uid} says {said} images, {there} are there"
    per_study = (
        select(Series.study_id, func.count().label("series"), func.sum(Series.instance_count).label("images"))
        .group_by(Series.study_id)
        .subquery()
    )
    studies = uow.session.execute(
        select(Study.study_instance_uid)
        .join(per_study, per_study.c.study_id == Study.id)
        .where((Study.series_count != per_study.c.series) | (Study.instance_count != per_study.c.images))
    )
    for (uid,) in studies:
        yield f"study {uid} has other counts than its series"
