"""The acceptor's answer to an association request (PS3.8 9.3.3, PS3.7 Annex D.3)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import (
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ris_pacs.dicom.exchange import Context
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.pdu import (
    AnsweredContext,
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    Role,
    UserInformation,
)
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

# For what is decoded here, best first; of a storage class the requestor's first known one is taken.
MESSAGE_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
STORAGE_SYNTAXES = frozenset(AllTransferSyntaxes)
UNCOMPRESSED = frozenset(MESSAGE_SYNTAXES)

_STORAGE_EXTENDED = bytes((2, 0, 0, 0, 0, 0))  # PS3.4 B.3.1: level 2 SCP, nothing coerced
_DEFAULT_ROLE = Role(scu=True, scp=False)  # PS3.7 D.3.3.4, where none is selected


def negotiate(
    request: AssociateRequest, services: Services, max_pdu: int
) -> tuple[AssociateAccept, dict[int, Context]]:
    """The answer, and the contexts it accepts by their identifier.

    User identity gets no answer: that is what PS3.7 D.3.3.7 provides for an acceptor that does not
    verify it. Common extended negotiation has none in the standard.
    """
    answers, accepted = [], {}
    for proposed in request.contexts:
        role = request.user.roles.get(proposed.abstract_syntax, _DEFAULT_ROLE)
        answer, context = _answer(proposed, role, services)
        answers.append(answer)
        if context:
            accepted[context.id] = context
    user = UserInformation(
        max_pdu=max_pdu,
        implementation_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version=IMPLEMENTATION_VERSION,
        operations_window=(1, 1) if request.user.operations_window else None,
        roles=_agreed_roles(request, accepted.values()),
        extended=_agreed_extended(request, accepted.values(), services),
    )
    return AssociateAccept(tuple(answers), user, request.application_context, fixed=request.fixed), accepted


def _answer(proposed: ProposedContext, role: Role, services: Services) -> tuple[AnsweredContext, Context | None]:
    uid = proposed.abstract_syntax
    offer = _offered_role(uid, services)
    if not offer:
        return _refused(proposed, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED), None
    transfer_syntax = _choose_syntax(proposed, is_storage=uid in services.storage_classes)
    if not transfer_syntax:
        return _refused(proposed, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED), None
    as_scp, as_scu = role.scu and offer.scu, role.scp and offer.scp  # roles are the requestor's
    if not (as_scp or as_scu):
        return _refused(proposed, ContextResult.USER_REJECTION), None
    answer = AnsweredContext(proposed.id, ContextResult.ACCEPTED, transfer_syntax)
    return answer, Context(proposed.id, uid, transfer_syntax, as_scu=as_scu, as_scp=as_scp)


def _refused(proposed: ProposedContext, result: ContextResult) -> AnsweredContext:
    return AnsweredContext(proposed.id, result, proposed.transfer_syntaxes[0])


def _offered_role(uid: str, services: Services) -> Role | None:
    """What the requestor may be for a SOP class: None, where it is not served at all.

    A requestor is SCP of storage classes during C-GET, and of classes whose events it reports to us.
    """
    if uid in services.storage_classes:
        return Role(scu=services.store is not None, scp=bool(services.retrieve))
    if uid in services.normalized:
        return Role(scu=True, scp=True)
    if uid == VERIFICATION or uid in services.find or uid in services.retrieve:
        return Role(scu=True, scp=False)
    return None


def _choose_syntax(proposed: ProposedContext, *, is_storage: bool) -> str | None:
    if is_storage:
        known = (syntax for syntax in proposed.transfer_syntaxes if syntax in STORAGE_SYNTAXES)
    else:
        known = (str(syntax) for syntax in MESSAGE_SYNTAXES if syntax in proposed.transfer_syntaxes)
    return next(known, None)


def _agreed_roles(request: AssociateRequest, accepted: Iterable[Context]) -> dict[str, Role]:
    """PS3.7 D.3.3.4: answered only where the requestor selected, and never more than it proposed."""
    return {
        context.abstract_syntax: Role(scu=context.as_scp, scp=context.as_scu)
        for context in accepted
        if context.abstract_syntax in request.user.roles
    }


def _agreed_extended(request: AssociateRequest, accepted: Iterable[Context], services: Services) -> dict[str, bytes]:
    """PS3.7 D.3.3.5: what was asked for and is honoured, flag by flag; everything else is 0."""
    agreed = {}
    for uid in {context.abstract_syntax for context in accepted}:
        asked = request.user.extended.get(uid)
        if asked is None:
            continue
        if uid in services.storage_classes:
            agreed[uid] = _STORAGE_EXTENDED
        elif uid in services.find or uid in services.retrieve:
            honoured = services.extended.get(uid, b"").ljust(len(asked), b"\0")
            agreed[uid] = bytes(flag & ours for flag, ours in zip(asked, honoured, strict=False))
    return agreed
