"""`ris-pacs demo`: the invented practice, and a day of it."""

from __future__ import annotations

import fcntl
import json
import signal
import statistics
import sys
import threading
import time
from datetime import datetime

import click

from ris_pacs.cli.database import upgrade_database
from ris_pacs.cli.setting_up import open_current_system, open_system, running_ports
from ris_pacs.demo import load as loading
from ris_pacs.demo.day import Day, Running
from ris_pacs.demo.modality import Archive
from ris_pacs.kernel import marks
from ris_pacs.kernel.uow import read_only


@click.group()
def demo() -> None:
    """The demo practice: load it, or let a day of it run.

    Example: ris-pacs demo load
    """


@demo.command()
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The date to be today, at eleven in the morning.")
def load(today: datetime | None) -> None:
    """Fill an empty database with the demo practice. The same --today gives the same practice.

    Example: ris-pacs demo load --today 2026-11-24
    """
    settings, system = open_system()
    upgrade_database(system)
    for line in loading.load(system, settings.storage_url, today.date() if today else None):
        click.echo(line)


@demo.command(hidden=True)
def fill() -> None:
    """Bring a loaded demo practice to the present day."""
    settings, system = open_current_system()
    with (settings.data_dir / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # One worker fills; another finds nothing left to do.
        for line in loading.fill_up(system, settings.storage_url):
            click.echo(line)


@demo.command()
@click.option(
    "--speed", type=click.FloatRange(0.1, 10_000), default=60.0, show_default=True, help="Simulated minutes in one."
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON when the day is over.")
def day(speed: float, as_json: bool) -> None:
    """Let the rest of today run: modalities ask the worklist, send MPPS, images and commitment requests over DICOM,
    an EMR sends orders by HL7 and takes the results, a radiologist signs, the office sends claims.
    Needs `ris-pacs run --demo` in another terminal.

    Example: ris-pacs demo day --speed 60
    """
    settings, system = open_current_system()
    with read_only(system) as uow:
        if not marks.is_demo(uow):
            raise click.ClickException("This is not the demo practice; nobody is simulated among real patients.")
    ports = running_ports(settings)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    running = Running(
        Archive(settings.bind, ports["dicom"], settings.ae_title),
        (settings.bind, ports["hl7"]),
    )
    played = Day(system, running, speed, (lambda _line: None) if as_json else _tell, stop)
    begun = time.monotonic()
    played.run()
    _report(played, time.monotonic() - begun, as_json)


def _tell(line: str) -> None:
    click.echo(f"{datetime.now():%H:%M:%S}  {line}")  # noqa: DTZ005, the clock on the wall


def _report(played: Day, seconds: float, as_json: bool) -> None:
    tally = played.tally
    found = {
        "exams": tally.exams,
        "images": tally.images,
        "megabytes": round(tally.bytes / 1e6, 1),
        "images_committed": tally.committed,
        "messages": dict(played.messages),
        "reports": played.reports,
        "messages_to_the_hospital": dict(played.hospital.messages),
        "failures": tally.failures,
        "seconds": round(seconds, 1),
        "store_ms_median": _median(tally.store_times),
        "worklist_ms_median": _median(tally.worklist_times),
    }
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name.replace('_', ' '):<20} {value}")
    sys.exit(1 if tally.failures else 0)


def _median(times: list[float]) -> float | None:
    return round(statistics.median(times) * 1000, 1) if times else None
