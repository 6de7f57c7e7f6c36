"""The modality worklist at 5,000 scheduled steps, ours beside DCMTK's server over the same items."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks import peers
from benchmarks.filling import fill_forward
from benchmarks.images import STATION
from benchmarks.practice import HOST, TITLE, ZONE, running, work_folder
from benchmarks.report import Report, machine, median, percentile, verdict
from benchmarks.sending import Receiver
from ris_pacs.dicom.client import Proposal, connect
from ris_pacs.dicom.decode import MAX_SIZE
from ris_pacs.dicom.encode import encode_data_set
from ris_pacs.dicom.handlers import DimseFailure, Elements, Status
from ris_pacs.dicom.messages import DATA_SET, NO_DATA_SET, CommandField, CommandSet
from ris_pacs.dicom.sop_classes import MODALITY_WORKLIST
from ris_pacs.dicom.sub_operations import await_answer
from ris_pacs.kernel.clock import local_date, system_clock
from ris_pacs.kernel.uids import uid_mint

Say = Callable[[str], None]

TITLE_OF_PEER = "WLM"
GOAL_MS, GOAL_TIMES = 10.0, 50.0
PEER_QUERIES = 20
UTF8 = ("ISO_IR 192",)
_STEP_KEYS = (
    0x00080060, 0x00400001, 0x00400002, 0x00400003, 0x00400006, 0x00400007, 0x00400009, 0x00400010, 0x00400011,
)  # fmt: skip
_KEYS = (
    0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00101030, 0x00102000, 0x00102110,
    0x001021C0, 0x0020000D, 0x00321032, 0x00321033, 0x00321060, 0x00380010, 0x00380300, 0x00380050, 0x00380500,
    0x00401001, 0x00401003, 0x00401004, 0x00403001,
)  # fmt: skip


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few steps and few queries."""
    steps, times = (500, 5) if quick else (5000, 100)
    report = Report(
        "worklist",
        f"Worklist, {steps:,} scheduled steps, ms for association and query",
        ("what", "answers", "ours", "ours, 95 %", "wlmscpfs", "times as fast", "goal", "verdict"),
    )
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        say(f"{steps:,} steps …")
        practice = stack.enter_context(running(database, folder / "ours", fill_forward(steps)))
        ours = Receiver(TITLE, practice.ports["dicom"])
        files = folder / "peer" / TITLE_OF_PEER
        files.mkdir(parents=True)
        _write_items(ours, files)
        peer = stack.enter_context(peers.wlmscpfs(folder / "peer", TITLE_OF_PEER))
        theirs = Receiver(peer.title, peer.port) if peer else None
        today = f"{local_date(system_clock(), ZONE):%Y%m%d}"
        cases = {
            "one station, today": _query(station=STATION, date=today),
            "one accession number": _query(accession="B0000100"),
            "everybody of today": _query(date=today),
        }
        for what, identifier in cases.items():
            say(f"{what} …")
            report.rows.append(_compare(what, identifier, ours, theirs, times))
    report.notes = [
        f"Medians of {times} queries of ours and {PEER_QUERIES} of the peer, each with an association of its "
        "own, by one client; answers are read in full, and counted, but not decoded while the clock runs.",
        "Ours reads the schedule in the database and leaves a row about the query; the peer reads a file per step.",
        f"Goal: below {GOAL_MS:g} ms for one station's day, and {GOAL_TIMES:g} times as fast as the peer.",
    ]
    if peer is None:
        report.notes.append("wlmscpfs is not installed (apt install dcmtk): ours alone.")
    return report


def _query(station: str = "", date: str = "", accession: str = "") -> Elements:
    step: dict[int, object] = dict.fromkeys(_STEP_KEYS, "")
    identifier: dict[int, object] = dict.fromkeys(_KEYS, "")
    step |= {0x00400001: station, 0x00400002: date}
    return identifier | {0x00080050: accession, 0x00400100: [step]}


def _compare(what: str, identifier: Elements, ours: Receiver, theirs: Receiver | None, times: int) -> dict[str, object]:
    answers = _count(ours, identifier)  # The first of each warms up and is not timed.
    measured = [_milliseconds(ours, identifier) for _ in range(times)]
    row: dict[str, object] = {
        "what": what,
        "answers": answers,
        "ours": median(measured),
        "ours, 95 %": percentile(measured, 0.95),
    }
    if theirs:
        same = _count(theirs, identifier)
        peer = median([_milliseconds(theirs, identifier) for _ in range(PEER_QUERIES)])
        ratio = peer / median(measured)
        row |= {"wlmscpfs": peer, "times as fast": ratio, "goal": f"≥ {GOAL_TIMES:g} ×, < {GOAL_MS:g} ms"}
        row["verdict"] = verdict(ratio >= GOAL_TIMES and median(measured) < GOAL_MS)
        if same != answers:
            row["what"] = f"{what} (peer: {same} answers)"
    return row


def ask_worklist(port: int) -> int:
    """How many answers our worklist has for the benchmark's station, today."""
    return _count(Receiver(TITLE, port), _query(station=STATION, date=f"{local_date(system_clock(), ZONE):%Y%m%d}"))


def _milliseconds(receiver: Receiver, identifier: Elements) -> float:
    begun = time.perf_counter()
    _count(receiver, identifier)
    return (time.perf_counter() - begun) * 1000


def _count(receiver: Receiver, identifier: Elements) -> int:
    """Association, query and every answer as bytes: what this client makes of them is not the peer's time."""
    count = 0
    with connect(HOST, receiver.port, STATION, receiver.title, (Proposal(MODALITY_WORKLIST),)) as association:
        exchange, context = association._exchange, association.contexts[0]
        command = CommandSet(
            CommandField.C_FIND_RQ, MODALITY_WORKLIST, message_id=1, priority=0, command_data_set_type=DATA_SET
        )
        exchange.send(context, command, encode_data_set(identifier, context.transfer_syntax, UTF8))
        while (answer := await_answer(exchange, command).command).command_data_set_type != NO_DATA_SET:
            exchange.read_data(MAX_SIZE)
            count += 1
    if answer.status:
        raise DimseFailure(Status(answer.status))
    return count


def _ask(receiver: Receiver, identifier: Elements) -> list[Dataset]:
    with connect(HOST, receiver.port, STATION, receiver.title, (Proposal(MODALITY_WORKLIST),)) as association:
        return list(association.find(MODALITY_WORKLIST, identifier, UTF8))


def _write_items(ours: Receiver, folder: Path) -> None:
    """Every item as our own worklist has it, one file each."""
    mint = uid_mint()
    for number, item in enumerate(_ask(ours, _query())):
        item.file_meta = FileMetaDataset()
        item.file_meta.MediaStorageSOPClassUID = MODALITY_WORKLIST
        item.file_meta.MediaStorageSOPInstanceUID = mint()
        item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(folder / f"{number:05}.wl", item, enforce_file_format=True)
