"""What is to happen in the demo practice on a day: a pure function of the date."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from ris_pacs.catalog.service.setup import PROCEDURES_FILE
from ris_pacs.demo.people import Person, Reason, people, reasons, suits
from ris_pacs.demo.practice import DOCTORS, LUNCH, STATIONS
from ris_pacs.scheduling.rules import at_local

OPENS, CLOSES = 7 * 60, 19 * 60 + 30
LUNCH_MINUTES = 45
TYPED, WRONG_PATIENT, IMAGE_LOST = "typed by hand", "wrong patient chosen", "an image is lost"
NIGHT_ROOMS = ("CT1", "DX1")


class Fate(StrEnum):
    """How an exam ends."""

    DONE = "done"
    MISSED = "no-show"
    CANCELLED = "cancelled"
    LEFT = "left"
    STOPPED = "discontinued"
    WAITING = "waits for a time"
    HELD = "on hold"


@dataclass(frozen=True)
class PlannedExam:
    """One order and what becomes of it. Instants are aware, in UTC.

    key: the same at every run. rank: 0 to 1; an exam of low rank takes place also in a thin plan.
    oddity: "" or what goes wrong with the pictures: one of TYPED, WRONG_PATIENT, IMAGE_LOST.
    """

    key: str
    rank: float
    person: Person
    procedure: Procedure
    laterality: str
    priority: str
    reason: Reason
    doctor: int
    fate: Fate
    placed: datetime
    room: str = ""
    starts: datetime | None = None
    overbook_reason: str = ""
    moments: Moments | None = None
    oddity: str = ""

    @property
    def by_emr(self) -> bool:
        return bool(self.person.emr_number)


@dataclass(frozen=True)
class Moments:
    arrives: datetime
    begins: datetime
    half: datetime
    ends: datetime


@dataclass(frozen=True)
class Procedure:
    """A line of our catalogue."""

    code: str
    modality: str
    name: str
    body_part: str
    paired: bool
    minutes: int


@cache
def procedures() -> dict[str, tuple[Procedure, ...]]:
    """By modality."""
    found: dict[str, tuple[Procedure, ...]] = {}
    with PROCEDURES_FILE.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            one = Procedure(
                line["code"],
                line["modality"],
                line["name"],
                line["body_part"],
                line["laterality"] == "paired",
                int(line["minutes"]),
            )
            found[one.modality] = (*found.get(one.modality, ()), one)
    return found


def plan_day(day: date, zone: ZoneInfo) -> list[PlannedExam]:
    """Every room's day, and the orders of that morning that wait for a time."""
    planner = _Planner(day, zone)
    booked = [exam for station in STATIONS for exam in planner.room(station)]
    return [*booked, *planner.waiting()]


def plan_night(day: date, zone: ZoneInfo, now: datetime) -> list[PlannedExam]:
    """Urgent exams around an hour at which the practice is closed, so that there is something to see."""
    local = now.astimezone(zone)
    if OPENS + 30 <= local.hour * 60 + local.minute <= CLOSES - 60:
        return []
    planner = _Planner(day, zone, salt=f"night {local.hour}")
    return list(planner.night(now))


def plan_priors(today: date, zone: ZoneInfo) -> list[PlannedExam]:
    """What people of today's plan had months and years ago."""
    draw = random.Random(f"priors {today}")  # noqa: S311
    found = []
    candidates = [exam for exam in plan_day(today, zone) if exam.fate is Fate.DONE and exam.rank < 0.6]
    for number, exam in enumerate(draw.sample(candidates, min(22, len(candidates)))):
        day = today - timedelta(days=draw.randint(90, 900))
        planner = _Planner(day, zone, salt=f"prior {number}")
        found.append(planner.prior(f"P{number:02}", exam))
    return found


@dataclass
class _Planner:
    day: date
    zone: ZoneInfo
    salt: str = "day"
    draw: random.Random = field(init=False)
    seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.draw = random.Random(f"{self.day} {self.salt}")  # noqa: S311

    def at(self, minutes: float) -> datetime:
        return at_local(self.day, int(minutes), self.zone) + timedelta(seconds=round(minutes % 1 * 60))

    def room(self, station: str) -> Iterator[PlannedExam]:
        modality = station[:2]
        lunch = LUNCH[modality]
        cursor, free = OPENS + self.draw.choice((0, 15, 30)), 0.0
        number = 0
        while cursor < CLOSES - 15:
            procedure = self._procedure(modality)
            if cursor < lunch + LUNCH_MINUTES and cursor + procedure.minutes > lunch:
                cursor = lunch + LUNCH_MINUTES
                continue
            number += 1
            exam = self._exam(f"{self.day:%y%m%d}-{station}-{number:02}", procedure)
            oddity = self._oddity(station, number)
            fate = Fate.DONE if oddity else self._fate()
            exam = replace(exam, room=station, starts=self.at(cursor), fate=fate, oddity=oddity)
            if oddity:
                exam = replace(exam, rank=exam.rank * 0.8)
            if exam.rank < 0.85:
                moments, free = self._moments(cursor, procedure.minutes, free)
                exam = replace(exam, moments=moments)
            yield exam
            cursor += max(procedure.minutes + self.draw.choice((0, 0, 5, 15)), self.draw.choice((35, 45, 55, 70)))
            cursor += -cursor % 5

    def waiting(self) -> Iterator[PlannedExam]:
        """Orders that came in the last hours and have no time yet."""
        for number in range(9):
            procedure = self._procedure(self.draw.choice(("CT", "MR", "MR", "US", "DX", "MG", "NM")))
            exam = self._exam(f"{self.day:%y%m%d}-W{number}", procedure)
            placed = self.at(-self.draw.randint(7 * 60, 16 * 60) if number < 6 else self.draw.randint(420, 660))
            yield replace(exam, rank=0.5, fate=Fate.HELD if number == 4 else Fate.WAITING, placed=placed)

    def night(self, now: datetime) -> Iterator[PlannedExam]:
        base = now.replace(second=0, microsecond=0) - timedelta(minutes=now.minute % 5)
        for station in NIGHT_ROOMS:
            for number, minutes in enumerate((-95, -55, -15, 20, 60)):
                starts = base + timedelta(minutes=minutes)
                exam = self._exam(f"{now:%y%m%d%H}-{station}-N{number}", self._procedure(station[:2]))
                begins = starts + timedelta(minutes=self.draw.uniform(0, 5))
                length = timedelta(minutes=exam.procedure.minutes)
                if minutes == -15:
                    length = max(length, timedelta(minutes=30))
                yield replace(
                    exam,
                    rank=0.0,
                    priority=self.draw.choice(("urgent", "stat")),
                    placed=starts - timedelta(minutes=self.draw.randint(20, 50)),
                    room=station,
                    starts=starts,
                    overbook_reason="night service",
                    moments=Moments(
                        starts - timedelta(minutes=self.draw.randint(9, 29)),
                        begins,
                        begins + length / 2,
                        begins + length,
                    ),
                )

    def prior(self, key: str, later: PlannedExam) -> PlannedExam:
        """An earlier exam of the same kind, not overlapping others: priors are booked off the rooms' plans."""
        begins = self.draw.randint(OPENS, CLOSES - 90)
        begins -= begins % 5
        moments, _ = self._moments(begins, later.procedure.minutes, 0)
        return replace(
            self._exam(key, later.procedure, later.person),
            rank=0.0,
            laterality=later.laterality,
            room=later.room,
            starts=self.at(begins),
            overbook_reason="taken over from the former system",
            moments=moments,
        )

    def _exam(self, key: str, procedure: Procedure, person: Person | None = None) -> PlannedExam:
        person = person or self._person(procedure)
        priority = self.draw.choices(("routine", "urgent", "stat"), (86, 10, 4))[0]
        days = 0 if priority == "stat" else self.draw.randint(1, 12)
        placed = self.at(-days * 1440 + self.draw.randint(8 * 60, 17 * 60)) if days else self.at(OPENS - 20)
        return PlannedExam(
            key=key,
            rank=self.draw.random(),
            person=person,
            procedure=procedure,
            laterality=self.draw.choice("RL") if procedure.paired else "",
            priority=priority,
            reason=self.draw.choice(reasons()[procedure.code]),
            doctor=self.draw.choice((0, 0, *range(len(DOCTORS)))),
            fate=Fate.DONE,
            placed=placed,
        )

    def _procedure(self, modality: str) -> Procedure:
        known = procedures()[modality]
        return self.draw.choices(known, [2.0 if index % 3 == 0 else 1.0 for index in range(len(known))])[0]

    def _person(self, procedure: Procedure) -> Person:
        """Somebody whom the exam suits; twice on one day only when there is nobody else."""
        suited: Sequence[Person] = [one for one in people() if suits(one, procedure.code, self.day)]
        fresh = [one for one in suited if one.number not in self.seen]
        chosen = self.draw.choice(fresh or suited)
        self.seen.add(chosen.number)
        return chosen

    def _fate(self) -> Fate:
        fates = (Fate.DONE, Fate.MISSED, Fate.CANCELLED, Fate.LEFT, Fate.STOPPED)
        return self.draw.choices(fates, (88, 4, 5, 1, 2))[0]

    @staticmethod
    def _oddity(station: str, number: int) -> str:
        """What goes wrong with pictures happens every day, so that there is something to reconcile."""
        return {("CR1", 4): TYPED, ("CR1", 9): TYPED, ("US1", 3): WRONG_PATIENT, ("MR1", 3): IMAGE_LOST}.get(
            (station, number), ""
        )

    def _moments(self, starts: int, minutes: int, free: float) -> tuple[Moments, float]:
        """A patient comes early, waits for the one before, and is done sooner than planned as a rule."""
        arrives = starts - self.draw.uniform(3, 22)
        begins = max(starts + self.draw.uniform(-2, 8), free + 2)
        ends = begins + max(4.0, minutes * self.draw.uniform(0.55, 0.95))
        return Moments(self.at(arrives), self.at(begins), self.at((begins + ends) / 2), self.at(ends)), ends
