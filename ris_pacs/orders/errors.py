from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class NoSuchOrder(Missing):
    code = "no-such-order"


class NoSuchExam(Missing):
    code = "no-such-exam"


class BadAccessionNumber(Invalid):
    code = "bad-accession-number"


class AccessionNumberTaken(Conflict):
    code = "accession-number-taken"


class OrderExists(Conflict):
    code = "order-exists"


class StudyUidTaken(Conflict):
    code = "study-uid-taken"


class WrongState(Conflict):
    code = "wrong-state"


class AlreadyBegun(WrongState):
    """A cancel after the exam began: answered UC (HL7 table 0119) and shown to a person."""

    code = "already-begun"
