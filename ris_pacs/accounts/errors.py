"""What can go wrong at the door."""

from __future__ import annotations

from ris_pacs.kernel.errors import Busy, Conflict, Forbidden, Missing


class WrongSignIn(Forbidden):
    code = "wrong-sign-in"


class Locked(Busy):
    code = "sign-in-locked"


class EmailTaken(Conflict):
    code = "email-taken"


class NameTaken(Conflict):
    code = "name-taken"


class NoSuchAccount(Missing):
    code = "no-such-account"


class OwnAccount(Conflict):
    code = "own-account"


class DoctorTaken(Conflict):
    code = "doctor-taken"
