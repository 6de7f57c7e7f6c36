from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Missing


class StepExists(Conflict):
    """A second N-CREATE of one SOP Instance UID: 0111 (PS3.7 C.4.2)."""

    code = "performed-step-exists"


class NoSuchPerformedStep(Missing):
    """0112 (PS3.7 C.4.3)."""

    code = "no-such-performed-step"


class StepEnded(Conflict):
    """A change after COMPLETED or DISCONTINUED: 0110 with error id A710 (PS3.4 F.7.2.2.2)."""

    code = "performed-step-ended"
