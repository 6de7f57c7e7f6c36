"""Claims: how long it takes to check a thousand, to write them as 837P, and to post the 835 that answers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.practice import prepared, work_folder
from benchmarks.report import Report, machine, verdict
from ris_pacs.billing.queries import batches, money
from ris_pacs.billing.service.export import make_batches
from ris_pacs.billing.service.remittance import ReceivedFile, post_file
from ris_pacs.catalog import queries as catalog
from ris_pacs.demo import office, payer
from ris_pacs.demo.people import Person, people
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from ris_pacs.orders.service.place import Diagnosis, NewOrder, place_order
from ris_pacs.patients.service.register import Registration, register_patient

Say = Callable[[str], None]

GOAL_SECONDS = 2.0
_TOGETHER = 50


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few claims."""
    count = 100 if quick else 1000
    report = Report("claims", f"{count:,} claims", ("step", "claims", "seconds", "claims a second", "verdict"))
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(prepared(database, folder / "ours"))
        say("exams are performed and charged …")
        with _timed(report, "charged, from order to claim", count):
            _fill(practice.system, count)
        say("837P …")
        with _timed(report, "837P: checked, written, marked as sent", count, GOAL_SECONDS):
            _send(practice.system)
        say("835 …")
        with _timed(report, "835: read and posted", count):
            posted = _post(practice.system)
        with read_only(practice.system) as uow:
            together = sum(money.balances(uow).values())
    report.failed = together != 0 or posted != count
    report.notes = [
        f"The goal for 837P is {GOAL_SECONDS:g} s for a thousand; there is none for the others. Each step counts from "
        "the first statement to the last commit.",
    ]
    return report


@contextmanager
def _timed(report: Report, step: str, count: int, goal: float | None = None) -> Iterator[None]:
    begun = time.monotonic()
    yield
    seconds = time.monotonic() - begun
    word = "" if goal is None else verdict(seconds / count * 1000 <= goal)
    report.rows.append(
        {"step": step, "claims": count, "seconds": seconds, "claims a second": count / seconds, "verdict": word}
    )


def _fill(system: System, count: int) -> None:
    """Exams of one kind, each of a person with a card that can be read."""
    shown = [one for one in people() if (card := office.card_of(one)) is not None and card[1] and card[0] == 1]
    with unit_of_work(system) as uow:
        office.open_office(uow, catalog.sites(uow)[0].id)
    for begins in range(0, count, _TOGETHER):
        with unit_of_work(system) as uow:
            site_id = catalog.sites(uow)[0].id
            procedure = catalog.procedure_by_code(uow, "CTCHEST")
            doctor = catalog.search_practitioners(uow, "achterfeld")[0]
            assert procedure is not None
            for number in range(begins, min(begins + _TOGETHER, count)):
                person: Person = shown[number % len(shown)]
                patient = register_patient(uow, Registration(person.facts, site_id, somebody_else=True), PROGRAM)
                office.take_card(uow, patient.id, person, office.CLERK)
                order = place_order(
                    uow,
                    NewOrder(patient.id, procedure.id, site_id, referrer_id=doctor.id, diagnoses=(Diagnosis("R91.8"),)),
                    PROGRAM,
                )
                for move in (Move.BEGIN, Move.PERFORM):
                    exams.move_exam(uow, order.exams[0].id, move, PROGRAM)


def _send(system: System) -> None:
    while True:
        with unit_of_work(system) as uow:
            if not make_batches(uow, None, office.CLERK):
                return


def _post(system: System) -> int:
    """How many claims were answered."""
    with read_only(system) as uow:
        files = payer.answers_due(uow, uow.now)
        expected = sum(one.claims for one in batches.batches(uow))
    answered = 0
    for name, content in files:
        with unit_of_work(system) as uow:
            answered += sum(one.claims for one in post_file(uow, ReceivedFile(name, content), office.CLERK))
    return min(answered, expected)
