from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class NoSuchProcedure(Missing):
    code = "no-such-procedure"


class NoSuchDiagnosis(Missing):
    code = "no-such-diagnosis"


class NoSuchDevice(Missing):
    code = "no-such-device"


class NoSuchPartner(Missing):
    code = "no-such-partner"


class NoSuchSite(Missing):
    code = "no-such-site"


class NoSuchRoom(Missing):
    code = "no-such-room"


class NoSuchPractitioner(Missing):
    code = "no-such-practitioner"


class BadNpi(Invalid):
    code = "bad-npi"


class AeTitleTaken(Conflict):
    code = "ae-title-taken"


class PartnerKnown(Conflict):
    code = "partner-known"


class NameInUse(Conflict):
    code = "name-in-use"


class IssuerTaken(Conflict):
    code = "issuer-taken"


class NoSuchPayer(Missing):
    code = "no-such-payer"
