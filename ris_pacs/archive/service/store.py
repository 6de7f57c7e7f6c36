"""Filing received objects: rows, counters and links, in one transaction with others of the moment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ris_pacs.archive import rules
from ris_pacs.archive.errors import SeriesElsewhere
from ris_pacs.archive.events import InstancesStored
from ris_pacs.archive.models import Instance, InstanceConflict, Quarantined, Series, Study
from ris_pacs.archive.service import link
from ris_pacs.archive.service.link import ReceivedKeys
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True)
class StudyFacts:
    study_instance_uid: str
    study_date: str = ""
    study_time: str = ""
    study_id: str = ""
    description: str = ""
    referrer: str = ""


@dataclass(frozen=True)
class SeriesFacts:
    series_instance_uid: str
    modality: str = ""
    number: int | None = None
    description: str = ""
    body_part: str = ""
    laterality: str = ""
    station: str = ""
    series_date: str = ""
    series_time: str = ""


@dataclass(frozen=True)
class InstanceFacts:
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size: int
    digest: str
    dataset_offset: int
    number: int | None = None
    rows: int | None = None
    columns: int | None = None
    frames: int | None = None
    pixel_offset: int | None = None
    frame_table: bytes | None = None


@dataclass(frozen=True)
class PatientFacts:
    """The patient as the object has it. name: DICOM PN; birth_date: as received (DA)."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True)
class ReceivedObject:
    """An object whose file is placed and durable under rules.object_key, ready to be filed.

    source: the AE title, "import" or another name of where it came from. device_id: when a known device sent it.
    """

    study: StudyFacts
    series: SeriesFacts
    instance: InstanceFacts
    patient: PatientFacts
    keys: ReceivedKeys
    source: str
    device_id: int | None = None

    @property
    def object_key(self) -> str:
        return rules.object_key(self.study.study_instance_uid, self.instance.sop_instance_uid, self.instance.digest)

    @property
    def identity_digest(self) -> str:
        """Who and what the object says it is; the same for all objects of a series that belongs together."""
        facts = [asdict(self.patient), asdict(self.keys) | {"issuer_id": None}]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """kind: "stored", "known" (the same object was here) or "conflict" (kept aside)."""

    kind: str
    instance_id: int


@dataclass
class _StudyTally:
    count: int = 0
    bytes: int = 0
    new_series: int = 0
    modalities: set[str] = field(default_factory=set)
    actor: Actor | None = None


class _Tally:
    """What one transaction adds to studies and series; written once at its end."""

    def __init__(self) -> None:
        self.studies: dict[int, _StudyTally] = {}
        self.series: dict[int, tuple[int, int]] = {}

    def write(self, uow: UnitOfWork) -> None:
        for series_id in sorted(self.series):
            count, size = self.series[series_id]
            uow.session.execute(
                update(Series)
                .where(Series.id == series_id)
                .values(instance_count=Series.instance_count + count, bytes=Series.bytes + size)
                .execution_options(synchronize_session=False)
            )
        for study_id in sorted(self.studies):
            self._write_study(uow, study_id, self.studies[study_id])
        self.series.clear()
        self.studies.clear()

    @staticmethod
    def _write_study(uow: UnitOfWork, study_id: int, tally: _StudyTally) -> None:
        values: dict[str, Any] = {
            "instance_count": Study.instance_count + tally.count,
            "series_count": Study.series_count + tally.new_series,
            "bytes": Study.bytes + tally.bytes,
            "changed_at": uow.now,
        }
        modalities = uow.session.execute(
            update(Study)
            .where(Study.id == study_id)
            .values(**values)
            .returning(Study.modalities)
            .execution_options(synchronize_session=False)
        ).scalar_one()
        joined = "\\".join(sorted(tally.modalities | set(filter(None, modalities.split("\\")))))
        if joined != modalities:
            uow.session.execute(
                update(Study)
                .where(Study.id == study_id)
                .values(modalities=joined[:100])
                .execution_options(synchronize_session=False)
            )
        if tally.count:
            assert tally.actor is not None
            _tell(uow, study_id, tally, tally.actor)


def _tell(uow: UnitOfWork, study_id: int, tally: _StudyTally, actor: Actor) -> None:
    """The rest of the house hears of new images; if it stumbles, the images stay and a person sees it."""
    try:
        with uow.savepoint():
            uow.emit(InstancesStored(study_id, tally.count), actor)
    except Exception:
        log.exception("reaction to images failed", study_id=study_id)
        link.open_case(uow, study_id, None, rules.Reason.LINK_FAILED, "The exam could not be moved; look at it", actor)


def store_object(uow: UnitOfWork, received: ReceivedObject, actor: Actor) -> Outcome:
    """File an object. Its link is made, or its case opened, with the first object of its series.

    Raises SeriesElsewhere, Forbidden.
    """
    demand(actor, Right.STUDY_STORE)
    known = uow.session.execute(
        select(Instance.id, Instance.digest, Instance.transfer_syntax_uid).where(
            Instance.sop_instance_uid == received.instance.sop_instance_uid
        )
    ).one_or_none()
    if known is not None:
        return _known_object(uow, known.id, known.digest, received)
    study_id = _study(uow, received, actor)
    series = _series(uow, study_id, received, actor)
    instance_id = _insert_instance(uow, series.id, received)
    if instance_id is None:  # Another association was faster in this moment.
        return store_object(uow, received, actor)
    tally = uow.tally(_Tally)
    count, size = tally.series.get(series.id, (0, 0))
    tally.series[series.id] = (count + 1, size + received.instance.size)
    one = tally.studies.setdefault(study_id, _StudyTally())
    one.count += 1
    one.bytes += received.instance.size
    one.new_series += series.new
    one.modalities |= {received.series.modality} - {""}
    one.actor = actor
    audit.record_view(
        uow,
        actor,
        ("study", study_id),
        patient_id=None,
        accession_number=received.keys.accession_number or None,
        action="store",
    )
    return Outcome("stored", instance_id)


def _known_object(uow: UnitOfWork, instance_id: int, digest: str, received: ReceivedObject) -> Outcome:
    """The same content again is done with; another content under the same UID is kept aside for a person."""
    if digest == received.instance.digest:
        return Outcome("known", instance_id)
    insert_once = _dialect(uow).insert(InstanceConflict)
    uow.session.execute(
        insert_once.values(
            instance_id=instance_id,
            key=received.object_key,
            size=received.instance.size,
            digest=received.instance.digest,
            source=received.source,
            received_at=uow.now,
        ).on_conflict_do_nothing(index_elements=["key"])
    )
    uow.touch("archive")
    return Outcome("conflict", instance_id)


def _study(uow: UnitOfWork, received: ReceivedObject, actor: Actor) -> int:
    """The study's row; made from the first object that comes."""
    facts, patient = received.study, received.patient
    found = uow.session.scalar(select(Study.id).where(Study.study_instance_uid == facts.study_instance_uid))
    if found is not None:
        return found
    made = uow.session.scalar(
        _dialect(uow)
        .insert(Study)
        .values(
            **asdict(facts),
            received_patient_id=patient.patient_id,
            received_issuer=patient.issuer,
            received_name=patient.name,
            received_name_key=PersonName.from_dicom(patient.name).folded[:200],
            received_birth_date=patient.birth_date,
            received_sex=patient.sex,
            accession_number=received.keys.accession_number,
            accession_issuer=received.keys.accession_issuer,
            station=received.series.station,
            received_at=uow.now,
            changed_at=uow.now,
        )
        .on_conflict_do_nothing(index_elements=["study_instance_uid"])
        .returning(Study.id)
    )
    return made if made is not None else _study(uow, received, actor)


@dataclass(frozen=True)
class _SeriesRow:
    id: int
    new: bool


def _series(uow: UnitOfWork, study_id: int, received: ReceivedObject, actor: Actor) -> _SeriesRow:
    facts = received.series
    found = uow.session.execute(
        select(Series.id, Series.study_id, Series.identity).where(
            Series.series_instance_uid == facts.series_instance_uid
        )
    ).one_or_none()
    if found is None:
        return _new_series(uow, study_id, received, actor)
    if found.study_id != study_id:
        raise SeriesElsewhere(f"The series {facts.series_instance_uid} belongs to another study already.")
    if found.identity != received.identity_digest:
        text = "Objects of one series name different patients or orders"
        link.open_case(uow, study_id, found.id, rules.Reason.OBJECTS_DISAGREE, text, actor)
    return _SeriesRow(found.id, False)


def _new_series(uow: UnitOfWork, study_id: int, received: ReceivedObject, actor: Actor) -> _SeriesRow:
    facts = asdict(received.series)
    facts.pop("station")
    made = uow.session.scalar(
        _dialect(uow)
        .insert(Series)
        .values(
            **facts,
            study_id=study_id,
            identity=received.identity_digest,
            received={"patient": asdict(received.patient), "keys": asdict(received.keys)},
            received_at=uow.now,
        )
        .on_conflict_do_nothing(index_elements=["series_instance_uid"])
        .returning(Series.id)
    )
    if made is None:
        return _series(uow, study_id, received, actor)
    _link(uow, study_id, made, received, actor)
    return _SeriesRow(made, True)


def _link(uow: UnitOfWork, study_id: int, series_id: int, received: ReceivedObject, actor: Actor) -> None:
    """Linking never refuses an image: if it fails, that is recorded, shown, and retried by a person."""
    try:
        with uow.savepoint():
            link.link_series(uow, study_id, series_id, received.keys, link.identity_of(uow, received), actor)
    except Exception:
        log.exception("linking failed", study_id=study_id, accession_number=received.keys.accession_number)
        link.open_case(uow, study_id, series_id, rules.Reason.LINK_FAILED, "Linking failed; link it by hand", actor)


def _insert_instance(uow: UnitOfWork, series_id: int, received: ReceivedObject) -> int | None:
    made: int | None = uow.session.scalar(
        _dialect(uow)
        .insert(Instance)
        .values(**asdict(received.instance), series_id=series_id, source=received.source, received_at=uow.now)
        .on_conflict_do_nothing(index_elements=["sop_instance_uid"])
        .returning(Instance.id)
    )
    return made


def _dialect(uow: UnitOfWork) -> Any:
    return sqlite if uow.session.get_bind().dialect.name == "sqlite" else postgresql


@dataclass(frozen=True)
class Refused:
    """An object that was not filed; its bytes are under `key` in the blob store."""

    key: str
    reason: str
    size: int
    source: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


def quarantine(uow: UnitOfWork, refused: Refused, actor: Actor) -> None:
    """Keep what could not be filed, with the reason, for the quarantine page."""
    uow.session.execute(
        insert(Quarantined).values(
            key=refused.key,
            reason=refused.reason,
            size=refused.size,
            source=refused.source,
            sop_class_uid=refused.sop_class_uid[:64],
            sop_instance_uid=refused.sop_instance_uid[:64],
            at=uow.now,
        )
    )
    audit.record(uow, actor, "quarantine", ("object", refused.sop_instance_uid or refused.key), patient_id=None)
    uow.touch("archive")
