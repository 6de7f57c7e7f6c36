"""What the listener's tests are made of: small handlers, a running server, DICOM files, DCMTK's tools."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ris_pacs.dicom.association import Limits
from ris_pacs.dicom.connection import Ending
from ris_pacs.dicom.handlers import (
    SUCCESS,
    Admission,
    Association,
    Caller,
    Device,
    FindRequest,
    Match,
    NormalizedAnswer,
    NormalizedRequest,
    Retrieval,
    RetrieveRequest,
    Services,
    Status,
    StoredFile,
    StoreRequest,
)
from ris_pacs.dicom.server import Server

WORKLIST = "1.2.840.10008.5.1.4.31"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
CT = str(CTImageStorage)
PATIENCE = 20.0  # seconds that any single wait may take on a busy machine


def tool(name: str, package: str = "DCMTK") -> str:
    """A program that tests need. Where it is missing the test is skipped, loudly; on CI it fails."""
    found = shutil.which(name)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} ({package}) is not installed")
    pytest.skip(f"{name} ({package}) is not installed: NOT TESTED")


def run(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a DCMTK tool to its end; its output in both streams together."""
    return subprocess.run(
        [tool(name), *map(str, arguments)],
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        env={**os.environ, **environment},
        check=False,
    )


def wait_until(condition: Callable[[], object], what: str = "the condition") -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    pytest.fail(f"{what} never came")


def anyone(caller: Caller) -> Admission:
    return Device(id=1, ae_title=caller.calling)


@dataclass
class Sink:
    store: MemoryStore
    request: StoreRequest
    received: bytearray = field(default_factory=bytearray)

    def write(self, fragment: memoryview) -> None:
        assert fragment, "an empty fragment"
        self.received += fragment
        self.store.first_bytes.set()
        if self.store.write_error:
            raise self.store.write_error

    def finish(self) -> Status:
        if self.store.finish_error:
            raise self.store.finish_error
        self.store.stored[self.request.sop_instance_uid] = (self.request, bytes(self.received))
        return self.store.status

    def discard(self) -> None:
        self.store.discarded.append(self.request.sop_instance_uid)


@dataclass
class MemoryStore:
    """A StoreHandler that keeps what it gets, and fails as it is told."""

    status: Status = SUCCESS
    begin_answer: Status | Exception | None = None
    write_error: Exception | None = None
    finish_error: Exception | None = None
    stored: dict[str, tuple[StoreRequest, bytes]] = field(default_factory=dict)
    discarded: list[str] = field(default_factory=list)
    first_bytes: threading.Event = field(default_factory=threading.Event)

    def receive(self, request: StoreRequest, association: Association) -> Sink | Status:
        if isinstance(self.begin_answer, Exception):
            raise self.begin_answer
        return self.begin_answer or Sink(self, request)


@dataclass
class Finder:
    """A FindHandler made of a function."""

    answer: Callable[[FindRequest], Iterator[Match]]
    requests: list[FindRequest] = field(default_factory=list)

    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        self.requests.append(request)
        return self.answer(request)


@dataclass
class Retriever:
    """A RetrieveHandler made of a function."""

    answer: Callable[[RetrieveRequest], Retrieval]
    requests: list[RetrieveRequest] = field(default_factory=list)

    def retrieve(self, request: RetrieveRequest, association: Association) -> Retrieval:
        self.requests.append(request)
        return self.answer(request)


@dataclass
class Normalizer:
    """A NormalizedHandler made of a function."""

    answer: Callable[[NormalizedRequest], NormalizedAnswer] = lambda request: NormalizedAnswer()
    requests: list[NormalizedRequest] = field(default_factory=list)

    def handle(self, request: NormalizedRequest, association: Association) -> NormalizedAnswer:
        self.requests.append(request)
        return self.answer(request)


@dataclass
class Counts:
    """Metrics, kept."""

    opened: int = 0
    closed: list[Ending] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    operations: list[tuple[str, int, int]] = field(default_factory=list)

    def association_opened(self) -> None:
        self.opened += 1

    def association_closed(self, ending: Ending, received: int, sent: int) -> None:
        self.closed.append(ending)

    def association_rejected(self, reason: str) -> None:
        self.rejected.append(reason)

    def operation(self, name: str, status: int, seconds: float, size: int) -> None:
        self.operations.append((name, status, size))


@dataclass
class Running:
    server: Server
    port: int
    counts: Counts


@contextmanager
def listening(
    services: Services,
    lookup: Callable[[Caller], Admission] = anyone,
    limits: Limits | None = None,
    **options: object,
) -> Iterator[Running]:
    """A server on a free port of loopback; every association is gone when the block is left."""
    counts = Counts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, services, lookup, limits=limits, metrics=counts, **options)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield Running(server, listener.getsockname()[1], counts)
        finally:
            server.drain(0)
            thread.join(PATIENCE)


def image(size: int = 64, *, sop_class: str = CT, name: str = "Test^Patient") -> Dataset:
    """A grey image of size × size pixels of 16 bits; every one different from the others."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID = name, "P1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.StudyDate, dataset.Modality = "20250102", "CT"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = size
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    pixels = np.random.default_rng(len(dataset.SOPInstanceUID)).integers(0, 4096, size * size, dtype="<u2")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def write_file(folder: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> StoredFile:
    """A Part 10 file, and what the archive would know of it."""
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return StoredFile(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), str(syntax), path, data_set_offset(path))


def data_set_offset(path: Path) -> int:
    """Where the file meta information ends: its group length is the first element (PS3.10 7.1)."""
    raw = path.read_bytes()[:144]
    return 144 + int.from_bytes(raw[140:144], "little")


def data_set_of(file: StoredFile) -> bytes:
    return file.path.read_bytes()[file.offset :]
