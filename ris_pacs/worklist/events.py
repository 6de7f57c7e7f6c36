from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class StepStarted(Event):
    performed_step_id: int


@dataclass(frozen=True)
class StepCompleted(Event):
    """The performed step has ended, completed or discontinued."""

    performed_step_id: int
