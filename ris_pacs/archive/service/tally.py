"""What one transaction adds to studies and series; written once at its end, and told to the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import bindparam, update

from ris_pacs.archive import rules
from ris_pacs.archive.events import InstancesStored
from ris_pacs.archive.models import Series, Study
from ris_pacs.archive.queries.arriving import locked_exams_of_study
from ris_pacs.archive.service import link
from ris_pacs.archive.service.complete import images_came
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.prepared import Prepared

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

log = structlog.get_logger()


@dataclass
class StudyTally:
    """What is added to a study. actor: who sent the last object."""

    count: int
    bytes: int
    new_series: int
    modalities: set[str]
    actor: Actor


_ADD_TO_SERIES = Prepared(
    update(Series)
    .where(Series.id == bindparam("series"))
    .values(instance_count=Series.instance_count + bindparam("more"), bytes=Series.bytes + bindparam("more_bytes"))
)
_ADD_TO_STUDY = Prepared(
    update(Study)
    .where(Study.id == bindparam("study"))
    .values(
        instance_count=Study.instance_count + bindparam("more"),
        series_count=Study.series_count + bindparam("more_series"),
        bytes=Study.bytes + bindparam("more_bytes"),
        changed_at=bindparam("now"),
    )
    .returning(Study.modalities)
)
_SET_MODALITIES = Prepared(update(Study).where(Study.id == bindparam("study")).values(modalities=bindparam("joined")))


class Tally:
    def __init__(self) -> None:
        self._studies: dict[int, StudyTally] = {}
        self._series: dict[int, tuple[int, int]] = {}

    def add(self, study_id: int, series_id: int, more: StudyTally) -> None:
        count, size = self._series.get(series_id, (0, 0))
        self._series[series_id] = (count + more.count, size + more.bytes)
        known = self._studies.setdefault(study_id, more)
        if known is not more:
            known.count += more.count
            known.bytes += more.bytes
            known.new_series += more.new_series
            known.modalities |= more.modalities
            known.actor = more.actor

    def write(self, uow: UnitOfWork) -> None:
        """Called by the unit of work. Sorted, so that two writers lock rows in one order."""
        series, studies = sorted(self._series.items()), sorted(self._studies.items())
        self._series, self._studies = {}, {}
        for series_id, (count, size) in series:
            uow.run(_ADD_TO_SERIES, {"series": series_id, "more": count, "more_bytes": size})
        for study_id, more in studies:
            self._write_study(uow, study_id, more)

    @staticmethod
    def _write_study(uow: UnitOfWork, study_id: int, more: StudyTally) -> None:
        values = {
            "study": study_id,
            "more": more.count,
            "more_series": more.new_series,
            "more_bytes": more.bytes,
            "now": uow.now,
        }
        modalities: str = uow.run(_ADD_TO_STUDY, values)[0].modalities
        joined = "\\".join(sorted((more.modalities | set(modalities.split("\\"))) - {""}))[:100]
        if joined != modalities:
            uow.run(_SET_MODALITIES, {"study": study_id, "joined": joined})
        _tell(uow, study_id, more)


def _tell(uow: UnitOfWork, study_id: int, more: StudyTally) -> None:
    """The rest of the house hears of new images; if it stumbles, the images stay and a person sees it."""
    try:
        with uow.savepoint():
            exams = locked_exams_of_study(uow, study_id)
            images_came(uow, exams, more.actor)
            sites = tuple(sorted({exam.site_id for exam in exams}))
            uow.emit(InstancesStored(study_id, more.count, sites), more.actor)
    except Exception:
        log.exception("reaction to images failed", study_id=study_id)
        text = "The exam could not be moved; look at it"
        link.open_case(uow, study_id, None, rules.Reason.LINK_FAILED, text, more.actor)
