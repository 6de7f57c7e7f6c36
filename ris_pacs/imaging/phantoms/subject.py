"""What an acquired object takes over from a worklist item (PS3.4 K.6.1.2.2, IHE RAD-6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True)
class Subject:
    """One patient, one requested procedure, one scheduled step.

    patient_name, referring_physician, operator: PN values, groups joined by "=" ("Yamada^Tarou=山田^太郎").
    laterality: "L", "R" or "" where the part is not paired (a paired part without one is drawn as a right one).
    started: when the study began, with its zone; it becomes Timezone Offset From UTC.
    performed_step_uid: of the MPPS, "" when the station reports none.
    weight: kg, for PET.
    """

    patient_name: str
    patient_id: str
    study_uid: str
    accession_number: str = ""
    issuer_of_patient_id: str = ""
    issuer_of_accession: str = ""
    birth_date: date | None = None
    sex: str = ""
    weight: float = 74.0
    requested_procedure_id: str = ""
    requested_procedure_description: str = ""
    scheduled_step_id: str = ""
    performed_step_uid: str = ""
    performed_step_id: str = ""
    study_id: str = ""
    laterality: str = ""
    referring_physician: str = ""
    operator: str = ""
    started: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    station_ae: str = ""
    station_name: str = ""
    institution: str = ""
    character_set: Sequence[str] = ("ISO_IR 192",)

    @property
    def with_contrast(self) -> bool:
        """As the words of the request have it."""
        words = self.requested_procedure_description.lower()
        return "contrast" in words or "angio" in words or "urogram" in words

    @property
    def side(self) -> str:
        return self.laterality if self.laterality in ("L", "R") else "R"
