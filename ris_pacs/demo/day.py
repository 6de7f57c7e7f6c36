"""`demo day`: desk, modalities, a reader, an EMR and the office drive the running system through its day."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ris_pacs.archive.service.complete import complete_by_hand
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import devices
from ris_pacs.demo import emr, evening, office
from ris_pacs.demo.load import ZONE
from ris_pacs.demo.modality import Archive, CommitmentListener, Modality, Tally
from ris_pacs.demo.people import people, reasons, suits
from ris_pacs.demo.plan import Fate, PlannedExam, procedures
from ris_pacs.demo.play import acting
from ris_pacs.demo.practice import DOCTORS, STATIONS
from ris_pacs.demo.reading import ReadingRoom
from ris_pacs.demo.station import WITHOUT_MPPS
from ris_pacs.dicom.client import AssociationFailed
from ris_pacs.dicom.handlers import DimseFailure
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from ris_pacs.kernel.actor import OPERATOR, Role
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import ExamState, Move, may_move
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.service import desk
from ris_pacs.worklist import service as worklist

ORDERS_OF_THE_DAY = 12
MINUTES_BETWEEN_ORDERS = 9
MINUTES_BETWEEN_LOOKS = 3
MINUTES_BETWEEN_REPORTS = 4
SECONDS_FOR_RESULTS = 60.0
PATIENTS_WAITING = 2
SHORTEST_PAUSE = 0.2
AFTER_TROUBLE = 3.0


@dataclass(frozen=True)
class Running:
    """Where the running system listens."""

    archive: Archive
    hl7: tuple[str, int]


class Day:
    """Plays until every exam of today is done, or `stop` is set.

    speed: how many simulated minutes pass in one. tell: called with one line for each thing that happens.
    """

    def __init__(
        self, system: System, running: Running, speed: float, tell: Callable[[str], None], stop: threading.Event
    ) -> None:
        self._system, self._running, self._speed, self._tell, self._stop = system, running, speed, tell, stop
        self.tally = Tally()
        self.messages: Counter[str] = Counter()
        self.reports = 0
        self._expected: set[str] = set()
        self._busy: set[str] = set()
        self._ordering = True
        with read_only(system) as uow:
            self._site_id = catalog.sites(uow)[0].id
            self._desk = acting(uow, Role.FRONTDESK)
            self._technologist = acting(uow, Role.TECHNOLOGIST)
            self._reader = ReadingRoom(system, acting(uow, Role.RADIOLOGIST), acting(uow, Role.RESIDENT))
        self.hospital = evening.Hospital()

    def run(self) -> None:
        listener = CommitmentListener(self.tally)
        self._register(listener.port)
        evening.tell_where(self._system, self._site_id, self.hospital.port)
        workers = [threading.Thread(target=self._station, args=(title,), name=title) for title in STATIONS]
        workers.append(threading.Thread(target=self._emr, name="EMR"))
        workers.append(threading.Thread(target=self._read, name="reading room"))
        for one in workers:
            one.start()
        try:
            while not self._stop.is_set() and not self._over():
                self._guarded(self._check_in, "desk")
                self._pause(MINUTES_BETWEEN_LOOKS)
            self._wait_for_commitments()
            self._guarded(lambda: office.close_books(self._system), "office")
            self._wait_for_results()
        finally:
            self._stop.set()
            for one in workers:
                one.join()
            listener.close()
            self.hospital.close()

    def _register(self, port: int) -> None:
        """The simulated stations are where they say: reports of storage commitment go there."""
        with unit_of_work(self._system) as uow:
            for title in STATIONS:
                known = catalog.device(uow, title)
                facts = devices.DeviceFacts(
                    title,
                    name=known.name,
                    modality=known.modality,
                    room_id=known.room_id,
                    site_id=known.site_id,
                    host="127.0.0.1",
                    port=port,
                    sends_mpps=known.sends_mpps,
                )
                devices.change_device(uow, facts, OPERATOR)

    def _pause(self, minutes: float) -> bool:
        """Simulated minutes; true when the day is over."""
        return self._stop.wait(max(SHORTEST_PAUSE, minutes * 60 / self._speed))

    def _guarded(self, act: Callable[[], None], who: str) -> None:
        """A system that restarts, or somebody who was faster, does not end the day."""
        try:
            act()
        except (AssociationFailed, DimseFailure, DomainError, NotDelivered, OSError) as problem:
            self.tally.add(failures=1)
            self._tell(f"{who}: {problem}")
            self._stop.wait(AFTER_TROUBLE)

    # --- the desk

    def _today(self, uow: UnitOfWork) -> list[scheduling.StepRow]:
        day = local_date(self._system.clock(), ZONE)
        return scheduling.steps_of_day(uow, self._site_id, day, ZONE, self._desk)

    def _over(self) -> bool:
        with read_only(self._system) as uow:
            states = {row.exam.state for row in self._today(uow)}
        waiting = {ExamState.SCHEDULED, ExamState.ARRIVED, ExamState.TO_READ}
        return not (states & waiting or self._busy or self._ordering)

    def _check_in(self) -> None:
        """Each room has somebody waiting, as long as there are patients."""
        with unit_of_work(self._system) as uow:
            rows = self._today(uow)
            waiting = Counter(row.room for row in rows if row.exam.state == ExamState.ARRIVED)
            for row in sorted(rows, key=lambda one: (one.starts_at is None, one.starts_at)):
                if row.exam.state == ExamState.SCHEDULED and waiting[row.room] < PATIENTS_WAITING:
                    desk.check_in(uow, row.exam.id, self._desk)
                    waiting[row.room] += 1
                    self._tell(f"desk: {row.exam.accession_number} is here for {row.room}")

    # --- the rooms

    def _station(self, title: str) -> None:
        modality = Modality(
            title,
            title[:2],
            self._running.archive,
            ZONE,
            {one.code: one for one in procedures()[title[:2]]},
            self.tally,
            self._stop.wait,
        )
        while not self._stop.is_set():
            self._guarded(lambda: self._next_exam(modality), title)
            self._pause(MINUTES_BETWEEN_LOOKS)

    def _next_exam(self, modality: Modality) -> None:
        arrived = [
            item
            for item in modality.worklist(local_date(self._system.clock(), ZONE))
            if item.ScheduledProcedureStepSequence[0].get("ScheduledProcedureStepStatus") == "ARRIVED"
        ]
        if not arrived or self._stop.is_set():
            return
        item = arrived[0]
        accession = item.AccessionNumber
        self._busy.add(modality.title)
        try:
            self._tell(f"{modality.title}: begins {accession}")
            minutes = next(
                (one.minutes for one in modality.procedures.values() if one.name in item.RequestedProcedureDescription),
                20,
            )
            modality.perform(item, minutes * 0.7 * 60 / self._speed)
            if modality.kind in WITHOUT_MPPS:
                self._finish_by_hand(accession)
            self._tell(f"{modality.title}: has sent {accession}")
        finally:
            self._busy.discard(modality.title)

    def _finish_by_hand(self, accession: str) -> None:
        """Where the device reports nothing, the technologist does."""
        with unit_of_work(self._system) as uow:
            for order in orders.by_accession(uow, accession, self._technologist):
                for exam in order.exams:
                    if may_move(exam.state, Move.PERFORM):
                        worklist.finish_by_hand(uow, exam.id, self._technologist)
                        complete_by_hand(uow, exam.id, self._technologist)

    def _wait_for_commitments(self) -> None:
        for _ in range(100):
            if self.tally.committed >= self.tally.images or self._stop.wait(0.2):
                return

    # --- the reading room

    def _read(self) -> None:
        while not self._stop.is_set():
            self._guarded(self._read_one, "reading room")
            self._pause(MINUTES_BETWEEN_REPORTS)

    def _read_one(self) -> None:
        with read_only(self._system) as uow:
            today = {row.exam.accession_number for row in self._today(uow)}
        order = evening.read_next(self._system, self._reader, today)
        if order is not None:
            self.reports += 1
            if order.partner_id is not None:
                self._expected.add(order.accession_number)
            self._tell(f"reading room: has signed {order.accession_number}")

    def _wait_for_results(self) -> None:
        """Of what the hospital has ordered; the worker sends them."""
        for _ in range(int(SECONDS_FOR_RESULTS / SHORTEST_PAUSE)):
            if self._expected <= self.hospital.results or self._stop.wait(SHORTEST_PAUSE):
                return
        self.tally.add(failures=len(self._expected - self.hospital.results))

    # --- the EMR

    def _emr(self) -> None:
        with Connection(*self._running.hl7) as connection:
            for number in range(ORDERS_OF_THE_DAY):
                if self._pause(MINUTES_BETWEEN_ORDERS):
                    break
                self._guarded(lambda number=number: self._order(connection, number), "EMR")  # type: ignore[misc]
        self._ordering = False

    def _order(self, connection: Connection, number: int) -> None:
        """A new order for the next free time of today, or to be scheduled; now and then one is called off."""
        now = self._system.clock()
        exam = self._new_exam(number)
        with read_only(self._system) as uow:
            wanted = scheduling.SlotSearch(
                self._site_id, exam.procedure.modality, exam.procedure.minutes, local_date(now, ZONE), days=1
            )
            free = [slot.starts_at for slot in scheduling.free_slots(uow, wanted, 40) if slot.starts_at > now]
        self._send(connection, emr.new_order(exam, now, ZONE, starts=free[0] if free else None), f"orders {exam.key}")
        if number % 6 == 5:
            self._send(connection, emr.cancelled_order(exam, now, ZONE), f"calls off {exam.key}")

    def _send(self, connection: Connection, raw: bytes, what: str) -> None:
        answer = connection.send(raw).decode("utf-8", "replace")
        code = next((line.split("|")[1] for line in answer.split("\r") if line.startswith("MSA|")), "?")
        self.messages[code] += 1
        self._tell(f"EMR: {what}, answered {code}")

    def _new_exam(self, number: int) -> PlannedExam:
        now = self._system.clock()
        day = local_date(now, ZONE)
        draw = random.Random()  # noqa: S311
        procedure = draw.choice([one for kind in procedures().values() for one in kind])
        known = [one for one in people() if one.emr_number and suits(one, procedure.code, day)]
        return PlannedExam(
            key=f"{now:%y%m%d%H%M%S}-L{number}",
            rank=0.0,
            person=draw.choice(known or [one for one in people() if one.emr_number]),
            procedure=procedure,
            laterality=draw.choice("RL") if procedure.paired else "",
            priority=draw.choice(("routine", "routine", "urgent")),
            reason=draw.choice(reasons()[procedure.code]),
            doctor=draw.randrange(len(DOCTORS)),
            fate=Fate.DONE,
            placed=now,
        )
