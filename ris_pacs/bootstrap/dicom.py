"""The DICOM listener of one process."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pynetdicom.sop_class import _STORAGE_CLASSES

from ris_pacs.archive.dimse.commitment import StorageCommitment
from ris_pacs.archive.dimse.find import ArchiveFind
from ris_pacs.archive.dimse.retrieve import ArchiveRetrieve
from ris_pacs.archive.dimse.store import ArchiveStore
from ris_pacs.archive.queries.attributes import attributes
from ris_pacs.bootstrap.tls import client_context
from ris_pacs.catalog.dimse import Registered
from ris_pacs.config import Settings
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.server import Server
from ris_pacs.dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    PERFORMED_STEP,
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from ris_pacs.imaging.decompress import decompressed
from ris_pacs.kernel.uow import System
from ris_pacs.worklist.dimse.find import WorklistFind
from ris_pacs.worklist.dimse.mpps import PerformedSteps


@dataclass(frozen=True)
class Listener:
    """tls: None for associations in the clear."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None


def dicom_services(settings: Settings, system: System) -> Services:
    """What each SOP class is answered by."""
    store = ArchiveStore(system)
    find = ArchiveFind(system, settings.ae_title)
    retrieve = ArchiveRetrieve(system, client_context(settings))
    return Services(
        store=store,
        storage_classes=frozenset(_STORAGE_CLASSES.values()),
        find={PATIENT_ROOT_FIND: find, STUDY_ROOT_FIND: find, MODALITY_WORKLIST: WorklistFind(system)},
        retrieve=dict.fromkeys((PATIENT_ROOT_MOVE, PATIENT_ROOT_GET, STUDY_ROOT_MOVE, STUDY_ROOT_GET), retrieve),
        normalized={PERFORMED_STEP: PerformedSteps(system), STORAGE_COMMITMENT: StorageCommitment(system)},
        extended={PATIENT_ROOT_FIND: b"\x01\x01", STUDY_ROOT_FIND: b"\x01\x01"},
        transcode=partial(decompressed, scratch=settings.data_dir),
    )


def query_attributes() -> dict[str, list[int]]:
    """What C-FIND answers at each level, for the conformance statement."""
    return attributes()


def build_dicom(settings: Settings, system: System, listeners: Sequence[Listener]) -> list[Server]:
    services = dicom_services(settings, system)
    lookup = Registered(system, settings.ae_title)
    return [Server(one.socket, services, lookup, tls=one.tls) for one in listeners]
