"""C-STORE (PS3.4 Annex B): a file and its row are durable before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ris_pacs.archive.errors import BadObject
from ris_pacs.archive.service.receive import Reception, Source
from ris_pacs.archive.service.store import Refused, quarantine, store_object
from ris_pacs.dicom.handlers import SUCCESS, Association, Status, StoreRequest, StoreSink
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import GroupCommit, System, unit_of_work

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

log = structlog.get_logger()

# PS3.4 Table B.2-1.
CANNOT_UNDERSTAND = 0xC000


class ArchiveStore:
    """The archive as storage service. One for each process: it groups the commits of all associations."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._group = GroupCommit(system)

    def receive(self, request: StoreRequest, association: Association) -> StoreSink | Status:
        try:
            return _Sink(self._system, self._group, request, association)
        except DomainError as problem:
            return Status(problem.answer.dimse, problem.message)


class _Sink:
    def __init__(self, system: System, group: GroupCommit, request: StoreRequest, association: Association) -> None:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        self._system = system
        self._group = group
        self._actor = actor
        self._request = request
        self._reception = Reception(
            system.blobs,
            request.sop_class_uid,
            request.sop_instance_uid,
            request.transfer_syntax_uid,
            Source(association.device.ae_title, association.device.id, association.device.ae_title),
        )

    def write(self, fragment: memoryview) -> None:
        self._reception.write(fragment)

    def finish(self) -> Status:
        try:
            received = self._reception.finish()
        except BadObject as problem:
            return self._refuse(problem)
        except DomainError as problem:
            self._reception.discard()
            return Status(problem.answer.dimse, problem.message)

        def file(uow: UnitOfWork) -> str:
            return store_object(uow, received, self._actor).kind

        try:
            kind = self._group.run(file)
        except DomainError as problem:
            log.warning("object not filed", reason=problem.code, sop_instance_uid=self._request.sop_instance_uid)
            return Status(problem.answer.dimse, problem.message)
        if kind == "conflict":
            log.warning("another object under a known UID, kept aside", uid=self._request.sop_instance_uid)
        return SUCCESS

    def _refuse(self, problem: BadObject) -> Status:
        """What cannot be filed is kept with the reason, and the sender is told."""
        refused = Refused(
            key=self._reception.quarantine_key(),
            reason=problem.message,
            size=self._reception.size,
            source=self._actor.name,
            sop_class_uid=self._request.sop_class_uid,
            sop_instance_uid=self._request.sop_instance_uid,
        )
        with unit_of_work(self._system) as uow:
            quarantine(uow, refused, self._actor)
        log.warning("object quarantined", reason=problem.message)
        return Status(CANNOT_UNDERSTAND, problem.message)

    def discard(self) -> None:
        self._reception.discard()
