"""What a scanner says that it made, held against what is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.archive.models import Series
from ris_pacs.archive.queries import received_of

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork
    from ris_pacs.worklist.models import PerformedStep


@dataclass(frozen=True)
class SeriesProgress:
    """A series that the scanner lists: how many of its objects are here. over: the scanner says that it has ended."""

    performed_step_id: int
    name: str
    listed: int
    received: int
    over: bool

    @property
    def missing(self) -> int:
        """How many are owed once the scanner has ended."""
        return self.listed - self.received if self.over else 0

    @property
    def state(self) -> str:
        """Key of a state of the pages."""
        return "missing" if self.missing else "complete" if self.received >= self.listed else "receiving"


def series_progress(uow: UnitOfWork, performed: Sequence[PerformedStep]) -> list[SeriesProgress]:
    """Object by object, of each series with a list; a series that came under another list does not count."""
    listed = [(step, series) for step in performed for series in step.series if series.objects]
    received = received_of(uow, [one.sop_instance_uid for _, series in listed for one in series.objects])
    uids = [series.series_instance_uid for _, series in listed]
    names = dict(
        uow.session.execute(
            select(Series.series_instance_uid, Series.description).where(Series.series_instance_uid.in_(uids))
        )
        .tuples()
        .all()
    )
    return [
        SeriesProgress(
            performed_step_id=step.id,
            name=series.description or names.get(series.series_instance_uid) or series.protocol or f"Series {number}",
            listed=len(series.objects),
            received=sum(one.sop_instance_uid in received for one in series.objects),
            over=step.ended_at is not None,
        )
        for number, (step, series) in enumerate(listed, start=1)
    ]
