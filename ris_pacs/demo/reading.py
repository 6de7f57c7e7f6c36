"""Reading in the demo practice, by the services that the reading room uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from ris_pacs.accounts.service import Confirmation
from ris_pacs.demo.plan import PlannedExam
from ris_pacs.demo.reports import BEGUN_BEFORE, PlannedReport, plain_report, plan_report
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.uow import System, UnitOfWork, unit_of_work
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients import queries as patients
from ris_pacs.reporting import queries
from ris_pacs.reporting.rules.checks import SEVERITIES
from ris_pacs.reporting.rules.text import is_empty
from ris_pacs.reporting.service import amend, claims, drafts, sign

Act = Callable[[PlannedExam, Order | None], None]


class ReadingRoom:
    """Reads planned exams. What a person has begun to read, or has signed, is left alone."""

    def __init__(self, system: System, attending: Actor, resident: Actor) -> None:
        self._system, self._attending, self._resident = system, attending, resident

    def story(self, exam: PlannedExam, complete: datetime, until: datetime) -> Iterator[tuple[datetime, Act]]:
        """until: the present; what is read by then was never seen half-written, so it is written in one go."""
        plan = plan_report(exam, complete)
        if plan.read > until:
            yield plan.read - BEGUN_BEFORE, self._begin
        yield plan.read, self._read
        if plan.by_resident:
            yield plan.signed, self._sign
        if plan.addendum:
            yield plan.signed + timedelta(hours=19), self._add

    def _who(self, exam: PlannedExam, first: bool) -> Actor:
        """Each exam is a sitting of its own: nobody's page takes the say from another's."""
        by_resident = plan_report(exam, exam.placed).by_resident
        return replace(self._resident if first and by_resident else self._attending, occasion=f"demo {exam.key}")

    def _begin(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or order.exams[0].state != ExamState.TO_READ:
            return
        actor = self._who(exam, first=True)
        with unit_of_work(self._system) as uow:
            if self._is_free(uow, order, actor):
                opened = claims.open_case(uow, order.exams[0].id, actor)
                sections = {**self._plan(uow, exam, order).first, "impression": ""}
                drafts.autosave(uow, drafts.Draft(opened.page, opened.revision, sections), actor)

    def _read(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or order.exams[0].state not in (ExamState.TO_READ, ExamState.READING):
            return
        actor = self._who(exam, first=True)
        with unit_of_work(self._system) as uow:
            plan = self._plan(uow, exam, order)
            begun = {**plan.first, "impression": ""}
            if plan.by_resident:
                self._write_and_sign(uow, order, plan.first, begun, actor, sign.sign_preliminary)
            else:
                self._write_and_sign(uow, order, plan.sections, begun, actor, sign.sign_final)

    def _sign(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or order.exams[0].state != ExamState.PRELIMINARY:
            return
        with unit_of_work(self._system) as uow:
            plan = self._plan(uow, exam, order)
            actor = self._who(exam, first=False)
            self._write_and_sign(uow, order, plan.sections, plan.first, actor, sign.sign_final)

    def read_plainly(self, order: Order) -> None:
        """An exam that nobody planned: the attending finds nothing and signs."""
        exam = order.exams[0]
        sections = plain_report(exam.procedure.code, exam.laterality, order.question)
        actor = replace(self._attending, occasion=f"demo order {order.id}")
        with unit_of_work(self._system) as uow:
            self._write_and_sign(uow, order, sections, sections, actor, sign.sign_final)

    def _write_and_sign(
        self,
        uow: UnitOfWork,
        order: Order,
        sections: dict[str, str],
        before: dict[str, str],
        actor: Actor,
        verb: Callable[[UnitOfWork, sign.Signature, Actor], object],
    ) -> None:
        exam_id = order.exams[0].id
        if not self._is_free(uow, order, actor):
            return
        opened = claims.open_case(uow, exam_id, actor)
        if not is_empty(opened.sections) and opened.sections != before:
            claims.release(uow, exam_id, actor)  # A person has written here.
            return
        saved = drafts.autosave(uow, drafts.Draft(opened.page, opened.revision, sections), actor)
        accepted = frozenset(str(check) for check in SEVERITIES)
        verb(uow, sign.Signature(opened.page, saved.revision, self._confirmed(uow, actor), accepted), actor)

    def _add(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or order.exams[0].state != ExamState.FINAL:
            return
        exam_id, actor = order.exams[0].id, self._who(exam, first=False)
        with unit_of_work(self._system) as uow:
            report = queries.live_report(uow, exam_id)
            signed = queries.signed_versions(uow, report.id) if report else []
            if signed and signed[-1].kind == "final" and signed[-1].number is not None:
                seen = amend.Seen(exam_id, order.patient_id, signed[-1].number, self._confirmed(uow, actor))
                addendum = plan_report(exam, exam.placed).addendum
                amend.add_addendum(uow, amend.Addendum(seen, addendum), actor)

    @staticmethod
    def _is_free(uow: UnitOfWork, order: Order, actor: Actor) -> bool:
        reader = queries.readers_of(uow, [order.exams[0].id], actor).get(order.exams[0].id)
        return reader is None or reader.mine or reader.lapsed

    @staticmethod
    def _confirmed(uow: UnitOfWork, actor: Actor) -> Confirmation:
        assert actor.id is not None
        return Confirmation(actor.id, uow.now)

    def _plan(self, uow: UnitOfWork, exam: PlannedExam, order: Order) -> PlannedReport:
        return plan_report(exam, uow.now, self._comparison(uow, order))

    def _comparison(self, uow: UnitOfWork, order: Order) -> str:
        ids = patients.linked_ids(uow, order.patient_id)
        known = queries.latest_of_patient(uow, ids, order.exams[0].id, self._attending, limit=1)
        return ", ".join(f"{row.title}, {one.signed_at:%-d %b %Y}" for row, one in known) + ("." if known else "")
