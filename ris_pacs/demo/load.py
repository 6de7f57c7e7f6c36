"""`demo load`, and the filling up of the day at each start and each midnight."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from ris_pacs.bootstrap.mllp import build_receiver
from ris_pacs.catalog import queries as catalog
from ris_pacs.demo import emr, office
from ris_pacs.demo.people import people, suits
from ris_pacs.demo.pictures import Painter
from ris_pacs.demo.plan import Fate, PlannedExam, plan_day, plan_night, plan_priors
from ris_pacs.demo.play import MovingClock, Player, acting
from ris_pacs.demo.practice import DEMO_SITE, make_practice
from ris_pacs.hl7.handlers import Peer
from ris_pacs.kernel import marks
from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.errors import Conflict
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.patients import queries as patients
from ris_pacs.scheduling.service.emergency import Emergency, order_for_unknown

ZONE = ZoneInfo(DEMO_SITE.zone)
HOUR_OF_A_GIVEN_DAY = time(11, 0)
DAYS_BACK, DAYS_AHEAD = 6, 8
FOUNDED_BEFORE = timedelta(days=1200)
# How full a day is, counted from today: yesterday and before, today, the days to come.
PAST, TODAY, AHEAD = 0.06, 0.85, (0.45, 0.35, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08)
"""Shares of the slots of a full plan."""


class NotEmpty(Conflict):
    """Demo data go into an empty database only."""


def load(system: System, storage_url: str, day: date | None = None) -> list[str]:
    """Make the practice and its history in an empty database; an interrupted loading is taken up again.

    day: the date to be today, at eleven in the morning; None: now. The same day gives the same practice.
    Raises NotEmpty.
    """
    now = datetime.combine(day, HOUR_OF_A_GIVEN_DAY, ZONE).astimezone(UTC) if day else system.clock()
    today = local_date(now, ZONE)
    begun = monotonic()
    # Accounts and what they may see are older than the exams: on a given day the present is later than its eleven.
    with unit_of_work(replace(system, clock=MovingClock(now - FOUNDED_BEFORE))) as uow:
        mark = marks.get(uow, marks.DEMO)
        if (mark is None and patients.any_patient(uow)) or (mark is not None and "day" in mark):
            raise NotEmpty("This database is in use. The demo practice is loaded into an empty one only.")
        if mark is None:
            site_id, patient_id = make_practice(uow)
            office.open_office(uow, site_id)
            marks.put(uow, marks.DEMO, {"site_id": site_id, "people": {"0": patient_id}})
    exams = [*plan_priors(today, ZONE), *_days(today - timedelta(days=DAYS_BACK), today)]
    _play(system, storage_url, _for_patient_account(exams, today), now, today)
    _incidents(system, now, today)
    return [f"The demo practice is loaded, with {_days_word(today)} ({monotonic() - begun:.0f} s)."]


def fill_up(system: System, storage_url: str) -> list[str]:
    """Bring a loaded practice to the present day: what was left open ends, a new full day begins."""
    now = system.clock()
    today = local_date(now, ZONE)
    with read_only(system) as uow:
        mark = marks.get(uow, marks.DEMO)
    if mark is None or "day" not in mark:
        return []
    filled = date.fromisoformat(mark["day"])
    if filled >= today and not plan_night(today, ZONE, now):
        return []
    exams = _days(max(filled, today - timedelta(days=DAYS_BACK)), today) if filled < today else []
    _play(system, storage_url, exams, now, max(today, filled))
    return [f"The demo practice has {_days_word(today)}."]


def _play(system: System, storage_url: str, exams: list[PlannedExam], now: datetime, today: date) -> None:
    clock = MovingClock(now)
    system = replace(system, clock=clock)
    with Painter(storage_url) as painter:
        player = Player(system, clock, build_receiver(system).receive, painter, lambda exam: _is_done(exam, today))
        player.play([*exams, *plan_night(today, ZONE, now)], now)
    clock.at = now
    with unit_of_work(system) as uow:
        player.remember(uow, day=today.isoformat())


def _incidents(system: System, now: datetime, today: date) -> None:
    """What a person has to look at: an order that was refused, a change of address, somebody without a name."""
    clock = MovingClock(now - timedelta(minutes=70))
    system = replace(system, clock=clock)
    receiver, peer = build_receiver(system), Peer("127.0.0.1", 0, "demo")
    sent_by_emr = [exam for exam in plan_day(today, ZONE) if exam.by_emr]
    strange = replace(sent_by_emr[0], key=f"{today:%y%m%d}-X1")
    receiver.receive(emr.order_of_unknown_procedure(strange, clock.at, ZONE), peer)
    clock.at = now - timedelta(minutes=50)
    moved = replace(sent_by_emr[1].person.facts, phone="(555) 010-9999", street="41 Orchard Rise")
    receiver.receive(emr.registered(replace(sent_by_emr[1].person, facts=moved), clock.at, ZONE, "ADT^A08"), peer)
    clock.at = now - timedelta(minutes=6)
    with unit_of_work(system) as uow:
        head = catalog.procedure_by_code(uow, "CTHEAD")
        assert head is not None
        site_id = catalog.sites(uow)[0].id
        question = "Found unconscious in the park, wound at the back of the head. Bleed?"
        request = Emergency(site_id, head.id, sex="M", estimated_age=60, question=question)
        order_for_unknown(uow, request, acting(uow, Role.FRONTDESK))


def _days(first: date, today: date) -> list[PlannedExam]:
    count = (today - first).days + DAYS_AHEAD + 1
    return [exam for number in range(count) for exam in plan_day(first + timedelta(days=number), ZONE)]


def _is_done(exam: PlannedExam, today: date) -> bool:
    """Yesterday's pictures that went wrong are there at any hour, so that there is always something to reconcile."""
    return exam.rank < _share(exam, today) or (_days_from(exam, today) == -1 and bool(exam.oddity))


def _share(exam: PlannedExam, today: date) -> float:
    days = _days_from(exam, today)
    if days == 0:
        return TODAY
    return PAST if days < 0 else AHEAD[min(days, len(AHEAD)) - 1]


def _days_from(exam: PlannedExam, today: date) -> int:
    return (local_date(exam.starts or exam.placed, ZONE) - today).days


def _for_patient_account(exams: list[PlannedExam], today: date) -> list[PlannedExam]:
    """The patient who has an account was here before, comes today and comes again."""
    amara = people()[0]
    hers: set[str] = set()
    for begins, ends in ((-2000, -60), (-60, -1), (0, 0), (3, 8)):
        days = (today + timedelta(days=begins), today + timedelta(days=ends))
        hers.update([exam.key for exam in exams if _suits_amara(exam, today) and _within(exam, days)][:1])
    return [replace(exam, person=amara) if exam.key in hers else exam for exam in exams]


def _suits_amara(exam: PlannedExam, today: date) -> bool:
    plain = exam.fate is Fate.DONE and not exam.oddity and exam.starts is not None
    return plain and exam.rank < _share(exam, today) and suits(people()[0], exam.procedure.code, today)


def _within(exam: PlannedExam, days: tuple[date, date]) -> bool:
    return exam.starts is not None and days[0] <= local_date(exam.starts, ZONE) <= days[1]


def _days_word(today: date) -> str:
    return f"a full schedule on {today:%A, %d %B %Y}"
