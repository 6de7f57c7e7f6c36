"""`ris-pacs bench`: the whole system measured in its own processes, beside a peer where there is one."""

from __future__ import annotations

import importlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

# In the order in which all of them run; soak only when it is named.
BENCHMARKS = ("start", "worklist", "pages", "hl7", "claims", "retrieve", "dicomweb", "store")
DATABASES = ("sqlite", "postgresql")


@click.command()
@click.argument("name", type=click.Choice([*BENCHMARKS, "soak"]), required=False)
@click.option("--database", type=click.Choice([*DATABASES, "both"]), default="both", show_default=True)
@click.option("--quick", is_flag=True, help="Small loads, one round: whether it works, not how fast it is.")
@click.option(
    "--minutes", type=click.FloatRange(0.2), default=240.0, show_default=True, help="How long the soak goes on."
)
@click.option(
    "--exams",
    type=click.IntRange(0, 2_000_000),
    default=200_000,
    show_default=True,
    help="How many exams the practice of the soak has behind it: nine rows each.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def bench(name: str | None, database: str, quick: bool, minutes: float, exams: int, as_json: bool) -> None:
    """Measure in a practice of its own that is removed afterwards; exit 1 when something is wrong, not when slow.

    \b
    start     seconds until all serve, memory when idle
    worklist  C-FIND at 5,000 scheduled steps, beside DCMTK's wlmscpfs
    pages     each main page of each role at 10,000 orders: time and statements
    hl7       orders a second by MLLP, answered after the commit
    claims    a thousand claims to 837P, and their 835 posted
    retrieve  C-GET of series, beside Orthanc
    dicomweb  search, metadata, files and pictures over HTTP, beside Orthanc
    store     C-STORE by one and four associations, beside Orthanc
    soak      simulated practice while processes are killed; not part of the others

    Example: ris-pacs bench worklist --database sqlite
    """
    _need_benchmarks()
    signal.signal(signal.SIGTERM, _leave)  # What was started is stopped, as by Ctrl-C.
    failed = False
    chosen = [name] if name else list(BENCHMARKS)
    for one in chosen:
        for kind in DATABASES if database == "both" else (database,):
            report = _measure(one, kind, quick, minutes, exams)
            click.echo(json.dumps(report.as_document()) if as_json else f"\n{report.as_text()}\n")
            failed |= report.failed
    sys.exit(1 if failed else 0)


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _measure(name: str, database: str, quick: bool, minutes: float, exams: int) -> Any:
    module: ModuleType = importlib.import_module(f"benchmarks.{name}")
    say: Callable[[str], None] = lambda line: click.echo(f"{name}, {database}: {line}", err=True)  # noqa: E731
    try:
        if name == "soak":
            return module.measure(database, minutes, exams, say)
        return module.measure(database, quick, say)
    except (OSError, RuntimeError) as problem:
        raise click.ClickException(f"{name} on {database}: {problem}") from problem


def _need_benchmarks() -> None:
    """The benchmarks stand beside the package in the source tree and are not installed with it."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "benchmarks").is_dir():
        raise click.ClickException("The benchmarks are in the source tree, not in an installed package: run it there.")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
