"""Living through the plan: each moment by the service that a person, a station or the EMR would have called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ris_pacs.accounts import queries as accounts
from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service import complete, link
from ris_pacs.archive.service.store import ReceivedObject, store_object
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import doctors
from ris_pacs.demo import emr, office
from ris_pacs.demo.people import Person
from ris_pacs.demo.pictures import Painter, Picture, seeded_uids
from ris_pacs.demo.plan import IMAGE_LOST, Fate, PlannedExam
from ris_pacs.demo.practice import DOCTORS
from ris_pacs.demo.reading import ReadingRoom
from ris_pacs.demo.station import WITHOUT_MPPS, begun_step, step_uid, taken_over
from ris_pacs.hl7.handlers import Handler, Peer
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel import marks
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import Move, may_move
from ris_pacs.orders.service import change
from ris_pacs.orders.service.place import Diagnosis, NewOrder, place_order
from ris_pacs.patients import queries as patients
from ris_pacs.patients.service.register import Registration, register_patient
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.service import booking, desk
from ris_pacs.worklist import queries as performed
from ris_pacs.worklist import service as worklist

RECONCILED_AFTER = timedelta(hours=26)
QUIET = timedelta(minutes=31)


class MovingClock:
    """A system's clock that stands where the player puts it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass(order=True)
class _Moment:
    at: datetime
    number: int
    exam: PlannedExam = field(compare=False)
    act: Callable[[PlannedExam, Order | None], None] = field(compare=False)


class Player:
    """Plays planned exams up to an instant. What has been done before is left as it is, so that playing a day
    again only adds what is missing.

    places: whether a planned exam that has no order yet gets one.
    """

    def __init__(
        self,
        system: System,
        clock: MovingClock,
        receive: Handler,
        painter: Painter,
        places: Callable[[PlannedExam], bool],
    ) -> None:
        self._system, self._clock, self._receive, self._painter = system, clock, receive, painter
        self._places = places
        self._drawn: dict[str, Future[list[ReceivedObject]]] = {}
        with read_only(system) as uow:
            mark = marks.get(uow, marks.DEMO) or {}
            self._site = catalog.sites(uow)[0]
            self._zone = ZoneInfo(self._site.zone)
            self._desk = acting(uow, Role.FRONTDESK)
            self._technologist = acting(uow, Role.TECHNOLOGIST)
            self._readers = ReadingRoom(system, acting(uow, Role.RADIOLOGIST), acting(uow, Role.RESIDENT))
            self._rooms = {room.name: room.id for room in catalog.rooms(uow, self._site.id)}
            self._devices = {one.ae_title: one.id for one in catalog.devices(uow)}
            self._emr = catalog.partner(uow, emr.APPLICATION, emr.FACILITY)
        self._evenings: set[datetime] = set()
        self._orders: dict[str, int] = dict(mark.get("orders", {}))
        self._patients: dict[str, int] = dict(mark.get("people", {}))

    def play(self, exams: Iterable[PlannedExam], now: datetime) -> None:
        """Every moment of these exams up to now, in the order of time."""
        self._until = now
        moments = [moment for moment in self._moments(self._concerned(exams)) if moment.at <= now]
        moments.sort()
        self._draw_ahead(moments)
        for moment in moments:
            self._clock.at = moment.at
            order = self._order_of(moment.exam)
            if order is not None or moment.act == self._place:
                moment.act(moment.exam, order)
        self._forget_unsent()

    def _forget_unsent(self) -> None:
        """Pictures that were drawn and have not been sent by now; a later run draws the same ones again."""
        drawn = [one for exam in self._drawn.values() for one in exam.result()]
        with read_only(self._system) as uow:
            filed = archive.received_of(uow, [one.instance.sop_instance_uid for one in drawn])
        for one in drawn:
            if one.instance.sop_instance_uid not in filed:
                self._system.blobs.delete(one.object_key)
        self._drawn.clear()

    def _concerned(self, exams: Iterable[PlannedExam]) -> list[PlannedExam]:
        """Those that have an order, or are to get one."""
        found = []
        with read_only(self._system) as uow:
            for exam in exams:
                if exam.key not in self._orders and exam.by_emr and self._emr is not None:
                    known = orders.by_placer_number(uow, exam.key, self._emr.order_issuer_id)
                    if known is not None:
                        self._orders[exam.key] = known.id
                if exam.key in self._orders or self._places(exam):
                    found.append(exam)
        return found

    def _moments(self, exams: Iterable[PlannedExam]) -> Iterator[_Moment]:
        for number, exam in enumerate(exams):
            for at, act in self._story(exam):
                yield _Moment(at, number, exam, act)

    def _story(self, exam: PlannedExam) -> Iterator[tuple[datetime, Callable[[PlannedExam, Order | None], None]]]:
        yield exam.placed, self._place
        if exam.fate is Fate.HELD:
            yield exam.placed + timedelta(minutes=10), self._hold
        if exam.starts is None or exam.moments is None:
            yield exam.placed + timedelta(hours=36), self._cancel
            return
        if exam.by_emr:  # Others are booked while they are on the telephone.
            yield exam.placed + timedelta(minutes=9), self._book
        moments = exam.moments
        if exam.fate is Fate.MISSED:
            yield exam.starts + timedelta(minutes=40), self._miss
        elif exam.fate is Fate.CANCELLED:
            yield exam.placed + (exam.starts - exam.placed) * 0.7, self._cancel
        else:
            yield moments.arrives, self._arrive
            if exam.fate is Fate.LEFT:
                yield moments.begins + timedelta(minutes=25), self._leave
                return
            yield moments.begins, self._begin
            if exam.fate is Fate.STOPPED:
                yield moments.half, self._stop
                return
            yield moments.half, self._send_half
            yield moments.ends, self._end
            yield moments.ends + QUIET, self._look_for_quiet
            yield from self._evening(moments.ends)
            complete = moments.ends + QUIET
            if exam.oddity:
                complete += RECONCILED_AFTER
                yield moments.ends + RECONCILED_AFTER, self._reconcile
                yield complete, self._look_for_quiet
            yield from self._readers.story(exam, complete, self._until)

    # --- finding

    def _order_of(self, exam: PlannedExam) -> Order | None:
        order_id = self._orders.get(exam.key)
        if order_id is None:
            return None
        with read_only(self._system) as uow:
            return orders.order(uow, order_id, PROGRAM)

    # --- the desk and the EMR

    def _place(self, exam: PlannedExam, order: Order | None) -> None:
        if order is not None:
            return
        if exam.by_emr:
            self._receive(emr.new_order(exam, self._clock.at, self._zone), Peer("127.0.0.1", 0, "demo"))
            self._concerned([exam])
            self._begin_drawing(exam, self._order_of(exam))
            return
        with unit_of_work(self._system) as uow:
            order = place_order(uow, self._new_order(uow, exam), self._desk)
            self._orders[exam.key] = order.id
            self.remember(uow)
            self._book_in(uow, exam, order)
        self._begin_drawing(exam, order)

    def remember(self, uow: UnitOfWork, **facts: object) -> None:
        """Who and what the plan's people and keys have become in this database."""
        known = marks.get(uow, marks.DEMO) or {}
        marks.put(uow, marks.DEMO, {**known, "orders": dict(self._orders), "people": dict(self._patients), **facts})

    def _new_order(self, uow: UnitOfWork, exam: PlannedExam) -> NewOrder:
        procedure = catalog.procedure_by_code(uow, exam.procedure.code)
        assert procedure is not None
        doctor = doctors.find_or_add_practitioner(uow, DOCTORS[exam.doctor], self._desk)
        return NewOrder(
            self.patient(uow, exam.person),
            procedure.id,
            self._site.id,
            laterality=exam.laterality,
            priority=exam.priority,
            referrer_id=doctor.id,
            diagnoses=(Diagnosis(exam.reason.icd),),
            question=exam.reason.question,
            study_instance_uid=seeded_uids(f"study {exam.key}")(),
        )

    def patient(self, uow: UnitOfWork, person: Person) -> int:
        """The person's record, made at the first visit."""
        key = str(person.number)
        if key not in self._patients:
            request = Registration(person.facts, self._site.id, somebody_else=True)
            self._patients[key] = register_patient(uow, request, self._desk).id
        return self._patients[key]

    def _hold(self, exam: PlannedExam, order: Order | None) -> None:
        if order is not None and may_move(order.exams[0].state, Move.HOLD):
            with unit_of_work(self._system) as uow:
                change.hold_order(uow, order.id, "Prior authorisation is missing", self._desk)

    def _cancel(self, exam: PlannedExam, order: Order | None) -> None:
        if order is not None and may_move(order.exams[0].state, Move.CANCEL):
            with unit_of_work(self._system) as uow:
                change.cancel_order(uow, order.id, "Patient called: went elsewhere", self._desk)

    def _book(self, exam: PlannedExam, order: Order | None) -> None:
        if order is not None:
            with unit_of_work(self._system) as uow:
                self._book_in(uow, exam, order)

    def _book_in(self, uow: UnitOfWork, exam: PlannedExam, order: Order) -> None:
        if exam.starts is None or not may_move(order.exams[0].state, Move.BOOK):
            return
        row = scheduling.steps_of_exams(uow, [order.exams[0].id], self._desk)[0]
        if row.starts_at is None:
            room = self._rooms[exam.room]
            reason = exam.overbook_reason or "the doctor asked for this time"
            booking.book(uow, booking.Booking(row.id, room, exam.starts, overbook_reason=reason), self._desk)

    def _miss(self, exam: PlannedExam, order: Order | None) -> None:
        self._at_desk(order, Move.MISS, desk.mark_no_show)

    def _arrive(self, exam: PlannedExam, order: Order | None) -> None:
        self._at_desk(order, Move.CHECK_IN, desk.check_in)
        if order is not None:
            with unit_of_work(self._system) as uow:
                office.take_card(uow, order.patient_id, exam.person, self._desk)

    def _evening(self, at: datetime) -> Iterator[tuple[datetime, Callable[[PlannedExam, Order | None], None]]]:
        """Once for each day with exams."""
        evening = at.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0) + office.EVENING
        if evening not in self._evenings:
            self._evenings.add(evening)
            yield evening, lambda _exam, _order: office.close_books(self._system)
            yield evening + office.ANSWERED_AFTER, lambda _exam, _order: office.payers_answer(self._system)

    def _leave(self, exam: PlannedExam, order: Order | None) -> None:
        self._at_desk(order, Move.LEAVE, desk.mark_left)

    def _at_desk(self, order: Order | None, move: Move, act: Callable[[UnitOfWork, int, Actor], None]) -> None:
        if order is not None and may_move(order.exams[0].state, move):
            with unit_of_work(self._system) as uow:
                act(uow, order.exams[0].id, self._desk)

    # --- the station

    def _begin(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or not may_move(order.exams[0].state, Move.BEGIN):
            return
        self._begin_drawing(exam, order)
        if exam.procedure.modality == "ES":
            with unit_of_work(self._system) as uow:
                worklist.begin_by_hand(uow, order.exams[0].id, self._technologist)
        elif exam.procedure.modality not in WITHOUT_MPPS:
            subject = self._subject(exam, order)
            with unit_of_work(self._system) as uow:
                if performed.by_sop_instance(uow, step_uid(exam)) is None:
                    worklist.begin_step(uow, begun_step(exam, subject, self._devices[exam.room]), self._station(exam))

    def _send_half(self, exam: PlannedExam, order: Order | None) -> None:
        drawn = self._pictures(exam)
        self._file(exam, drawn[: len(drawn) // 2])

    def _end(self, exam: PlannedExam, order: Order | None) -> None:
        drawn = self._pictures(exam)
        if not drawn or order is None:
            return
        self._file(exam, drawn[:-1] if exam.oddity == IMAGE_LOST else drawn)
        if exam.procedure.modality == "ES":
            if may_move(order.exams[0].state, Move.PERFORM):
                with unit_of_work(self._system) as uow:
                    worklist.finish_by_hand(uow, order.exams[0].id, self._technologist)
                    complete.complete_by_hand(uow, order.exams[0].id, self._technologist)
        elif exam.procedure.modality not in WITHOUT_MPPS:
            self._report_end(exam, drawn, "completed", "")

    def _stop(self, exam: PlannedExam, order: Order | None) -> None:
        drawn = self._pictures(exam)
        first = drawn[: max(1, len(drawn) // 3)] if drawn else []
        self._file(exam, first)
        if exam.procedure.modality not in WITHOUT_MPPS and drawn:
            self._report_end(exam, first, "discontinued", "110513 Discontinued for unspecified reason")

    def _report_end(self, exam: PlannedExam, sent: list[ReceivedObject], state: str, reason: str) -> None:
        listed: dict[str, list[tuple[str, str]]] = {}
        for one in sent:
            objects = listed.setdefault(one.series.series_instance_uid, [])
            objects.append((one.instance.sop_class_uid, one.instance.sop_instance_uid))
        update = worklist.StepUpdate(
            step_uid(exam),
            state,
            self._clock.at,
            reason,
            series=tuple(worklist.ListedSeries(uid, tuple(objects)) for uid, objects in listed.items()),
        )
        with unit_of_work(self._system) as uow:
            begun = performed.by_sop_instance(uow, step_uid(exam))
            if begun is not None and begun.state == "in progress":
                worklist.update_step(uow, update, self._station(exam))

    def _look_for_quiet(self, exam: PlannedExam, order: Order | None) -> None:
        if exam.procedure.modality in WITHOUT_MPPS or exam.oddity:
            assert order is not None
            with unit_of_work(self._system) as uow:
                complete.end_when_quiet(uow, order.exams[0].id)

    def _reconcile(self, exam: PlannedExam, order: Order | None) -> None:
        """A technologist has seen in the inbox whose pictures they are, or has sent what was lost."""
        drawn = self._pictures(exam)
        if not drawn or order is None:
            return
        self._file(exam, drawn)
        study_uid = drawn[0].study.study_instance_uid
        with unit_of_work(self._system) as uow:
            for case in inbox.open_cases(uow, self._technologist):
                if case.study.study_instance_uid == study_uid:
                    link.link_by_person(uow, case.study.id, order.exams[0].id, self._technologist)
                    break

    # --- pictures

    def _draw_ahead(self, moments: list[_Moment]) -> None:
        """Exams ordered at an earlier run whose pictures are due."""
        for moment in moments:
            if moment.act == self._send_half:
                order = self._order_of(moment.exam)
                if order is not None and may_move(order.exams[0].state, Move.BEGIN):
                    self._begin_drawing(moment.exam, order)

    def _begin_drawing(self, exam: PlannedExam, order: Order | None) -> None:
        if order is None or exam.key in self._drawn or exam.fate not in (Fate.DONE, Fate.STOPPED):
            return
        if exam.moments is None or exam.moments.half > self._until:
            return
        self._drawn[exam.key] = self._painter.paint(
            Picture(
                self._subject(exam, order),
                exam.procedure.modality,
                exam.procedure.body_part,
                exam.key,
                self._devices[exam.room],
                fewer=exam.moments.ends < self._until - timedelta(hours=20),
            )
        )

    def _pictures(self, exam: PlannedExam) -> list[ReceivedObject]:
        drawn = self._drawn.get(exam.key)
        return drawn.result() if drawn is not None else []

    def _file(self, exam: PlannedExam, objects: list[ReceivedObject]) -> None:
        """Objects that are filed already are known and change nothing."""
        with unit_of_work(self._system) as uow:
            for one in objects:
                store_object(uow, one, self._station(exam))

    def _subject(self, exam: PlannedExam, order: Order) -> Subject:
        with read_only(self._system) as uow:
            patient = patients.rows(uow, [order.patient_id], PROGRAM)[order.patient_id]
            step = scheduling.steps_of_exams(uow, [order.exams[0].id], PROGRAM)[0]
        return taken_over(exam, order, patient, step.identifier, self._zone)

    def _station(self, exam: PlannedExam) -> Actor:
        return Actor("device", exam.room, Role.SYSTEM, self._devices[exam.room], f"demo {exam.key}")


def acting(uow: UnitOfWork, role: Role) -> Actor:
    """The demo account of this role, at work."""
    user = accounts.user_by_email(uow, f"{role}@demo.example")
    assert user is not None
    return Actor("user", user.name, role, user.id, "demo")
