"""Modalities that store: each a process of its own with one association, all beginning together.

with Senders(4) as senders:
    seconds = senders.send(receiver, four_lists_of_files)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.images import STATION
from benchmarks.peers import installed
from benchmarks.practice import HOST
from ris_pacs.dicom.client import Proposal, connect
from ris_pacs.dicom.handlers import StoredFile

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Receiver:
    """Who is sent to. title: its AE title."""

    title: str
    port: int


class SendingFailed(RuntimeError):
    """A receiver did not take what it was sent."""


class Senders:
    """Processes that are started once and send again and again."""

    def __init__(self, count: int) -> None:
        command = [sys.executable, "-m", "benchmarks.sending"]
        self._processes = [
            subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(count)
        ]

    def __enter__(self) -> Senders:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._processes:
            assert one.stdin is not None
            with suppress(BrokenPipeError):
                one.stdin.close()
            one.wait()

    def send(self, receiver: Receiver, loads: Sequence[Sequence[StoredFile]]) -> float:
        """Seconds from the first image to the last answer, one association for each load. Raises SendingFailed."""
        chosen = self._processes[: len(loads)]
        for process, load in zip(chosen, loads, strict=True):
            _say(process, [receiver.title, receiver.port, [[*_facts(one)] for one in load]])
        for process in chosen:
            _hear(process)  # Connected.
        for process in chosen:
            _say(process, "go")
        answers = [_hear(process) for process in chosen]
        for answer in answers:
            if answer["problem"]:
                raise SendingFailed(f"{receiver.title}: {answer['problem']}")
        return float(max(one["ended"] for one in answers) - min(one["begun"] for one in answers))


def _facts(file: StoredFile) -> tuple[str, str, str, str, int]:
    return file.sop_class_uid, file.sop_instance_uid, file.transfer_syntax_uid, str(file.path), file.offset


def _say(process: subprocess.Popen[str], what: Any) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SendingFailed("a sender ended")
    return json.loads(line)


def _serve() -> None:
    """What a sender does: one association for each line that it reads."""
    for line in sys.stdin:
        title, port, facts = json.loads(line)
        files = [StoredFile(*one[:3], Path(one[3]), one[4]) for one in facts]
        print(json.dumps(_send(Receiver(title, port), files)), flush=True)


def _send(receiver: Receiver, files: list[StoredFile]) -> dict[str, Any]:
    begun = ended = 0.0
    problem = ""
    kinds = sorted({(file.sop_class_uid, (file.transfer_syntax_uid,)) for file in files})
    proposals = [Proposal(*kind) for kind in kinds]
    try:
        with connect(HOST, receiver.port, STATION, receiver.title, proposals) as association:
            print('"connected"', flush=True)
            sys.stdin.readline()
            begun = time.monotonic()
            for file in files:
                status = association.store(file)
                if status.code:
                    problem = f"answered 0x{status.code:04X} {status.comment}"
                    break
            ended = time.monotonic()
    except Exception as error:
        problem = problem or str(error) or type(error).__name__
        if not begun:  # The other side still waits to hear of the connection.
            print('"failed"', flush=True)
            sys.stdin.readline()
    return {"problem": problem, "begun": begun, "ended": ended}


def send_by_storescu(receiver: Receiver, files: Sequence[StoredFile]) -> float:
    """Seconds that DCMTK's sender takes as it comes, with Nagle's algorithm on. Raises SendingFailed."""
    program = installed("storescu")
    assert program is not None
    paths = [str(one.path) for one in files]
    command = [program, "-R", "-xe", "-aet", STATION, "-aec", receiver.title, HOST, str(receiver.port), *paths]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode:
        raise SendingFailed(f"{receiver.title}: {(done.stdout + done.stderr)[-300:]}")
    return seconds


if __name__ == "__main__":
    _serve()
