"""Keeping processes alive: start, restart with back-off, drain on a signal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STABLE_AFTER = 10.0  # A process that served so long does not die at its start: it is started again at once.
DRAIN_SECONDS = 30.0


@dataclass
class Child:
    """One process to keep alive. arguments: of `ris-pacs`. sockets: file descriptors that it inherits."""

    name: str
    arguments: Sequence[str]
    sockets: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = SHORTEST_PAUSE
    again_at: float = 0.0
    ready_fd: int = -1
    ready: bool = False
    restarts: int = field(default=0)

    def start(self) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "ris_pacs", *self.arguments, "--ready-fd", str(writing)]
        self.process = subprocess.Popen(command, pass_fds=[*self.sockets, writing], stdin=subprocess.DEVNULL)
        os.close(writing)
        self.ready_fd, self.ready, self.started = reading, False, time.monotonic()

    def look_ready(self) -> None:
        """The child writes a byte once it serves."""
        if self.ready_fd >= 0 and select.select([self.ready_fd], [], [], 0)[0]:
            self.ready = os.read(self.ready_fd, 1) == b"1"
            os.close(self.ready_fd)
            self.ready_fd = -1


class Supervisor:
    """Runs children until a signal comes. Returns from `run` when all have ended."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = list(children)
        self._stopping = False
        self._signals = 0

    def start(self) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        for child in self._children:
            child.start()

    def wait_ready(self) -> bool:
        """True once every child serves, however long a busy machine takes; False when a signal comes before."""
        while not self._stopping:
            for child in self._children:
                child.look_ready()
            if all(child.ready for child in self._children):
                return True
            self._mind()
            time.sleep(0.05)
        return False

    def run(self) -> None:
        while not self._stopping:
            self._mind()
            time.sleep(0.2)
        self._drain()

    def _mind(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.again_at:
                    child.restarts += 1
                    child.start()
                continue
            code = child.process.poll()
            if code is None:
                if now - child.started > STABLE_AFTER:
                    child.pause = SHORTEST_PAUSE
                continue
            log.error("process ended, restarting", child=child.name, code=code, after=child.pause)
            child.process = None
            child.again_at = now + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True
        self._signals += 1

    def _drain(self) -> None:
        """Children finish what they do; who does not within half a minute, or at a second signal, is killed."""
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        limit = time.monotonic() + DRAIN_SECONDS
        while any(process.poll() is None for process in running):
            if time.monotonic() > limit or self._signals > 1:
                for process in running:
                    if process.poll() is None:
                        process.kill()
                break
            time.sleep(0.05)
        for process in running:
            process.wait()
