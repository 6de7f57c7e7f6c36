"""The associations on which a C-MOVE sends (PS3.4 C.4.2.2.1)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ris_pacs.dicom.client import AssociationFailed, ClientAssociation, NothingAccepted, Proposal, connect
from ris_pacs.dicom.handlers import Destination, Status, StoredFile
from ris_pacs.dicom.pdu import MAX_CONTEXTS
from ris_pacs.dicom.sub_operations import NO_CONTEXT, Originator
from ris_pacs.dicom.transfer_syntaxes import Transcode

BATCH = 500  # files looked at together to know what to propose
MAX_LOSSES = 3  # associations lost one after the other before the rest is given up

_FALLBACK = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
_LOST = 0xA702  # refused: out of resources, unable to perform sub-operations

Kind = tuple[str, str]  # SOP class, stored transfer syntax


@dataclass(frozen=True)
class Route:
    """Where files go, and in whose name. timeout: seconds that the destination has for each answer."""

    destination: Destination
    calling: str
    originator: Originator
    transcode: Transcode | None
    timeout: float


@dataclass
class Group:
    """Files that fit on one association, and what to propose for them."""

    files: list[StoredFile] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)

    def has_room_for(self, kind: Kind) -> bool:
        return _contexts_needed(self.kinds | {kind}) <= MAX_CONTEXTS

    def proposals(self) -> list[Proposal]:
        """Each stored syntax in a context of its own, so that the peer cannot choose another for it;
        and for each class one of the syntaxes that everything uncompressed can be turned into."""
        stored = [Proposal(sop_class, (syntax,)) for sop_class, syntax in sorted(self.kinds)]
        return stored + [Proposal(sop_class, _FALLBACK) for sop_class in sorted(_classes(self.kinds))]


def forward(files: Iterator[StoredFile], route: Route) -> Generator[tuple[StoredFile, Status], None, None]:
    """Send the files one after the other; each with what became of it.

    Nothing here raises: a destination that cannot be reached makes every file fail, with the reason as
    the Status's comment. Close the iterator to stop early; that releases the association.
    """
    lane = _Lane(route)
    try:
        while batch := list(islice(files, BATCH)):
            for group in group_files(batch):
                for file in group.files:
                    yield file, lane.send(file, group)
    finally:
        lane.close()


def group_files(files: list[StoredFile]) -> list[Group]:
    """As few groups as 128 presentation contexts on an association allow; one, nearly always."""
    groups = [Group()]
    group_of: dict[Kind, Group] = {}
    for file in files:
        kind = _kind(file)
        if kind not in group_of:
            if not groups[-1].has_room_for(kind):
                groups.append(Group())
            groups[-1].kinds.add(kind)
            group_of[kind] = groups[-1]
        group_of[kind].files.append(file)
    return [group for group in groups if group.files]


class _Lane:
    """At most one association at a time, opened when it is needed."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._association: ClientAssociation | None = None
        self._proposed: set[Kind] = set()
        self._losses = 0
        self._given_up = ""

    def send(self, file: StoredFile, group: Group) -> Status:
        if self._given_up:
            return Status(_LOST, self._given_up)
        try:
            association = self._association_for(file, group)
        except NothingAccepted:
            return NO_CONTEXT
        except AssociationFailed as error:
            self._given_up = str(error)
            return Status(_LOST, self._given_up)
        if association is None:
            return NO_CONTEXT
        try:
            status = association.store(file, originator=self._route.originator)
        except AssociationFailed as error:
            self._drop()
            self._losses += 1
            if self._losses >= MAX_LOSSES:
                self._given_up = str(error)
            return Status(_LOST, str(error))
        self._losses = 0
        return status

    def close(self) -> None:
        if self._association:
            with suppress(AssociationFailed):
                self._association.release()
        self._association = None

    def _association_for(self, file: StoredFile, group: Group) -> ClientAssociation | None:
        """None where the peer has already refused all that this group needs."""
        if _kind(file) in self._proposed:
            return self._association
        self.close()
        self._proposed = set(group.kinds)
        to = self._route.destination
        self._association = connect(
            to.host,
            to.port,
            self._route.calling,
            to.ae_title,
            group.proposals(),
            timeout=self._route.timeout,
            tls=to.tls,
            transcode=self._route.transcode,
        )
        return self._association

    def _drop(self) -> None:
        if self._association:
            self._association.abort()
        self._association, self._proposed = None, set()


def _kind(file: StoredFile) -> Kind:
    return file.sop_class_uid, file.transfer_syntax_uid


def _classes(kinds: set[Kind]) -> set[str]:
    return {sop_class for sop_class, _ in kinds}


def _contexts_needed(kinds: set[Kind]) -> int:
    return len(kinds) + len(_classes(kinds))
