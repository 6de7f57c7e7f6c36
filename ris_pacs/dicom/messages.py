"""DIMSE command sets, as values and as bytes (PS3.7 6.3, 9.3, 10.3, Annex E).

A command set is group 0000 in Implicit VR Little Endian, whatever transfer syntax its data set has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter

from ris_pacs.dicom.handlers import Status

NO_DATA_SET = 0x0101  # Command Data Set Type (0000,0800); any other value: a data set follows
DATA_SET = 0x0001
MAX_COMMAND = 64 * 1024  # bytes; the longest lawful one, with a list of attributes, stays far below
MAX_COMMENT = 64  # characters of Error Comment, an LO

_ELEMENT = struct.Struct("<HHL")
_GROUP_LENGTH = struct.Struct("<HHLL")


class CommandField(IntEnum):
    """Command Field (0000,0100): PS3.7 Table E.1-1. A response is its request with bit 15 set."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    N_DELETE_RQ = 0x0150
    N_DELETE_RSP = 0x8150
    C_CANCEL_RQ = 0x0FFF

    @property
    def is_request(self) -> bool:
        return not self & 0x8000

    @property
    def response(self) -> CommandField:
        return CommandField(self | 0x8000)

    @property
    def operation(self) -> str:
        """The service's name: C-STORE, N-EVENT-REPORT …"""
        return self.name.rsplit("_", 1)[0].replace("_", "-")


class MalformedCommand(ValueError):
    """Bytes that are no command set, or one that lacks what cannot be missing."""


@dataclass(slots=True)
class CommandSet:
    """The elements of group 0000 (PS3.7 Table E.1-1), by the standard's names; None is absent.

    Group Length (0000,0000) is computed. The retired elements of Table E.2-1 are skipped.
    """

    command_field: int
    affected_sop_class_uid: str | None = None
    requested_sop_class_uid: str | None = None
    message_id: int | None = None
    message_id_being_responded_to: int | None = None
    move_destination: str | None = None
    priority: int | None = None
    command_data_set_type: int = NO_DATA_SET
    status: int | None = None
    offending_element: tuple[int, ...] | None = None
    error_comment: str | None = None
    error_id: int | None = None
    affected_sop_instance_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    event_type_id: int | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    action_type_id: int | None = None
    remaining_sub_operations: int | None = None
    completed_sub_operations: int | None = None
    failed_sub_operations: int | None = None
    warning_sub_operations: int | None = None
    move_originator_title: str | None = None
    move_originator_message_id: int | None = None

    @property
    def has_data_set(self) -> bool:
        return self.command_data_set_type != NO_DATA_SET

    @property
    def sop_class_uid(self) -> str:
        return self.affected_sop_class_uid or self.requested_sop_class_uid or ""

    @property
    def sop_instance_uid(self) -> str:
        return self.affected_sop_instance_uid or self.requested_sop_instance_uid or ""

    def encode(self) -> bytes:
        parts: list[bytes] = []
        for value, (tag, _, kind) in zip(_values(self), _ELEMENTS, strict=True):
            if value is not None:
                raw = _encode_value(kind, value)
                parts += (_ELEMENT.pack(0, tag, len(raw)), raw)
        body = b"".join(parts)
        return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body

    @classmethod
    def decode(cls, raw: bytes) -> CommandSet:
        """Raises MalformedCommand."""
        command = cls(0)
        position, end = 0, len(raw)
        while position < end:
            if position + _ELEMENT.size > end:
                raise MalformedCommand("an element is cut off")
            group, tag, length = _ELEMENT.unpack_from(raw, position)
            position += _ELEMENT.size
            if group != 0 or length > end - position:
                raise MalformedCommand(f"element ({group:04X},{tag:04X}) of {length} bytes does not belong there")
            known = _BY_TAG.get(tag)
            if known and length:
                setattr(command, known[1], _decode_value(known[2], raw[position : position + length], tag))
            position += length
        _demand_what_answers_need(command)
        return command


_ELEMENTS = (
    (0x0002, "affected_sop_class_uid", "UI"),
    (0x0003, "requested_sop_class_uid", "UI"),
    (0x0100, "command_field", "US"),
    (0x0110, "message_id", "US"),
    (0x0120, "message_id_being_responded_to", "US"),
    (0x0600, "move_destination", "AE"),
    (0x0700, "priority", "US"),
    (0x0800, "command_data_set_type", "US"),
    (0x0900, "status", "US"),
    (0x0901, "offending_element", "AT"),
    (0x0902, "error_comment", "LO"),
    (0x0903, "error_id", "US"),
    (0x1000, "affected_sop_instance_uid", "UI"),
    (0x1001, "requested_sop_instance_uid", "UI"),
    (0x1002, "event_type_id", "US"),
    (0x1005, "attribute_identifier_list", "AT"),
    (0x1008, "action_type_id", "US"),
    (0x1020, "remaining_sub_operations", "US"),
    (0x1021, "completed_sub_operations", "US"),
    (0x1022, "failed_sub_operations", "US"),
    (0x1023, "warning_sub_operations", "US"),
    (0x1030, "move_originator_title", "AE"),
    (0x1031, "move_originator_message_id", "US"),
)
_BY_TAG = {element[0]: element for element in _ELEMENTS}
_values = attrgetter(*(name for _, name, _ in _ELEMENTS))


def response_to(request: CommandSet, status: Status, *, has_data_set: bool = False) -> CommandSet:
    """The response to a request, with what every response repeats (PS3.7 9.3, 10.3)."""
    field = CommandField(request.command_field)
    response = CommandSet(
        field.response,
        affected_sop_class_uid=request.sop_class_uid or None,
        message_id_being_responded_to=request.message_id,
        command_data_set_type=DATA_SET if has_data_set else NO_DATA_SET,
        status=status.code,
        offending_element=status.offending or None,
        error_comment=error_comment(status.comment) or None,
    )
    if field not in _WITHOUT_INSTANCE:
        response.affected_sop_instance_uid = request.sop_instance_uid or None
    response.event_type_id = request.event_type_id
    response.action_type_id = request.action_type_id
    return response


_WITHOUT_INSTANCE = frozenset(
    (CommandField.C_ECHO_RQ, CommandField.C_FIND_RQ, CommandField.C_GET_RQ, CommandField.C_MOVE_RQ)
)


def error_comment(text: str) -> str:
    """Error Comment (0000,0902): one line of at most 64 characters of the default repertoire."""
    plain = " ".join(text.split()).encode("ascii", "replace").decode("ascii").replace("\\", "/")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[:MAX_COMMENT].rstrip()


def _demand_what_answers_need(command: CommandSet) -> None:
    """Without these there is neither a service nor a message to answer."""
    try:
        field = CommandField(command.command_field)
    except ValueError:
        raise MalformedCommand(f"command field 0x{command.command_field:04X} is unknown") from None
    is_answer = not field.is_request or field is CommandField.C_CANCEL_RQ
    if (command.message_id_being_responded_to if is_answer else command.message_id) is None:
        raise MalformedCommand(f"{field.operation} without a message identifier")
    if not field.is_request and command.status is None:
        raise MalformedCommand(f"the answer to {field.operation} has no status")


def _encode_value(kind: str, value: object) -> bytes:
    match kind:
        case "US":
            assert isinstance(value, int)
            return value.to_bytes(2, "little")
        case "AT":
            assert isinstance(value, tuple)
            return struct.pack(f"<{2 * len(value)}H", *(half for tag in value for half in (tag >> 16, tag & 0xFFFF)))
        case _:
            assert isinstance(value, str)
            return _text(value, b"\0" if kind == "UI" else b" ")


@lru_cache(maxsize=1024)
def _text(value: str, padding: bytes) -> bytes:
    """Cached: the same few SOP classes and titles come again and again."""
    raw = value.encode("ascii", "replace")
    return raw + padding if len(raw) & 1 else raw


def _decode_value(kind: str, raw: bytes, tag: int) -> object:
    match kind:
        case "US" if len(raw) == 2:
            return int.from_bytes(raw, "little")
        case "AT" if not len(raw) % 4:
            halves = struct.unpack(f"<{len(raw) // 2}H", raw)
            return tuple(group << 16 | element for group, element in zip(halves[::2], halves[1::2], strict=True))
        case "US" | "AT":
            raise MalformedCommand(f"element (0000,{tag:04X}) has a value of {len(raw)} bytes")
        case _:
            return raw.decode("ascii", "replace").strip(" \0")
