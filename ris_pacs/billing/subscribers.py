"""What billing does when exams move and when facts about a patient change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ris_pacs.billing.models import ChargeCase, Claim
from ris_pacs.billing.rules.charging import Part
from ris_pacs.billing.rules.states import BEFORE_SENDING, CaseState
from ris_pacs.billing.service import again, charging
from ris_pacs.billing.service.check import check_claims
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.orders import queries as orders
from ris_pacs.orders.events import ExamMoved
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients import queries as patients
from ris_pacs.patients.events import CoverageChanged, PatientChanged

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

log = structlog.get_logger()

_READ = (Part.PROFESSIONAL, Part.GLOBAL)


def exam_moved(uow: UnitOfWork, event: ExamMoved, actor: Actor) -> None:
    """Charges follow the exam, in a savepoint: whatever fails is recorded and tried again, and the exam moves on."""
    exam_id = event.requested_procedure_id
    if event.to_state in (ExamState.PERFORMED, ExamState.FINAL):
        _try_to_charge(uow, exam_id, actor)
    elif event.from_state == ExamState.FINAL:
        charging.reverse_exam(uow, exam_id, _READ, "The final report was taken back.", actor)
        _try_to_charge(uow, exam_id, actor)
    elif event.to_state == ExamState.DISCONTINUED:
        _put(uow, exam_id, CaseState.DECIDE, charging.WAS_BROKEN_OFF, actor)


def _try_to_charge(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    try:
        with uow.savepoint():
            charging.charge_exam(uow, exam_id, actor)
    except OperationalError:  # The database's own trouble: the whole transaction begins again.
        raise
    except DomainError as problem:  # A rule, a fee or who bills is missing: setting it up tries again.
        _put(uow, exam_id, CaseState.FAILED, problem.message, actor)
    except Exception as problem:
        log.exception("charge rules failed", exam=exam_id)
        reason = f"The charge rules broke: {type(problem).__name__}: {problem}"
        _put(uow, exam_id, CaseState.FAILED, reason, actor)
        again.try_again_later(uow)


def _put(uow: UnitOfWork, exam_id: int, state: CaseState, reason: str, actor: Actor) -> None:
    site_id = orders.exam_order(uow, exam_id, PROGRAM).site_id
    charging.put_case(uow, exam_id, site_id, state, actor, reason)


def charge_again(uow: UnitOfWork, payload: Any) -> None:
    """The job: exams that could not be charged, while nobody has decided about them."""
    failed = ChargeCase.state == CaseState.FAILED
    query = (
        select(ChargeCase.requested_procedure_id)
        .where(failed, ChargeCase.requested_procedure_id > payload["after"])
        .order_by(ChargeCase.requested_procedure_id)
        .limit(again.AT_ONCE)
    )
    waiting = uow.session.scalars(query).all()
    for exam_id in waiting:
        _try_to_charge(uow, exam_id, PROGRAM)
    if len(waiting) == again.AT_ONCE:
        again.try_again_soon(uow, after=waiting[-1])


def patient_changed(uow: UnitOfWork, event: PatientChanged, actor: Actor) -> None:
    _look_again(uow, event.patient_id, actor)


def coverage_changed(uow: UnitOfWork, event: CoverageChanged, actor: Actor) -> None:
    _look_again(uow, event.patient_id, actor)


def _look_again(uow: UnitOfWork, patient_id: int, actor: Actor) -> None:
    """At the claims of the patient that are still here."""
    ids = patients.linked_ids(uow, patient_id)
    query = select(Claim.id).where(Claim.patient_id.in_(ids), Claim.state.in_(BEFORE_SENDING))
    claims = uow.session.scalars(query).all()
    if claims:
        check_claims(uow, claims, actor)
