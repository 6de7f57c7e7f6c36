"""What each role may do. The least that its work needs; every route and every service names one right."""

from __future__ import annotations

from enum import StrEnum

from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.errors import Forbidden


class Right(StrEnum):
    PATIENT_VIEW = "patient.view"
    PATIENT_EDIT = "patient.edit"
    PATIENT_CORRECT = "patient.correct"
    ORDER_VIEW = "order.view"
    ORDER_PLACE = "order.place"
    ORDER_CANCEL = "order.cancel"
    SCHEDULE_VIEW = "schedule.view"
    SCHEDULE_BOOK = "schedule.book"
    CHECK_IN = "check-in"
    EXAM_VIEW = "exam.view"
    EXAM_PERFORM = "exam.perform"
    BOARD_VIEW = "board.view"
    STUDY_VIEW = "study.view"
    IMAGES_VIEW = "images.view"
    STUDY_STORE = "study.store"
    RECONCILE = "reconcile"
    READ_EXAMS = "reading"
    REPORT_VIEW = "report.view"
    REPORT_WRITE = "report.write"
    REPORT_SIGN = "report.sign"
    COVERAGE_EDIT = "coverage.edit"
    BILLING_VIEW = "billing.view"
    BILLING_EDIT = "billing.edit"
    PORTAL = "portal"
    MESSAGES_VIEW = "messages.view"
    MESSAGES_MEND = "messages.mend"
    MANAGE_VIEW = "manage.view"
    AUDIT_VIEW = "audit.view"
    ADMIN = "admin"


_LOOK = {Right.PATIENT_VIEW, Right.ORDER_VIEW, Right.EXAM_VIEW, Right.BOARD_VIEW}
# A study with what its objects say, and the images alone.
_IMAGES = {Right.STUDY_VIEW, Right.IMAGES_VIEW}
_READ = {Right.SCHEDULE_VIEW, Right.READ_EXAMS, Right.REPORT_VIEW, Right.REPORT_WRITE}
_DESK = _LOOK | {
    Right.PATIENT_EDIT,
    Right.PATIENT_CORRECT,
    Right.COVERAGE_EDIT,
    Right.ORDER_PLACE,
    Right.ORDER_CANCEL,
    Right.SCHEDULE_VIEW,
    Right.SCHEDULE_BOOK,
    Right.CHECK_IN,
}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.FRONTDESK: frozenset(_DESK | {Right.MESSAGES_VIEW}),
    Role.TECHNOLOGIST: frozenset(
        _DESK | _IMAGES | {Right.EXAM_PERFORM, Right.STUDY_STORE, Right.RECONCILE, Right.MESSAGES_VIEW}
    ),
    # Who reads is who sees that the pictures are of somebody else: the link is theirs to undo.
    Role.RADIOLOGIST: frozenset(_LOOK | _IMAGES | _READ | {Right.REPORT_SIGN, Right.RECONCILE}),
    # Writes and signs as preliminary; what is final an attending has signed.
    Role.RESIDENT: frozenset(_LOOK | _IMAGES | _READ),
    # Payers refuse claims for a missing birth date or street: who mends the claim mends those too.
    Role.BILLER: frozenset(
        {Right.PATIENT_VIEW, Right.PATIENT_CORRECT, Right.COVERAGE_EDIT, Right.ORDER_VIEW, Right.EXAM_VIEW}
        | {Right.BILLING_VIEW, Right.BILLING_EDIT}
    ),
    # Exams that a grant opens, each with its order, pictures and final report; not the patient's whole record.
    Role.REFERRER: frozenset({Right.ORDER_VIEW, Right.EXAM_VIEW, Right.REPORT_VIEW} | _IMAGES),
    # Images of exams whose result is released (FEATURES.md I1): archive.queries.visible_studies.
    Role.PATIENT: frozenset({Right.PORTAL, Right.IMAGES_VIEW}),
    # Numbers and who did what; no pictures, no reading, no messages.
    Role.MANAGER: frozenset(_LOOK | {Right.SCHEDULE_VIEW, Right.BILLING_VIEW, Right.MANAGE_VIEW, Right.AUDIT_VIEW}),
    Role.ADMIN: frozenset(
        _LOOK
        | _IMAGES
        | {Right.SCHEDULE_VIEW, Right.MESSAGES_VIEW, Right.MESSAGES_MEND, Right.AUDIT_VIEW, Right.ADMIN}
        | {Right.RECONCILE, Right.STUDY_STORE, Right.MANAGE_VIEW}
    ),
    # Devices, partners, tokens of machines and the program itself.
    Role.SYSTEM: frozenset(
        (_DESK | _IMAGES | {Right.EXAM_PERFORM, Right.STUDY_STORE}) - {Right.BOARD_VIEW, Right.COVERAGE_EDIT}
    ),
}


def may(actor: Actor, right: Right) -> bool:
    return right in RIGHTS[actor.role]


def demand(actor: Actor, right: Right) -> None:
    """Raises Forbidden when the actor's role does not carry the right."""
    if not may(actor, right):
        raise Forbidden(f"The role {actor.role} may not do this ({right}).")
