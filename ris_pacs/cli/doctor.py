"""`ris-pacs doctor`: whether the running system works, asked by real traffic."""

from __future__ import annotations

import json
import shutil
import ssl
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.error import HTTPError, URLError

import click
from sqlalchemy import text

from ris_pacs.admin import queries as admin
from ris_pacs.catalog.service import devices
from ris_pacs.cli import migrate
from ris_pacs.cli.setting_up import open_system, running_ports
from ris_pacs.config import Settings
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.handlers import DimseFailure
from ris_pacs.dicom.sop_classes import MODALITY_WORKLIST, VERIFICATION
from ris_pacs.hl7.build import Header, build, new_control_id
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import System, read_only, unit_of_work

OUR_TITLE = "DOCTOR"
LEAST_FREE = 5_000_000_000
MOST_LAG = timedelta(minutes=2)
MOST_CLOCK_DIFFERENCE = timedelta(seconds=5)
SECONDS = 10.0


class Unwell(Exception):
    """What is wrong, in words for the person who has to mend it."""


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    detail: str
    seconds: float


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def doctor(as_json: bool) -> None:
    """Check the running system: C-ECHO, a worklist query, an HL7 message, a page, disk, clock, migrations, lag.

    Exit 1 when something is wrong.

    Example: ris-pacs doctor
    """
    settings, system = open_system()
    findings = list(_examine(settings, system))
    well = all(one.ok for one in findings)
    if as_json:
        click.echo(json.dumps({"ok": well, "checks": [asdict(one) for one in findings]}))
    else:
        for one in findings:
            click.echo(f"{'ok   ' if one.ok else 'WRONG'}  {one.name:<12} {one.seconds * 1000:7.0f} ms  {one.detail}")
    sys.exit(0 if well else 1)


def _examine(settings: Settings, system: System) -> Iterator[Finding]:
    yield _look("migrations", lambda: _migrations(system))
    yield _look("disk", lambda: _disk(settings, system))
    yield _look("clock", lambda: _clock(system))
    yield _look("lag", lambda: _lag(system))
    try:
        ports = running_ports(settings)
    except click.ClickException as problem:
        yield Finding("processes", False, problem.message, 0.0)
        return
    yield _look("page", lambda: _page(settings, ports["http"]))
    with _known_caller(settings, system) as trouble:
        yield _look("C-ECHO", trouble or (lambda: _echo(settings, ports["dicom"])))
        yield _look("worklist", trouble or (lambda: _worklist(settings, ports["dicom"])))
    yield _look("HL7", lambda: _hl7(settings, ports["hl7"]))


def _look(name: str, check: Callable[[], str]) -> Finding:
    begun = time.perf_counter()
    try:
        detail, ok = check(), True
    except (Unwell, AssociationFailed, DimseFailure, NotDelivered, DomainError, OSError) as problem:
        detail, ok = str(problem) or type(problem).__name__, False
    except Exception as problem:
        detail, ok = f"{type(problem).__name__}: {problem}".splitlines()[0], False
    return Finding(name, ok, detail, time.perf_counter() - begun)


def _migrations(system: System) -> str:
    current, wanted = migrate.revisions(system.database)
    if current != wanted:
        raise Unwell(f"the database is at {current or 'nothing'}, the code needs {wanted}: ris-pacs db upgrade")
    if found := migrate.differences(system.database):
        raise Unwell(f"the schema differs from the code: {found[0]}")
    return f"at {current}, the schema matches the code"


def _disk(settings: Settings, system: System) -> str:
    archive, data = system.blobs.free_bytes(), shutil.disk_usage(settings.data_dir).free
    words = f"{archive / 1e9:.1f} GB free for the archive, {data / 1e9:.1f} GB in the data folder"
    if min(archive, data) < LEAST_FREE:
        raise Unwell(f"{words}; less than {LEAST_FREE / 1e9:.0f} GB")
    probe = system.blobs.incoming()
    probe.write(b"doctor")
    probe.finish()
    probe.discard()
    return words


def _clock(system: System) -> str:
    """This machine's clock beside the database's."""
    if system.database.sqlite:
        return f"{system.clock():%Y-%m-%d %H:%M:%S} UTC"
    with system.database.engine.connect().execution_options(writing=False) as connection:
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    difference = abs(system.clock() - theirs.astimezone(UTC))
    if difference > MOST_CLOCK_DIFFERENCE:
        raise Unwell(f"{difference.total_seconds():.0f} s apart from the database's clock")
    return f"{difference.total_seconds() * 1000:.0f} ms apart from the database's clock"


def _lag(system: System) -> str:
    with read_only(system) as uow:
        lag = admin.lag(uow)
    waits = {"a job": lag.job, "a message out": lag.message, "the audit seal": lag.seal}
    late = [f"{name} has waited {_words(waited)}" for name, waited in waits.items() if waited and waited > MOST_LAG]
    if lag.dead:
        late.append(f"{lag.dead} jobs were given up")
    if late:
        raise Unwell("; ".join(late))
    return "jobs, outbox and audit seal are up to date"


def _words(waited: timedelta) -> str:
    return str(timedelta(seconds=round(waited.total_seconds())))


def _page(settings: Settings, port: int) -> str:
    for path in ("/readyz", "/login"):
        address = f"{'https' if settings.tls_cert else 'http'}://{_host(settings)}:{port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=SECONDS, context=_encryption(settings)) as answer:  # noqa: S310
                answer.read()
        except HTTPError as problem:
            raise Unwell(f"{path} answers {problem.code}: {problem.read(200).decode('utf-8', 'replace')}") from None
        except URLError as problem:
            raise Unwell(f"{address}: {problem.reason}") from None
    return "ready, and the sign-in page comes"


@contextmanager
def _known_caller(settings: Settings, system: System) -> Iterator[Callable[[], str] | None]:
    """We may call for as long as we look, from this address; yields what raises the reason when we may not."""
    facts = devices.DeviceFacts(OUR_TITLE, name="ris-pacs doctor", host=_host(settings), address_check=True)
    try:
        with unit_of_work(system) as uow:
            try:
                devices.register_device(uow, facts, OPERATOR)
            except DomainError:
                devices.change_device(uow, facts, OPERATOR)
    except Exception as problem:
        reason = Unwell(f"cannot register {OUR_TITLE} for the look: {problem}".splitlines()[0])

        def tell() -> str:
            raise reason

        yield tell
        return
    try:
        yield None
    finally:
        with unit_of_work(system) as uow:
            devices.retire_device(uow, OUR_TITLE, OPERATOR)


def _echo(settings: Settings, port: int) -> str:
    with connect(
        _host(settings), port, OUR_TITLE, settings.ae_title, [Proposal(VERIFICATION)], timeout=SECONDS
    ) as association:
        status = association.echo()
    if status.code:
        raise Unwell(f"answered 0x{status.code:04X} {status.comment}")
    return f"{settings.ae_title} answers"


def _worklist(settings: Settings, port: int) -> str:
    today = date.today()  # noqa: DTZ011, any day serves
    asked = {0x00100010: "", 0x00400100: [{0x00400002: f"{today:%Y%m%d}", 0x00400001: ""}]}
    with connect(
        _host(settings), port, OUR_TITLE, settings.ae_title, [Proposal(MODALITY_WORKLIST)], timeout=SECONDS
    ) as association:
        count = sum(1 for _ in association.find(MODALITY_WORKLIST, asked))
    return f"{count} scheduled steps on {today}"


def _hl7(settings: Settings, port: int) -> str:
    header = Header(
        "NMQ^N01", ("RIS-PACS", "DOCTOR"), (settings.ae_title, ""), datetime.now(UTC), control_id=new_control_id()
    )
    with Connection(_host(settings), port, SECONDS, SECONDS, tls=_encryption(settings)) as connection:
        answer = parse(connection.send(build(header, []).raw))
    code = answer.get("MSA-1")
    if code != "AA":
        raise Unwell(f"answered {code}: {answer.get('MSA-3') or answer.get('ERR-8')}")
    return "the listener and its database answer"


def _encryption(settings: Settings) -> ssl.SSLContext | None:
    """For a call to this very machine, whose certificate names another; ours is shown where one is demanded."""
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(cafile=settings.tls_cert)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


def _host(settings: Settings) -> str:
    """Where to call: "every address" is reached by loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind, settings.bind)  # noqa: S104
