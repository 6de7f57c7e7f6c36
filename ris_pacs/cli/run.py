"""`ris-pacs run`: everything in one foreground supervisor."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ris_pacs.cli.supervisor import Child, Supervisor
from ris_pacs.config import Settings, read_settings
from ris_pacs.kernel.logs import configure_logging

DICOM_PROCESSES = 2


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo practice into an empty database and fill up today.")
@click.option("--force-address", is_flag=True, help="Serve the demo practice on an address other than loopback.")
@click.option("--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="Number of job workers.")
def run(demo: bool, force_address: bool, workers: int) -> None:
    """Migrate, then run web, DICOM, HL7 and workers, and restart what dies. Ctrl-C stops everything cleanly.

    Example: ris-pacs run --demo
    """
    settings = read_settings()
    configure_logging(settings.log_format, "supervisor")
    if demo and not settings.loopback and not force_address:
        raise click.ClickException(
            "RIS_PACS_BIND: the demo practice has published passwords and is served on loopback only; "
            "--force-address serves it anyway."
        )
    with _only_one(settings.data_dir):
        sockets = _listen(settings)
        _prepare(demo)
        supervisor = Supervisor(_children(settings, sockets, workers))
        supervisor.start()
        ports = {name: one.getsockname()[1] for name, one in sockets.items()}
        if supervisor.wait_ready():
            _announce(settings, ports, demo)
        supervisor.run()
        (settings.data_dir / "ports.json").unlink(missing_ok=True)
    click.echo("Stopped.")


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """A second supervisor on the same data folder would fight the first."""
    fd = os.open(data_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise click.ClickException(f"RIS-PACS already runs on the data folder {data_dir}.") from None
    try:
        yield
    finally:
        os.close(fd)


def _listen(settings: Settings) -> dict[str, socket.socket]:
    """Each port is bound once, here: port 0 is one port, and a taken port stops the start with one line."""
    sockets = {
        "http": _bind(settings.bind, settings.http_port, "HTTP_PORT"),
        "dicom": _bind(settings.bind, settings.dicom_port, "DICOM_PORT"),
        "hl7": _bind(settings.bind, settings.hl7_port, "HL7_PORT"),
    }
    if settings.dicom_tls_port is not None:
        sockets["dicom_tls"] = _bind(settings.bind, settings.dicom_tls_port, "DICOM_TLS_PORT")
    return sockets


def _bind(address: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
    except OSError as problem:
        raise click.ClickException(
            f"RIS_PACS_{setting}: cannot listen on {address} port {port}: {problem.strerror}."
        ) from None
    made.listen(512)
    return made


def _children(settings: Settings, sockets: dict[str, socket.socket], workers: int) -> list[Child]:
    fds = {name: one.fileno() for name, one in sockets.items()}
    children = [Child("web", ["web", "--fd", str(fds["http"])], [fds["http"]])]
    dicom, inherited = ["dicom", "--fd", str(fds["dicom"])], [fds["dicom"]]
    if "dicom_tls" in fds:
        dicom, inherited = [*dicom, "--tls-fd", str(fds["dicom_tls"])], [*inherited, fds["dicom_tls"]]
    children += [Child(f"dicom-{number}", dicom, inherited) for number in range(1, DICOM_PROCESSES + 1)]
    children.append(Child("hl7", ["hl7", "--fd", str(fds["hl7"])], [fds["hl7"]]))
    children += [Child(f"worker-{number}", ["worker"]) for number in range(1, workers + 1)]
    return children


def _prepare(demo: bool) -> None:
    """Migrations and demo data; what went wrong has been said by the process that does it."""
    command = [sys.executable, "-m", "ris_pacs", "prepare", *(["--demo"] if demo else [])]
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)


def _announce(settings: Settings, ports: dict[str, int], demo: bool) -> None:
    path = settings.data_dir / "ports.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(ports))
    fresh.rename(path)
    host = settings.bind
    click.echo(f"Web    {'https' if settings.tls_cert else 'http'}://{host}:{ports['http']}/")
    encrypted = f", encrypted at {host}:{ports['dicom_tls']}" if "dicom_tls" in ports else ""
    click.echo(f"DICOM  {settings.ae_title} at {host}:{ports['dicom']}{encrypted}")
    click.echo(f"HL7    MLLP at {host}:{ports['hl7']}")
    if demo:
        click.echo("Sign in as frontdesk@demo.example (or technologist, radiologist, resident, biller, referrer,")
        click.echo("patient, manager, admin), password ris-pacs-demo; or with one click on the sign-in page.")
    click.echo("Ctrl-C stops everything.")
