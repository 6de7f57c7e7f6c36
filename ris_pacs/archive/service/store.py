"""Filing received objects: rows, counters and links, in one transaction with others of the moment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Executable, bindparam, insert, select

from ris_pacs.archive import rules
from ris_pacs.archive.errors import SeriesElsewhere
from ris_pacs.archive.models import Instance, InstanceConflict, Quarantined, Series, Study
from ris_pacs.archive.service import link
from ris_pacs.archive.service.link import ReceivedKeys
from ris_pacs.archive.service.tally import StudyTally, Tally
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.prepared import Prepared
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

    @cached_property
    def object_key(self) -> str:
        return rules.object_key(self.study.study_instance_uid, self.instance.sop_instance_uid, self.instance.digest)

    @property
    def identity_digest(self) -> str:
        """Who and what the object says it is; the same for all objects of a series that belongs together."""
        return _identity_digest(self.patient, self.keys)


@lru_cache(1024)  # One object after the other says the same.
def _identity_digest(patient: PatientFacts, keys: ReceivedKeys) -> str:
    facts = [asdict(patient), asdict(keys) | {"issuer_id": None}]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """kind: "stored", "known" (the same object was here) or "conflict" (kept aside)."""

    kind: str
    instance_id: int


def store_object(uow: UnitOfWork, received: ReceivedObject, actor: Actor) -> Outcome:
    """File an object. Its link is made, or its case opened, with the first object of its series.

    Raises SeriesElsewhere, Forbidden.
    """
    demand(actor, Right.STUDY_STORE)
    series = _known_series(uow, received)
    if series is None or series.study_instance_uid != received.study.study_instance_uid:
        if known := _known_instance(uow, received):
            return _known_object(uow, known, received)
        if series is not None:
            raise SeriesElsewhere(f"The series {series.series_instance_uid} belongs to another study already.")
        series = _new_series(uow, _study(uow, received), received, actor)
    instance_id = _insert_instance(uow, series.id, received)
    if instance_id is None:  # It is here already, or another association was faster in this moment.
        return _known_object(uow, _known_instance(uow, received), received)
    if series.identity != received.identity_digest:
        text = "Objects of one series name different patients or orders"
        link.open_case(uow, series.study_id, series.id, rules.Reason.OBJECTS_DISAGREE, text, actor)
    uow.tally(Tally).add(
        series.study_id, series.id, StudyTally(1, received.instance.size, series.new, {received.series.modality}, actor)
    )
    audit.record_view(
        uow,
        actor,
        ("study", series.study_id),
        patient_id=None,
        accession_number=received.keys.accession_number[:16] or None,
        action="store",
    )
    return Outcome("stored", instance_id)


@dataclass(frozen=True)
class _KnownInstance:
    id: int
    digest: str


_INSTANCE = Prepared(select(Instance.id, Instance.digest).where(Instance.sop_instance_uid == bindparam("uid")))


def _known_instance(uow: UnitOfWork, received: ReceivedObject) -> _KnownInstance | None:
    found = uow.run(_INSTANCE, {"uid": received.instance.sop_instance_uid})
    return _KnownInstance(*found[0]) if found else None


def _known_object(uow: UnitOfWork, known: _KnownInstance | None, received: ReceivedObject) -> Outcome:
    """The same content again is done with; another content under the same UID is kept aside for a person."""
    assert known is not None
    if known.digest == received.instance.digest:
        return Outcome("known", known.id)
    uow.connection.execute(
        insert_of(uow.dialect)(InstanceConflict)
        .values(
            instance_id=known.id,
            key=received.object_key,
            size=received.instance.size,
            digest=received.instance.digest,
            source=received.source,
            received_at=uow.now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )
    uow.touch("archive")
    return Outcome("conflict", known.id)


@dataclass(frozen=True)
class _KnownSeries:
    id: int
    series_instance_uid: str
    study_id: int
    study_instance_uid: str
    identity: str
    new: bool = False


_SERIES = Prepared(
    select(Series.id, Series.series_instance_uid, Series.study_id, Study.study_instance_uid, Series.identity)
    .join(Study, Study.id == Series.study_id)
    .where(Series.series_instance_uid == bindparam("uid"))
)


def _known_series(uow: UnitOfWork, received: ReceivedObject) -> _KnownSeries | None:
    found = uow.run(_SERIES, {"uid": received.series.series_instance_uid})
    return _KnownSeries(*found[0]) if found else None


def _study(uow: UnitOfWork, received: ReceivedObject) -> int:
    """The study's row; made from the first object that comes."""
    facts, patient = received.study, received.patient
    found = uow.session.scalar(select(Study.id).where(Study.study_instance_uid == facts.study_instance_uid))
    if found is not None:
        return found
    made: int | None = uow.connection.execute(
        insert_of(uow.dialect)(Study)
        .values(
            **asdict(facts),
            received_patient_id=patient.patient_id,
            received_issuer=patient.issuer,
            received_name=patient.name,
            received_name_key=PersonName.from_dicom(patient.name).folded[:200],
            received_birth_date=patient.birth_date,
            received_sex=patient.sex,
            accession_number=received.keys.accession_number[:16],
            accession_issuer=received.keys.accession_issuer,
            station=received.series.station,
            received_at=uow.now,
            changed_at=uow.now,
        )
        .on_conflict_do_nothing(index_elements=["study_instance_uid"])
        .returning(Study.id)
    ).scalar_one_or_none()
    return made if made is not None else _study(uow, received)


def _new_series(uow: UnitOfWork, study_id: int, received: ReceivedObject, actor: Actor) -> _KnownSeries:
    """The series' row, with its link or its case."""
    facts = asdict(received.series)
    facts.pop("station")
    made: int | None = uow.connection.execute(
        insert_of(uow.dialect)(Series)
        .values(
            **facts,
            study_id=study_id,
            identity=received.identity_digest,
            received={"patient": asdict(received.patient), "keys": asdict(received.keys)},
            received_at=uow.now,
        )
        .on_conflict_do_nothing(index_elements=["series_instance_uid"])
        .returning(Series.id)
    ).scalar_one_or_none()
    if made is None:  # Another association was faster in this moment.
        found = _known_series(uow, received)
        if found is None or found.study_id != study_id:
            raise SeriesElsewhere(f"The series {facts['series_instance_uid']} belongs to another study already.")
        return found
    _link(uow, study_id, made, received, actor)
    uids = received.series.series_instance_uid, received.study.study_instance_uid
    return _KnownSeries(made, uids[0], study_id, uids[1], received.identity_digest, new=True)


def _link(uow: UnitOfWork, study_id: int, series_id: int, received: ReceivedObject, actor: Actor) -> None:
    """Linking never refuses an image: if it fails, that is recorded, shown, and retried by a person."""
    try:
        with uow.savepoint():
            link.link_series(uow, study_id, series_id, received.keys, link.identity_of(uow, received), actor)
    except Exception:
        log.exception("linking failed", study_id=study_id, accession_number=received.keys.accession_number)
        link.open_case(uow, study_id, series_id, rules.Reason.LINK_FAILED, "Linking failed; link it by hand", actor)


def _insert_instance(uow: UnitOfWork, series_id: int, received: ReceivedObject) -> int | None:
    more = {"series_id": series_id, "source": received.source, "received_at": uow.now}
    made = uow.run(_NEW_INSTANCE, vars(received.instance) | more)
    return made[0].id if made else None


def _new_instance(dialect: str) -> Executable:
    statement: Executable = (
        insert_of(dialect)(Instance).on_conflict_do_nothing(index_elements=["sop_instance_uid"]).returning(Instance.id)
    )
    return statement


_NEW_INSTANCE = Prepared(
    _new_instance, (*(one.name for one in fields(InstanceFacts)), "series_id", "source", "received_at")
)


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
