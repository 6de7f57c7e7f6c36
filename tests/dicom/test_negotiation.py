"""What is accepted of a request, in which transfer syntax and role."""

from __future__ import annotations

import pytest
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import build_context
from pynetdicom.presentation import negotiate_as_acceptor

from ris_pacs.dicom.exchange import Context
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.negotiation import MESSAGE_SYNTAXES, negotiate
from ris_pacs.dicom.pdu import AssociateAccept, AssociateRequest, ProposedContext, Role, UserIdentity, UserInformation
from ris_pacs.dicom.sop_classes import VERIFICATION

from .peers import COMMITMENT, CT, STUDY_FIND, STUDY_GET, WORKLIST, Finder, MemoryStore, Normalizer, Retriever

IMPLICIT, EXPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
)
JPEG, HTJ2K = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.201"
FINDER = Finder(lambda request: iter(()))
SERVICES = Services(
    store=MemoryStore(),
    storage_classes=frozenset([CT]),
    find={STUDY_FIND: FINDER, WORKLIST: FINDER},
    retrieve={STUDY_GET: Retriever(lambda request: NotImplemented)},
    normalized={COMMITMENT: Normalizer()},
    extended={STUDY_FIND: b"\1\0\1"},
)


def ask(
    *contexts: tuple[str, list[str]], services: Services = SERVICES, **user: object
) -> tuple[AssociateAccept, list[Context]]:
    proposed = tuple(ProposedContext(2 * n + 1, uid, tuple(syntaxes)) for n, (uid, syntaxes) in enumerate(contexts))
    information = UserInformation(**user)
    accept, accepted = negotiate(AssociateRequest("CT1", "RISPACS", proposed, information), services, 32768)
    return accept, list(accepted.values())


@pytest.mark.parametrize("syntax", AllTransferSyntaxes, ids=lambda uid: uid.name)
def test_storage_takes_every_transfer_syntax_of_the_standard(syntax: str) -> None:
    _, (context,) = ask((CT, [syntax]))
    assert context == Context(1, CT, syntax, as_scu=False, as_scp=True)


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([JPEG, EXPLICIT, IMPLICIT], JPEG),
        ([IMPLICIT, JPEG], IMPLICIT),
        (["1.2.3.4.5", HTJ2K], HTJ2K),
        (["1.2.3.4.5"], None),
    ],
)
def test_storage_prefers_what_the_sender_named_first(proposed: list[str], chosen: str | None) -> None:
    accept, accepted = ask((CT, proposed))
    assert [context.transfer_syntax for context in accepted] == ([chosen] if chosen else [])
    assert accept.contexts[0].result == (0 if chosen else 4)


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([IMPLICIT, EXPLICIT, BIG, DEFLATED], EXPLICIT),
        ([IMPLICIT, BIG], IMPLICIT),
        ([DEFLATED, BIG], BIG),
        ([DEFLATED], DEFLATED),
        ([JPEG], None),
    ],
)
@pytest.mark.parametrize("uid", [VERIFICATION, WORKLIST, COMMITMENT])
def test_messages_prefer_explicit_little_endian(uid: str, proposed: list[str], chosen: str | None) -> None:
    accept, accepted = ask((uid, proposed))
    assert [context.transfer_syntax for context in accepted] == ([chosen] if chosen else [])
    assert accept.contexts[0].result == (0 if chosen else 4)


def test_what_is_not_served_is_refused_and_the_rest_taken() -> None:
    accept, accepted = ask(("1.2.3", [EXPLICIT]), (CT, [EXPLICIT]), (VERIFICATION, ["1.2.3"]))
    assert [(answer.id, answer.result) for answer in accept.contexts] == [(1, 3), (3, 0), (5, 4)]
    assert [context.id for context in accepted] == [3]


def test_an_archive_without_store_takes_no_images() -> None:
    accept, _ = ask((CT, [EXPLICIT]), services=Services(storage_classes=frozenset([CT])))
    assert accept.contexts[0].result == 1


@pytest.mark.parametrize(
    ("proposed", "agreed"),
    [
        (Role(scu=True, scp=True), Role(scu=True, scp=True)),
        (Role(scu=False, scp=True), Role(scu=False, scp=True)),
        (Role(scu=True, scp=False), Role(scu=True, scp=False)),
    ],
)
def test_a_requestor_may_be_scp_of_storage_for_c_get(proposed: Role, agreed: Role) -> None:
    accept, (context,) = ask((CT, [EXPLICIT]), roles={CT: proposed})
    assert accept.user.roles == {CT: agreed}
    assert (context.as_scu, context.as_scp) == (agreed.scp, agreed.scu)


def test_no_role_is_given_that_was_not_asked_for() -> None:
    accept, (context,) = ask((CT, [EXPLICIT]))
    assert accept.user.roles == {}
    assert (context.as_scu, context.as_scp) == (False, True)


def test_a_requestor_without_any_role_is_refused_the_context() -> None:
    accept, _ = ask((CT, [EXPLICIT]), roles={CT: Role(scu=False, scp=False)})
    assert accept.contexts[0].result == 1
    accept, _ = ask((WORKLIST, [EXPLICIT]), roles={WORKLIST: Role(scu=False, scp=True)})
    assert accept.contexts[0].result == 1


def test_an_archive_may_report_commitment_to_us() -> None:
    accept, (context,) = ask((COMMITMENT, [EXPLICIT]), roles={COMMITMENT: Role(scu=True, scp=True)})
    assert accept.user.roles == {COMMITMENT: Role(scu=True, scp=True)}
    assert context.as_scp


def test_extended_flags_are_those_asked_for_and_honoured() -> None:
    accept, _ = ask(
        (STUDY_FIND, [EXPLICIT]),
        (WORKLIST, [EXPLICIT]),
        extended={STUDY_FIND: b"\1\1\0\1", WORKLIST: b"\1\1\1", "1.2.3": b"\1"},
    )
    assert accept.user.extended == {STUDY_FIND: b"\1\0\0\0", WORKLIST: b"\0\0\0"}


def test_storage_answers_level_2_without_coercion() -> None:
    accept, _ = ask((CT, [EXPLICIT]), extended={CT: b"\2\0\3\0\1\0"})
    assert accept.user.extended == {CT: b"\2\0\0\0\0\0"}


def test_one_operation_at_a_time() -> None:
    assert ask((CT, [EXPLICIT]), operations_window=(0, 0))[0].user.operations_window == (1, 1)
    assert ask((CT, [EXPLICIT]))[0].user.operations_window is None


def test_an_identity_that_is_not_verified_is_not_confirmed() -> None:
    accept, _ = ask((CT, [EXPLICIT]), identity=UserIdentity(2, True, b"jane"))
    assert b"jane" not in accept.encode() if accept.fixed else accept.user.identity is None


def test_it_agrees_with_pynetdicom_where_pynetdicom_has_the_same_rules() -> None:
    asked = [(CT, [EXPLICIT, IMPLICIT]), (WORKLIST, [IMPLICIT, EXPLICIT]), ("1.2.3", [EXPLICIT]), (STUDY_FIND, [JPEG])]
    requested = [build_context(uid, syntaxes) for uid, syntaxes in asked]
    for number, context in enumerate(requested):
        context.context_id = 2 * number + 1
    supported = [build_context(uid, list(MESSAGE_SYNTAXES)) for uid in (CT, WORKLIST, STUDY_FIND)]
    theirs, _ = negotiate_as_acceptor(requested, supported)
    ours, _ = ask(*asked)
    assert [(answer.id, answer.result) for answer in ours.contexts] == [
        (context.context_id, context.result) for context in theirs
    ]
    assert [answer.transfer_syntax for answer in ours.contexts if not answer.result] == [
        context.transfer_syntax[0] for context in theirs if not context.result
    ]
