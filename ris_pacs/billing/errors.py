from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class CannotCharge(Conflict):
    """An exam that cannot be charged yet, and why in words: it waits in the list of missing charges."""

    code = "cannot-charge"


class NoSuchClaim(Missing):
    code = "no-such-claim"


class NoSuchRemittance(Missing):
    code = "no-such-remittance"


class NoSuchLine(Missing):
    code = "no-such-line"


class NothingToBill(Missing):
    code = "nothing-to-bill"


class WrongClaimState(Conflict):
    code = "wrong-claim-state"


class ClaimNotReady(Conflict):
    code = "claim-not-ready"


class BadRemittance(Invalid):
    """A file that is no remittance we can post. The message names the segment and what is wrong with it."""

    code = "bad-remittance"


class RemittanceDiffers(Conflict):
    """The trace number was posted before, from other bytes."""

    code = "remittance-differs"
