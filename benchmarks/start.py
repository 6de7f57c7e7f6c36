"""From the command to serving, and what the idle system holds in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.practice import Practice, prepared, work_folder
from benchmarks.report import Report, machine, median, spread, verdict

Say = Callable[[str], None]

GOAL_SECONDS, GOAL_MB = 10.0, 600.0
IDLE_SECONDS = 5.0


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: one start."""
    rounds = 1 if quick else 3
    report = Report(
        "start", "Start and memory when idle", ("what", "median", "unit", "goal", "verdict", "rounds"),
    )  # fmt: skip
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(prepared(database, folder / "ours"))
        seconds: list[float] = []
        memory: list[dict[str, float]] = []
        for number in range(rounds + 1):  # The first fills the system's file cache and does not count.
            say(f"start {number} …")
            took = _start(practice)
            if number:
                time.sleep(IDLE_SECONDS)
                seconds.append(took)
                memory.append(practice.memory())
            practice.stop()
    report.rows = _rows(seconds, memory)
    report.notes = [
        f"Start: until {len(memory[-1])} processes listen and the web page is answered, files in the system's cache, "
        "database prepared.",
        f"Memory: proportional set size, {IDLE_SECONDS:g} s after the start, nothing asked; {os.cpu_count()} cores "
        "decide on the number of processes.",
    ]
    return report


def _start(practice: Practice) -> float:
    (practice.data_dir / "ports.json").unlink(missing_ok=True)
    begun = time.monotonic()
    practice.start()
    return time.monotonic() - begun


def _rows(seconds: list[float], memory: list[dict[str, float]]) -> list[dict[str, object]]:
    whole = [sum(one.values()) for one in memory]
    rows: list[dict[str, object]] = [
        {
            "what": "start", "median": median(seconds), "unit": "s", "goal": f"< {GOAL_SECONDS:g} s",
            "verdict": verdict(median(seconds) < GOAL_SECONDS), "rounds": spread(seconds),
        },
        {
            "what": "memory of all processes", "median": median(whole), "unit": "MB", "goal": f"< {GOAL_MB:g} MB",
            "verdict": verdict(median(whole) < GOAL_MB), "rounds": spread(whole),
        },
    ]  # fmt: skip
    return rows + [{"what": f"  {name}", "median": held, "unit": "MB"} for name, held in memory[-1].items()]
