from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Missing


class NoSuchPatient(Missing):
    code = "no-such-patient"


class IdentifierTaken(Conflict):
    code = "identifier-taken"


class LikelyDuplicate(Conflict):
    """Someone like this is registered already; the person at the desk has to say that it is somebody else."""

    code = "likely-duplicate"

    def __init__(self, message: str, patient_ids: tuple[int, ...]) -> None:
        super().__init__(message)
        self.patient_ids = patient_ids


class NoSuchCoverage(Missing):
    code = "no-such-coverage"
