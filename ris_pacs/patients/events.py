from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.kernel.events import Event


@dataclass(frozen=True)
class PatientChanged(Event):
    """Name, birth date, sex or identifiers are other than before."""

    patient_id: int
