"""The reading room of a test: exams whose images are complete, and what its people do to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ris_pacs.accounts.service import Confirmation
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.reporting import queries
from ris_pacs.reporting.models import ReportVersion
from ris_pacs.reporting.service import amend, claims, drafts, sign
from ris_pacs.reporting.service.claims import Opened
from tests import practice
from tests.archive.objects import of_exam, store
from tests.conftest import StoppedClock

TEXT = {"findings": "Lungs clear.", "impression": "No acute change."}


@dataclass
class Room:
    system: System
    clock: StoppedClock
    starts: datetime

    def exam(self, procedure: str = "CTCHEST", images: int = 2, priority: str = "routine", **person: object):
        """One to be read, of a patient of its own."""
        with unit_of_work(self.system) as uow:
            patient = practice.a_patient(uow, **person)  # type: ignore[arg-type]
            order = practice.an_order(uow, patient, procedure, priority=priority)
            self.starts += timedelta(days=1)
            booked = practice.book(uow, order, self.starts, f"{procedure[:2]}1")
        store(self.system, *(of_exam(self.system, booked, number) for number in range(1, images + 1)))
        with unit_of_work(self.system) as uow:
            for move in (Move.PERFORM, Move.COMPLETE):
                move_exam(uow, booked.exam_id, move, PROGRAM)
        return booked

    def state(self, exam_id: int) -> str:
        with read_only(self.system) as uow:
            order = orders.exam_order(uow, exam_id, PROGRAM)
            return next(exam.state for exam in order.exams if exam.id == exam_id)

    def open(self, exam_id: int, actor: Actor) -> Opened:
        with unit_of_work(self.system) as uow:
            return claims.open_case(uow, exam_id, actor)

    def save(self, opened: Opened, actor: Actor, revision: int | None = None, **sections: str) -> drafts.Saved:
        seen = opened.revision if revision is None else revision
        with unit_of_work(self.system) as uow:
            return drafts.autosave(uow, drafts.Draft(opened.page, seen, sections), actor)

    def written(self, exam_id: int, actor: Actor, **sections: str) -> tuple[Opened, int]:
        """Opened and with a text; the page and the revision that it has seen."""
        opened = self.open(exam_id, actor)
        return opened, self.save(opened, actor, **{**TEXT, **sections}).revision

    def confirmation(self, actor: Actor) -> Confirmation:
        assert actor.id is not None
        return Confirmation(actor.id, self.clock.now)

    def sign(self, opened: Opened, revision: int, actor: Actor, kind: str = "final", *accepted: str) -> ReportVersion:
        asked = sign.Signature(opened.page, revision, self.confirmation(actor), frozenset(accepted))
        with unit_of_work(self.system) as uow:
            verb = sign.sign_final if kind == "final" else sign.sign_preliminary
            return verb(uow, asked, actor)

    def final(self, exam_id: int, actor: Actor, **sections: str) -> ReportVersion:
        opened, revision = self.written(exam_id, actor, **sections)
        return self.sign(opened, revision, actor)

    def seen(self, exam_id: int, actor: Actor, number: int = 1) -> amend.Seen:
        with read_only(self.system) as uow:
            patient_id = orders.exam_order(uow, exam_id, actor).patient_id
        return amend.Seen(exam_id, patient_id, number, self.confirmation(actor))

    def text(self, exam_id: int) -> queries.Text:
        with read_only(self.system) as uow:
            report = queries.live_report(uow, exam_id)
            assert report is not None
            return queries.current_text(uow, report.id)

    def shown(self, exam_id: int, actor: Actor) -> queries.Shown | None:
        with read_only(self.system) as uow:
            return queries.shown_report(uow, exam_id, actor)
