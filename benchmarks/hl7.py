"""Orders by HL7: messages a second over one and four MLLP connections, each answered after the commit."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks.practice import HOST, ZONE, running, work_folder
from benchmarks.report import Report, machine, median, percentile
from ris_pacs.demo import emr
from ris_pacs.demo.people import people, reasons
from ris_pacs.demo.plan import Fate, PlannedExam, procedures
from ris_pacs.demo.practice import DOCTORS
from ris_pacs.hl7.mllp_client import Connection
from ris_pacs.kernel.clock import system_clock

Say = Callable[[str], None]


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few messages."""
    count = 40 if quick else 400
    report = Report(
        "hl7",
        "ORM^O01, new orders by MLLP",
        ("connections", "messages", "messages a second", "answered AA", "median ms", "95 % ms"),
    )
    messages = new_orders("B")
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(running(database, folder / "ours"))
        port = practice.ports["hl7"]
        _send(port, [next(messages) for _ in range(20)])  # Warms up and does not count.
        for connections in (1, 4):
            say(f"{connections} connections …")
            report.rows.append(_row(port, connections, [next(messages) for _ in range(count)]))
    report.failed = any(row["answered AA"] != row["messages"] for row in report.rows)
    report.notes = [
        "Each message is an order of its own for one of the hospital's patients: inbox row, patient, order, exam and "
        "step are committed before AA. One message at a time on each connection.",
        "There is no peer that does the same; the figures are ours alone and there is no goal for them.",
    ]
    return report


def new_orders(prefix: str) -> Iterator[bytes]:
    """Orders without a time, each with a number of its own."""
    draw = random.Random(1)
    known = [one for one in people() if one.emr_number]
    unpaired = [one for kind in procedures().values() for one in kind if not one.paired]
    number = 0
    while True:
        number += 1
        procedure, now = draw.choice(unpaired), system_clock()
        exam = PlannedExam(
            key=f"{prefix}{number}", rank=0.0, person=draw.choice(known), procedure=procedure, laterality="",
            priority="routine", reason=draw.choice(reasons()[procedure.code]), doctor=draw.randrange(len(DOCTORS)),
            fate=Fate.DONE, placed=now,
        )  # fmt: skip
        yield emr.new_order(exam, now, ZONE)


def _row(port: int, connections: int, messages: list[bytes]) -> dict[str, object]:
    shares = [messages[number::connections] for number in range(connections)]
    results: list[list[tuple[float, bool]]] = [[] for _ in shares]

    def work(number: int) -> None:
        results[number] = _send(port, shares[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    begun = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    seconds = time.monotonic() - begun
    answers = [answer for one in results for answer in one]
    times = [milliseconds for milliseconds, _ in answers]
    return {
        "connections": connections,
        "messages": len(messages),
        "messages a second": len(answers) / seconds,
        "answered AA": sum(accepted for _, accepted in answers),
        "median ms": median(times),
        "95 % ms": percentile(times, 0.95),
    }


def _send(port: int, messages: list[bytes]) -> list[tuple[float, bool]]:
    """Milliseconds and whether it was accepted, of each message."""
    found = []
    with Connection(HOST, port) as connection:
        for raw in messages:
            begun = time.perf_counter()
            answer = connection.send(raw)
            found.append(((time.perf_counter() - begun) * 1000, b"\rMSA|AA|" in answer))
    return found
