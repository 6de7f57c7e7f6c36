from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class WrongCode(Invalid):
    """The code is unknown, used, too old, or goes with another birth date: which of them is not said."""

    code = "wrong-code"


class HasAccount(Conflict):
    code = "has-account"


class NotReleased(Missing):
    """There is no such result, or it is not for this patient to see yet."""

    code = "not-released"
