"""Who acts: a signed-in person, a token, a device or the program itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    FRONTDESK = "frontdesk"
    TECHNOLOGIST = "technologist"
    RADIOLOGIST = "radiologist"
    RESIDENT = "resident"
    BILLER = "biller"
    REFERRER = "referrer"
    PATIENT = "patient"
    MANAGER = "manager"
    ADMIN = "admin"
    SYSTEM = "system"


# These see only what an access_grant opens to them; all others are staff of the practice.
GRANTED_ONLY = frozenset({Role.REFERRER, Role.PATIENT})


@dataclass(frozen=True)
class Actor:
    """Passed to every service and query.

    kind: "user", "token", "device" (an AE title), "partner" (an HL7 sender) or "program".
    occasion: one sign-in, association or message; audit rows of one occasion are counted together.
    """

    kind: str
    name: str
    role: Role
    id: int | None = None
    occasion: str = ""
    address: str = ""

    @property
    def is_staff(self) -> bool:
        return self.role not in GRANTED_ONLY


PROGRAM = Actor(kind="program", name="ris-pacs", role=Role.SYSTEM)
# Who sits at the command line may set up the installation.
OPERATOR = Actor(kind="program", name="command line", role=Role.ADMIN)
