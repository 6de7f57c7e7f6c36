from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Missing


class NoSuchMessage(Missing):
    code = "no-such-message"


class CannotMend(Conflict):
    code = "cannot-mend"
