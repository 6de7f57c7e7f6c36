"""Command sets of every DIMSE message, against pynetdicom's encoding and decoding."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pynetdicom.dimse_messages import _COMMAND_SET_KEYWORDS

from ris_pacs.dicom.handlers import Status
from ris_pacs.dicom.messages import (
    DATA_SET,
    NO_DATA_SET,
    CommandField,
    CommandSet,
    MalformedCommand,
    error_comment,
    response_to,
)

# A value for every command element, by pydicom's keyword, and where our CommandSet keeps it.
VALUES: dict[str, tuple[object, str]] = {
    "AffectedSOPClassUID": ("1.2.840.10008.5.1.4.1.1.2", "affected_sop_class_uid"),
    "RequestedSOPClassUID": ("1.2.840.10008.3.1.2.3.3", "requested_sop_class_uid"),
    "MessageID": (7, "message_id"),
    "MessageIDBeingRespondedTo": (65535, "message_id_being_responded_to"),
    "MoveDestination": ("VIEWER", "move_destination"),
    "Priority": (2, "priority"),
    "CommandDataSetType": (DATA_SET, "command_data_set_type"),
    "Status": (0xB000, "status"),
    "OffendingElement": ([0x00100010, 0x0020000D], "offending_element"),
    "ErrorComment": ("not today", "error_comment"),
    "ErrorID": (3, "error_id"),
    "AffectedSOPInstanceUID": ("1.2.3.4.5", "affected_sop_instance_uid"),
    "RequestedSOPInstanceUID": ("1.2.3.4.56", "requested_sop_instance_uid"),
    "EventTypeID": (2, "event_type_id"),
    "AttributeIdentifierList": ([0x00100010, 0x7FE00010], "attribute_identifier_list"),
    "ActionTypeID": (1, "action_type_id"),
    "NumberOfRemainingSuboperations": (10, "remaining_sub_operations"),
    "NumberOfCompletedSuboperations": (20, "completed_sub_operations"),
    "NumberOfFailedSuboperations": (0, "failed_sub_operations"),
    "NumberOfWarningSuboperations": (1, "warning_sub_operations"),
    "MoveOriginatorApplicationEntityTitle": ("WORKSTATION", "move_originator_title"),
    "MoveOriginatorMessageID": (8, "move_originator_message_id"),
}


def theirs(message: str) -> tuple[bytes, CommandSet]:
    """The message with all its elements as pydicom writes it, and as our value."""
    field = CommandField[message.replace("-", "_")]
    dataset, ours = Dataset(), CommandSet(field)
    for keyword in _COMMAND_SET_KEYWORDS[message]:
        if keyword in VALUES:
            value, attribute = VALUES[keyword]
            setattr(dataset, keyword, value)
            setattr(ours, attribute, tuple(value) if isinstance(value, list) else value)
    dataset.CommandField = int(field)
    body = written(dataset)
    return b"\0\0\0\0\4\0\0\0" + len(body).to_bytes(4, "little") + body, ours


def written(dataset: Dataset) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = True, True
    write_dataset(out, dataset)
    return out.getvalue()


@pytest.mark.parametrize("message", sorted(_COMMAND_SET_KEYWORDS))
def test_every_message_round_trips_with_pynetdicoms_elements(message: str) -> None:
    raw, ours = theirs(message)
    assert ours.encode() == raw
    assert CommandSet.decode(raw) == ours
    back = read_dataset(BytesIO(ours.encode()), is_implicit_VR=True, is_little_endian=True)
    assert back.CommandGroupLength == len(raw) - 12


def test_every_message_of_the_standard_is_there() -> None:
    assert {field.name.replace("_", "-") for field in CommandField} == set(_COMMAND_SET_KEYWORDS)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\0\0\0\1\2", "cut off"),
        (bytes.fromhex("1000 1000 02000000 4141"), "does not belong"),
        (bytes.fromhex("0000 0001 ff000000 0100"), "does not belong"),
        (bytes.fromhex("0000 0001 04000000 30000000"), "4 bytes"),
        (bytes.fromhex("0000 0109 06000000 000000000000"), "6 bytes"),
        (CommandSet(0x1234, message_id=1).encode(), "unknown"),
        (CommandSet(CommandField.C_ECHO_RQ).encode(), "without a message identifier"),
        (CommandSet(CommandField.C_CANCEL_RQ, message_id=1).encode(), "without a message identifier"),
        (CommandSet(CommandField.C_ECHO_RSP, message_id_being_responded_to=1).encode(), "no status"),
        (b"", "unknown"),
    ],
)
def test_malformed_commands_say_what_is_wrong(raw: bytes, words: str) -> None:
    with pytest.raises(MalformedCommand, match=words):
        CommandSet.decode(raw)


def test_an_element_without_value_is_absent() -> None:
    empty = bytes.fromhex("0000 0110 00000000") + bytes.fromhex("0000 0109 00000000")
    command = CommandSet.decode(CommandSet(CommandField.N_CREATE_RQ, "1.2", message_id=1).encode() + empty)
    assert (command.affected_sop_instance_uid, command.offending_element) == (None, None)


def test_retired_elements_are_skipped() -> None:
    retired = bytes.fromhex("0000 0050 02000000 4142")  # (0000,5000)
    raw = CommandSet(CommandField.C_ECHO_RQ, "1.2.840.10008.1.1", message_id=1).encode() + retired
    assert CommandSet.decode(raw).message_id == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_commands_decode_or_are_malformed(data: st.DataObject) -> None:
    raw = bytearray(theirs(data.draw(st.sampled_from(sorted(_COMMAND_SET_KEYWORDS))))[0])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MalformedCommand):
        CommandSet.decode(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


def test_a_response_repeats_what_the_request_said() -> None:
    request = CommandSet(
        CommandField.C_STORE_RQ,
        "1.2.840.10008.5.1.4.1.1.2",
        message_id=9,
        command_data_set_type=DATA_SET,
        affected_sop_instance_uid="1.2.3",
    )
    response = response_to(request, Status(0xA700, "disk is full", (0x00100010,)))
    assert response == CommandSet(
        CommandField.C_STORE_RSP,
        "1.2.840.10008.5.1.4.1.1.2",
        message_id_being_responded_to=9,
        command_data_set_type=NO_DATA_SET,
        status=0xA700,
        offending_element=(0x00100010,),
        error_comment="disk is full",
        affected_sop_instance_uid="1.2.3",
    )


def test_the_response_to_a_request_on_a_requested_class_affects_it() -> None:
    request = CommandSet(
        CommandField.N_SET_RQ, requested_sop_class_uid="1.2", message_id=1, requested_sop_instance_uid="1.2.3"
    )
    response = response_to(request, Status(0))
    assert (response.affected_sop_class_uid, response.affected_sop_instance_uid) == ("1.2", "1.2.3")
    assert response.requested_sop_class_uid is None


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain", "plain"),
        ("two\nlines and a\ttab", "two lines and a tab"),
        ("Größe \\ 山田", "Gr??e / ??"),
        ("x" * 100, "x" * 64),
        ("\x1b[31m", "?[31m"),
    ],
)
def test_error_comments_are_one_line_of_64_ascii_characters(text: str, sent: str) -> None:
    assert error_comment(text) == sent


def test_operations_have_the_standards_names() -> None:
    assert CommandField.N_EVENT_REPORT_RSP.operation == "N-EVENT-REPORT"
    assert CommandField.C_MOVE_RQ.operation == "C-MOVE"
    assert CommandField.C_MOVE_RQ.response is CommandField.C_MOVE_RSP
