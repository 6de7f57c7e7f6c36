"""`ris-pacs web`, `dicom`, `hl7` and `worker`: one kind of process alone."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.config import Settings

_PR_SET_PDEATHSIG = 1


def ready(fd: int | None) -> None:
    """Tell the supervisor that we serve."""
    if fd is not None:
        os.write(fd, b"1")
        os.close(fd)


def end_with_parent(fd: int | None) -> None:
    """When a supervisor started us, its sudden end ends us too: nobody else would."""
    if fd is not None and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def until_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    return stop


def listening(fd: int | None, settings: Settings, port: int) -> socket.socket:
    """The inherited socket, or one of our own."""
    if fd is not None:
        return socket.socket(fileno=fd)
    return socket.create_server((settings.bind, port), backlog=512)


def process_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--ready-fd", type=int, hidden=True)(command)
    return click.option("--fd", type=int, hidden=True)(command)


@click.command()
@process_options
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True)
def web(fd: int | None, ready_fd: int | None, processes: int, threads: int) -> None:
    """Pages and portal.

    Example: ris-pacs web --processes 4
    """
    end_with_parent(ready_fd)
    settings, system = open_current_system("web")
    from ris_pacs.cli.web_server import WebServer

    WebServer(settings, system, fd, processes, threads, lambda: ready(ready_fd)).run()


@click.command()
@process_options
@click.option("--tls-fd", type=int, hidden=True)
def dicom(fd: int | None, ready_fd: int | None, tls_fd: int | None) -> None:
    """The DICOM listener; several may share one socket.

    Example: ris-pacs dicom
    """
    end_with_parent(ready_fd)
    settings, system = open_current_system("dicom")
    import pydicom

    from ris_pacs.bootstrap.dicom import Listener, build_dicom
    from ris_pacs.bootstrap.tls import server_context

    # Its warnings quote values of identifiers, which no log may hold.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    listeners = [Listener(listening(fd, settings, settings.dicom_port))]
    if settings.dicom_tls_port is not None:
        encrypted = listening(tls_fd, settings, settings.dicom_tls_port)
        listeners.append(Listener(encrypted, server_context(settings)))
    servers = build_dicom(settings, system, listeners)
    stop = until_signal()
    for server in servers:
        threading.Thread(target=server.serve, name="accept", daemon=True).start()
    ready(ready_fd)
    stop.wait()
    draining = [threading.Thread(target=server.drain, args=(20,)) for server in servers]
    for one in draining:
        one.start()
    for one in draining:
        one.join()


@click.command()
@process_options
def hl7(fd: int | None, ready_fd: int | None) -> None:
    """The MLLP listener.

    Example: ris-pacs hl7
    """
    end_with_parent(ready_fd)
    settings, system = open_current_system("hl7")
    from ris_pacs.bootstrap.mllp import build_hl7

    server = build_hl7(settings, system, listening(fd, settings, settings.hl7_port))
    stop = until_signal()
    server.start()
    ready(ready_fd)
    stop.wait()
    server.drain(20)


@click.command()
@click.option("--ready-fd", type=int, hidden=True)
def worker(ready_fd: int | None) -> None:
    """Jobs, deliveries and periodic work.

    Example: ris-pacs worker
    """
    end_with_parent(ready_fd)
    settings, system = open_current_system("worker")
    from ris_pacs.worker.build import build_worker

    stop = until_signal()
    loop = build_worker(settings, system)
    ready(ready_fd)
    loop.run(stop)
