"""A simulated modality: it knows of the practice only what DICOM tells it (IHE RAD-5 to RAD-8, RAD-10)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from pydicom import Dataset, dcmwrite

from ris_pacs.demo.pictures import Picture, objects
from ris_pacs.demo.plan import Procedure
from ris_pacs.demo.station import WITHOUT_MPPS
from ris_pacs.dicom.client import AssociationFailed, ClientAssociation, NormalizedResult, Proposal, connect
from ris_pacs.dicom.handlers import (
    Association,
    Caller,
    Device,
    Elements,
    NormalizedAnswer,
    NormalizedRequest,
    Services,
    Status,
    StoredFile,
)
from ris_pacs.dicom.server import Server
from ris_pacs.dicom.sop_classes import (
    ALL_COMMITTED,
    MODALITY_WORKLIST,
    PERFORMED_STEP,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
)
from ris_pacs.imaging.file_meta import HEAD, parse_file_meta
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel.uids import uid_mint

UTF8 = ("ISO_IR 192",)
_NO_SUCH_OPERATION = 0x0211
# What a modality asks its worklist for: return keys of PS3.4 Table K.6-1.
_RETURN_KEYS: Elements = dict.fromkeys(
    (
        *(0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040),
        *(0x0020000D, 0x00321060, 0x00401001),
    ),
    "",
)


@dataclass(frozen=True)
class Archive:
    """Where our DICOM listener is. title: its AE title."""

    host: str
    port: int
    title: str


@dataclass
class Tally:
    """What all modalities together have done; times in seconds."""

    exams: int = 0
    images: int = 0
    bytes: int = 0
    committed: int = 0
    failures: int = 0
    store_times: list[float] = field(default_factory=list)
    worklist_times: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **counts: int) -> None:
        with self.lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)


class CommitmentListener:
    """Takes the reports of storage commitment for all modalities (PS3.4 J.3.3)."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self._server = Server(listener, Services(normalized={STORAGE_COMMITMENT: self}), self._admit)
        threading.Thread(target=self._server.serve, name="commitment", daemon=True).start()

    @staticmethod
    def _admit(caller: Caller) -> Device:
        return Device(0, caller.calling)

    def handle(self, request: NormalizedRequest, association: Association) -> NormalizedAnswer:
        if request.operation != "N-EVENT-REPORT":
            return NormalizedAnswer(Status(_NO_SUCH_OPERATION))
        committed = len(request.dataset.get("ReferencedSOPSequence") or [])
        failed = 0 if request.type_id == ALL_COMMITTED else len(request.dataset.get("FailedSOPSequence") or [])
        self._tally.add(committed=committed, failures=failed)
        return NormalizedAnswer()

    def close(self) -> None:
        self._server.stop()


@dataclass
class Modality:
    """One station. procedures: our catalogue by code, to know what to draw; zone: of the clock on its wall."""

    title: str
    kind: str
    archive: Archive
    zone: ZoneInfo
    procedures: dict[str, Procedure]
    tally: Tally
    wait: Callable[[float], bool]
    mint: Callable[[], str] = field(default_factory=uid_mint)

    def worklist(self, day: date) -> list[Dataset]:
        """This station's entries of a day, by time. Raises AssociationFailed, DimseFailure."""
        step = {
            **dict.fromkeys((0x00080060, 0x00400003, 0x00400007, 0x00400009, 0x00400020), ""),
            0x00400001: self.title,
            0x00400002: f"{day:%Y%m%d}",
        }
        code = dict.fromkeys((0x00080100, 0x00080102, 0x00080104), "")
        query = {**_RETURN_KEYS, 0x00321064: [code], 0x00400100: [step]}
        begun = time.perf_counter()
        with self._connect([Proposal(MODALITY_WORKLIST)]) as association:
            found = list(association.find(MODALITY_WORKLIST, query, UTF8))
        self.tally.worklist_times.append(time.perf_counter() - begun)
        return sorted(found, key=lambda item: _step(item).get("ScheduledProcedureStepStartTime", ""))

    def perform(self, item: Dataset, seconds: float) -> None:
        """Begin, acquire for that long, store, end, and ask for commitment. Raises AssociationFailed."""
        subject = self._take_over(item)
        step_uid = subject.performed_step_uid
        if step_uid:
            self._report(lambda association: association.n_create(PERFORMED_STEP, step_uid, self._begun(subject), UTF8))
        with TemporaryDirectory() as folder:
            files = self._acquire(item, subject, Path(folder))
            sent = self._store(files, seconds)
        if step_uid:
            ended = self._ended(sent)
            self._report(lambda association: association.n_set(PERFORMED_STEP, step_uid, ended, UTF8))
        self._commit([file for _, file in sent])
        self.tally.add(exams=1)

    def _connect(self, proposals: list[Proposal]) -> ClientAssociation:
        return connect(self.archive.host, self.archive.port, self.title, self.archive.title, proposals)

    def _take_over(self, item: Dataset) -> Subject:
        step = _step(item)
        born = str(item.get("PatientBirthDate") or "")
        return Subject(
            patient_name=str(item.PatientName),
            patient_id=item.PatientID,
            issuer_of_patient_id=item.get("IssuerOfPatientID") or "",
            study_uid=item.StudyInstanceUID,
            accession_number=item.AccessionNumber,
            birth_date=datetime.strptime(born, "%Y%m%d").date() if len(born) == 8 else None,  # noqa: DTZ007
            sex=item.get("PatientSex") or "",
            requested_procedure_id=item.RequestedProcedureID,
            requested_procedure_description=item.get("RequestedProcedureDescription") or "",
            scheduled_step_id=step.ScheduledProcedureStepID,
            performed_step_uid="" if self.kind in WITHOUT_MPPS else self.mint(),
            performed_step_id=f"P{step.ScheduledProcedureStepID[1:]}",
            study_id=item.RequestedProcedureID,
            laterality=_side(item.get("RequestedProcedureDescription") or ""),
            referring_physician=str(item.get("ReferringPhysicianName") or ""),
            started=datetime.now(self.zone),
            station_ae=self.title,
            station_name=self.title,
        )

    def _acquire(self, item: Dataset, subject: Subject, folder: Path) -> list[tuple[Dataset, StoredFile]]:
        code = item.RequestedProcedureCodeSequence[0].CodeValue if item.get("RequestedProcedureCodeSequence") else ""
        procedure = self.procedures.get(code)
        picture = Picture(subject, self.kind, procedure.body_part if procedure else "", self.mint(), None)
        found: list[tuple[Dataset, StoredFile]] = []
        for data_set in objects(picture):
            path = folder / f"{len(found)}.dcm"
            dcmwrite(path, data_set, enforce_file_format=True)
            with path.open("rb") as file:
                meta = parse_file_meta(file.read(HEAD))
            stored = StoredFile(meta.sop_class, meta.sop_instance, meta.transfer_syntax, path, meta.offset)
            header = Dataset()
            header.SeriesInstanceUID = data_set.SeriesInstanceUID
            header.SeriesDescription = data_set.get("SeriesDescription") or ""
            found.append((header, stored))
        return found

    def _store(self, files: list[tuple[Dataset, StoredFile]], seconds: float) -> list[tuple[Dataset, StoredFile]]:
        """One by one, spread over the exam's time; all that is left at once when the day is over."""
        kinds = {(file.sop_class_uid, file.transfer_syntax_uid) for _, file in files}
        with self._connect([Proposal(sop_class, (syntax,)) for sop_class, syntax in kinds]) as association:
            for _, file in files:
                self.wait(seconds / len(files))
                begun = time.perf_counter()
                status = association.store(file)
                self.tally.store_times.append(time.perf_counter() - begun)
                if status.code:
                    raise AssociationFailed(f"{self.archive.title} answered an image with 0x{status.code:04X}")
                self.tally.add(images=1, bytes=file.path.stat().st_size - file.offset)
        return files

    def _report(self, act: Callable[[ClientAssociation], NormalizedResult]) -> None:
        with self._connect([Proposal(PERFORMED_STEP)]) as association:
            status = act(association).status
        if status.code:
            raise AssociationFailed(f"{self.archive.title} answered the performed step with 0x{status.code:04X}")

    def _begun(self, subject: Subject) -> Elements:
        """N-CREATE (PS3.4 Table F.7.2-1)."""
        return {
            0x00081120: [],
            0x00100010: subject.patient_name,
            0x00100020: subject.patient_id,
            0x00100030: f"{subject.birth_date:%Y%m%d}" if subject.birth_date else "",
            0x00100040: subject.sex,
            0x00200010: subject.study_id,
            0x00080060: self.kind,
            0x00081032: [],
            0x00400241: self.title,
            0x00400242: self.title,
            0x00400243: "",
            0x00400244: f"{subject.started:%Y%m%d}",
            0x00400245: f"{subject.started:%H%M%S}",
            0x00400250: "",
            0x00400251: "",
            0x00400252: "IN PROGRESS",
            0x00400253: subject.performed_step_id,
            0x00400254: subject.requested_procedure_description,
            0x00400255: "",
            0x00400260: [],
            0x00400270: [
                {
                    0x0020000D: subject.study_uid,
                    0x00081110: [],
                    0x00080050: subject.accession_number,
                    0x00401001: subject.requested_procedure_id,
                    0x00321060: subject.requested_procedure_description,
                    0x00400007: subject.requested_procedure_description,
                    0x00400008: [],
                    0x00400009: subject.scheduled_step_id,
                }
            ],
            0x00400340: [],
        }

    def _ended(self, sent: list[tuple[Dataset, StoredFile]]) -> Elements:
        """N-SET with the final state and every object that was made."""
        series: dict[str, dict[int, object]] = {}
        made: dict[str, list[Elements]] = {}
        for header, file in sent:
            uid = header.SeriesInstanceUID
            series.setdefault(uid, {0x0020000E: uid, 0x0008103E: header.SeriesDescription, 0x00080054: ""})
            made.setdefault(uid, []).append({0x00081150: file.sop_class_uid, 0x00081155: file.sop_instance_uid})
        now = datetime.now(self.zone)
        fixed = {0x00081050: "", 0x00081070: "Castaneda^Ruben", 0x00181030: "Standard", 0x00400220: []}
        return {
            0x00400250: f"{now:%Y%m%d}",
            0x00400251: f"{now:%H%M%S}",
            0x00400252: "COMPLETED",
            0x00400340: [{**facts, **fixed, 0x00081140: made[uid]} for uid, facts in series.items()],
        }

    def _commit(self, files: list[StoredFile]) -> None:
        """N-ACTION (PS3.4 J.3.2); the answer comes later, to the listener."""
        references = [{0x00081150: file.sop_class_uid, 0x00081155: file.sop_instance_uid} for file in files]
        asked = {0x00081195: self.mint(), 0x00081199: references}
        with self._connect([Proposal(STORAGE_COMMITMENT)]) as association:
            association.n_action(STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, 1, asked)


def _step(item: Dataset) -> Dataset:
    step: Dataset = item.ScheduledProcedureStepSequence[0]
    return step


def _side(description: str) -> str:
    """The side in the words of the request."""
    words = description.lower().split()
    return "R" if "right" in words else "L" if "left" in words else ""
