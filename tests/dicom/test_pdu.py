"""PDUs against pynetdicom's encoding and decoding, and bytes that no one should send."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import build_context, build_role
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from ris_pacs.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    InvalidPdu,
    ProposedContext,
    Role,
    UserIdentity,
    UserInformation,
)

CT, FIND = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
REQUEST = AssociateRequest(
    calling="CT1",
    called="RISPACS",
    contexts=(ProposedContext(1, CT, (IMPLICIT, EXPLICIT)), ProposedContext(3, FIND, (IMPLICIT,))),
    user=UserInformation(
        max_pdu=32768,
        implementation_uid="1.2.3.4",
        implementation_version="SCANNER_1",
        operations_window=(1, 1),
        roles={CT: Role(scu=True, scp=True)},
        extended={FIND: b"\1\1\0\1"},
    ),
)


def theirs() -> A_ASSOCIATE:
    """REQUEST as pynetdicom's primitive."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = "CT1", "RISPACS"
    contexts = [build_context(CT, [IMPLICIT, EXPLICIT]), build_context(FIND, [IMPLICIT])]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    primitive.presentation_context_definition_list = contexts
    length, uid, version = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        ImplementationVersionNameNotification(),
    )
    length.maximum_length_received = 32768
    uid.implementation_class_uid = "1.2.3.4"
    version.implementation_version_name = "SCANNER_1"
    window, extended = AsynchronousOperationsWindowNegotiation(), SOPClassExtendedNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 1
    extended.sop_class_uid, extended.service_class_application_information = FIND, b"\1\1\0\1"
    role = build_role(CT, scu_role=True, scp_role=True)
    primitive.user_information = [length, uid, window, role, version, extended]
    return primitive


def test_a_request_of_pynetdicom_is_understood() -> None:
    pdu = A_ASSOCIATE_RQ(theirs())
    decoded = AssociateRequest.decode(pdu.encode()[6:])
    assert decoded.fixed[:32] == b"RISPACS         CT1             "
    assert AssociateRequest(**{**vars(decoded), "fixed": b""}) == REQUEST


def test_pynetdicom_understands_our_request() -> None:
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(REQUEST.encode())
    assert pdu == A_ASSOCIATE_RQ(theirs())


def test_user_identity_is_kept_without_its_passcode() -> None:
    primitive = theirs()
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.positive_response_requested = 2, True
    identity.primary_field, identity.secondary_field = b"jane", b"secret"
    primitive.user_information += [identity]
    raw = A_ASSOCIATE_RQ(primitive).encode()
    assert b"secret" in raw
    user = AssociateRequest.decode(raw[6:]).user
    assert user.identity == UserIdentity(2, True, b"jane")
    assert "secret" not in repr(user)


def test_pynetdicom_understands_our_acceptance() -> None:
    user = UserInformation(16384, "1.2.3", "OURS", (1, 1), {CT: Role(True, False)}, {FIND: b"\1\0\0\0"})
    fixed = b"RISPACS         CT1             " + bytes(32)
    accept = AssociateAccept((AnsweredContext(1, 0, EXPLICIT), AnsweredContext(3, 4, IMPLICIT)), user, fixed=fixed)
    pdu = A_ASSOCIATE_AC()
    pdu.decode(accept.encode())
    assert pdu.encode() == accept.encode()
    first, second = pdu.presentation_context
    assert (first.context_id, first.result, first.transfer_syntax) == (1, 0, EXPLICIT)
    assert (second.context_id, second.result) == (3, 4)
    assert (pdu.reserved_aet, pdu.reserved_aec) == ("RISPACS", "CT1")


def test_an_acceptance_comes_back_as_it_was() -> None:
    accept = AssociateAccept((AnsweredContext(1, 0, EXPLICIT), AnsweredContext(3, 3, "")), fixed=bytes(64))
    assert AssociateAccept.decode(accept.encode()[6:]) == accept


@pytest.mark.parametrize("reject", [AssociateReject(1, 1, 3), AssociateReject(2, 3, 2)])
def test_rejections_agree_with_pynetdicom(reject: AssociateReject) -> None:
    pdu = A_ASSOCIATE_RJ()
    pdu.decode(reject.encode())
    assert (pdu.result, pdu.source, pdu.reason_diagnostic) == (reject.result, reject.source, reject.reason)
    assert AssociateReject.decode(pdu.encode()[6:]) == reject


def test_rejections_say_why_in_words() -> None:
    assert AssociateReject(1, 1, 7).words == "called AE title not recognized"
    assert AssociateReject(2, 3, 2).words == "local limit exceeded (transient)"
    assert AssociateReject(1, 9, 9).words == "source 9, reason 9"


def test_aborts_agree_with_pynetdicom() -> None:
    pdu = A_ABORT_RQ()
    pdu.decode(Abort(2, 6).encode())
    assert (pdu.source, pdu.reason_diagnostic) == (2, 6)
    assert Abort.decode(pdu.encode()[6:]) == Abort(2, 6)


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def body(*items: bytes) -> bytes:
    return struct.pack(">H2x", 1) + b"RISPACS".ljust(16) + b"CT1".ljust(16) + bytes(32) + b"".join(items)


GOOD = item(0x20, b"\1\0\0\0" + item(0x30, CT.encode()) + item(0x40, IMPLICIT.encode()))


def test_items_that_are_not_known_are_skipped() -> None:
    """PS3.8 9.3.1; pynetdicom 3 fails here."""
    unknown = item(0x99, b"from the future")
    user = item(0x50, item(0x51, b"\0\0\x40\0") + item(0x7F, b"?"))
    request = AssociateRequest.decode(body(unknown, GOOD, unknown, user))
    assert [context.abstract_syntax for context in request.contexts] == [CT]
    assert request.user.max_pdu == 16384


def test_padding_of_uids_is_forgiven() -> None:
    padded = item(0x20, b"\1\0\0\0" + item(0x30, CT.encode() + b"\0") + item(0x40, IMPLICIT.encode() + b" "))
    (context,) = AssociateRequest.decode(body(padded)).contexts
    assert context == ProposedContext(1, CT, (IMPLICIT,))


def test_titles_are_fit_for_a_log_line() -> None:
    raw = body(GOOD).replace(b"CT1 ", b"\x1b[\xff\n")
    assert AssociateRequest.decode(raw).calling == "?[??"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\0\1", id="shorter than the mandatory fields"),
        pytest.param(body(b"\x20\0"), id="item header cut off"),
        pytest.param(body(b"\x20\0\xff\xff\1"), id="item longer than the PDU"),
        pytest.param(body(item(0x20, b"\1\0")), id="context item cut off"),
        pytest.param(body(GOOD.replace(b"\1\0\0\0", b"\2\0\0\0")), id="even context identifier"),
        pytest.param(body(GOOD, GOOD), id="context proposed twice"),
        pytest.param(body(item(0x20, b"\1\0\0\0" + item(0x40, b"1.2"))), id="context without abstract syntax"),
        pytest.param(body(item(0x20, b"\1\0\0\0" + item(0x30, b"1.2"))), id="context without transfer syntax"),
        pytest.param(
            body(item(0x20, b"\1\0\0\0" + item(0x30, b"1.2") + item(0x40, b"1.2") * 300)), id="300 transfer syntaxes"
        ),
        pytest.param(body(item(0x10, b"\xff\xfe")), id="UID that is not ASCII"),
        pytest.param(body(item(0x10, b"1" * 65)), id="UID of 65 characters"),
        pytest.param(body(item(0x50, item(0x51, b"\0"))), id="maximum length of one byte"),
        pytest.param(body(item(0x50, item(0x54, b"\0\x401.2"))), id="role selection shorter than its UID"),
        pytest.param(body(item(0x50, item(0x58, b"\1\1"))), id="user identity cut off"),
    ],
)
def test_malformed_requests_are_invalid_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(InvalidPdu):
        AssociateRequest.decode(raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_requests_decode_or_are_invalid(data: st.DataObject) -> None:
    raw = bytearray(REQUEST.encode()[6:])
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    for decode in (AssociateRequest.decode, AssociateAccept.decode):
        with suppress(InvalidPdu):
            decode(bytes(raw))


def test_a_title_of_17_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        AssociateRequest("X" * 17, "RISPACS", ()).encode()
