"""C-MOVE and C-GET (PS3.4 C.4.2, C.4.3): files as stored, to whom the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterator
from ssl import SSLContext

from ris_pacs.archive.dimse.find import IDENTIFIER_DOES_NOT_MATCH, level_of
from ris_pacs.archive.queries import StoredInstance, find
from ris_pacs.archive.queries.attributes import keys_of
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.catalog import queries as catalog
from ris_pacs.dicom.handlers import (
    Association,
    Destination,
    DimseFailure,
    Retrieval,
    RetrieveRequest,
    Status,
    StoredFile,
)
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.uow import System, read_only

# PS3.4 Table C.4-2.
DESTINATION_UNKNOWN = 0xA801

_UNIQUE_KEY = {"PATIENT": "patient_id", "STUDY": "study_uids", "SERIES": "series_uids", "IMAGE": "sop_uids"}


class ArchiveRetrieve:
    """tls: for destinations that are to be sent to over TLS."""

    def __init__(self, system: System, tls: SSLContext) -> None:
        self._system = system
        self._tls = tls

    def retrieve(self, request: RetrieveRequest, association: Association) -> Retrieval:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        demand(actor, Right.STUDY_VIEW)
        level = level_of(request.identifier, request.sop_class_uid)
        keys = keys_of(request.identifier)
        if not getattr(keys, _UNIQUE_KEY[level]):
            raise DimseFailure(Status(IDENTIFIER_DOES_NOT_MATCH, f"the unique key of level {level} is missing"))
        destination = self._destination(request.destination)
        with read_only(self._system) as uow:
            count = find.count_instances(uow, keys, actor)
            for study in find.studies_of_instances(uow, keys, actor):
                audit.record_view(
                    uow,
                    actor,
                    ("study", study.id),
                    patient_id=study.patient_id,
                    accession_number=study.accession_number or None,
                    action="retrieve",
                )
        return Retrieval(count, self._files(keys, actor), destination)

    def _destination(self, title: str | None) -> Destination | None:
        """Where to; None for C-GET, over the same association."""
        if title is None:
            return None
        with read_only(self._system) as uow:
            device = catalog.known_device(uow, title)
        if device is None or not device.host or device.port is None:
            raise DimseFailure(Status(DESTINATION_UNKNOWN, f"move destination {title} has no known address"))
        return Destination(device.ae_title, device.host, device.port, self._tls if device.tls else None)

    def _files(self, keys: FindKeys, actor: Actor) -> Iterator[StoredFile]:
        with read_only(self._system) as uow:
            for stored in find.stored_instances(uow, keys, actor):
                yield self._file(stored)

    def _file(self, stored: StoredInstance) -> StoredFile:
        return StoredFile(
            stored.sop_class_uid,
            stored.sop_instance_uid,
            stored.transfer_syntax_uid,
            self._system.blobs.path(stored.object_key),
            stored.dataset_offset,
        )
