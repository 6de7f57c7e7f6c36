from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class ReportSigned(Event):
    """A version was signed. kind: "preliminary", "final", "addendum" or "corrected"."""

    report_id: int
    version_id: int
    kind: str


@dataclass(frozen=True)
class ReportWithdrawn(Event):
    """A signed report was of the wrong patient or exam: what went out has to be taken back."""

    report_id: int
    version_id: int
