from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class InstancesStored(Event):
    """New instances of a study are durable with this transaction: one event for each study and transaction.

    site_ids: where the exams are done that the study answers.
    """

    study_id: int
    count: int
    site_ids: tuple[int, ...]


@dataclass(frozen=True)
class StudyLinked(Event):
    """A study answers an exam from now on."""

    study_id: int
    requested_procedure_id: int


@dataclass(frozen=True)
class StudyUnlinked(Event):
    study_id: int
    requested_procedure_id: int


@dataclass(frozen=True)
class CaseOpened(Event):
    """A study waits in the reconciliation inbox."""

    study_id: int
