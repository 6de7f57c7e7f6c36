from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class PatientChanged(Event):
    """Name, birth date, sex or identifiers are other than before."""

    patient_id: int


@dataclass(frozen=True)
class CoverageChanged(Event):
    """Who pays for the patient, or under which number, is other than before."""

    patient_id: int
