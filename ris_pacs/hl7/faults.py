"""What can be wrong with a field, in the codes that an ERR segment carries."""

from __future__ import annotations

from enum import IntEnum


class Condition(IntEnum):
    """HL7 table 0357, message error condition codes."""

    ACCEPTED = 0
    SEGMENT_SEQUENCE = 100
    REQUIRED_FIELD_MISSING = 101
    DATA_TYPE = 102
    TABLE_VALUE_NOT_FOUND = 103
    UNSUPPORTED_MESSAGE_TYPE = 200
    UNSUPPORTED_EVENT = 201
    UNSUPPORTED_PROCESSING_ID = 202
    UNSUPPORTED_VERSION = 203
    UNKNOWN_KEY = 204
    DUPLICATE_KEY = 205
    RECORD_LOCKED = 206
    INTERNAL_ERROR = 207

    @property
    def words(self) -> str:
        """The table's own wording, for ERR-3.2."""
        return _WORDS[self]


_WORDS = {
    Condition.ACCEPTED: "Message accepted",
    Condition.SEGMENT_SEQUENCE: "Segment sequence error",
    Condition.REQUIRED_FIELD_MISSING: "Required field missing",
    Condition.DATA_TYPE: "Data type error",
    Condition.TABLE_VALUE_NOT_FOUND: "Table value not found",
    Condition.UNSUPPORTED_MESSAGE_TYPE: "Unsupported message type",
    Condition.UNSUPPORTED_EVENT: "Unsupported event code",
    Condition.UNSUPPORTED_PROCESSING_ID: "Unsupported processing id",
    Condition.UNSUPPORTED_VERSION: "Unsupported version id",
    Condition.UNKNOWN_KEY: "Unknown key identifier",
    Condition.DUPLICATE_KEY: "Duplicate key identifier",
    Condition.RECORD_LOCKED: "Application record locked",
    Condition.INTERNAL_ERROR: "Application internal error",
}


class FieldFault(Exception):
    """One field that cannot be taken as it is.

    path: "PID-7", "OBX[3]-5[2].1"; a segment's name alone ("PV1") or "" when no field is to blame.
    value: what was sent. reason completes a sentence that begins with the path: "is not a date".
    detail: what exactly, when there is more to say: "February has no 31st".
    The text of the exception leaves the value out, so that it may be logged.
    """

    def __init__(
        self, path: str, value: str, reason: str, code: Condition = Condition.DATA_TYPE, detail: str = ""
    ) -> None:
        super().__init__(path, value, reason, code, detail)
        self.path = path
        self.value = value
        self.reason = reason
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        sentence = f"{self.path} {self.reason}" if self.path else self.reason
        return f"{sentence}: {self.detail}" if self.detail else sentence
