"""C-FIND of the Patient Root and Study Root query models (PS3.4 C.4.1, C.6)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ris_pacs.archive.queries import find
from ris_pacs.archive.queries.attributes import (
    STUDIES_OF_PATIENT,
    instance_elements,
    keys_of,
    patient_elements,
    readable_keys,
    series_elements,
    study_elements,
)
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.dicom.character_sets import choose_character_set
from ris_pacs.dicom.handlers import Association, DimseFailure, Elements, FindRequest, Match, Status
from ris_pacs.dicom.matching import matches
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.uow import System, UnitOfWork, read_only

LEVEL, CHARACTER_SET = 0x00080052, 0x00080005
# PS3.4 Table C.4-1.
IDENTIFIER_DOES_NOT_MATCH = 0xA900


class ArchiveFind:
    """Finds at every level; keys of a level above may be left out (relational)."""

    def __init__(self, system: System, ae_title: str) -> None:
        self._system = system
        self._ae_title = ae_title

    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        demand(actor, Right.STUDY_VIEW)
        level = level_of(request.identifier, request.sop_class_uid)
        accepted = association.device.character_sets or asked_in(request.identifier)
        wanted = {int(element.tag) for element in request.identifier}
        keys = keys_of(request.identifier)
        with read_only(self._system) as uow:
            audit.record(
                uow,
                actor,
                "query archive",
                ("archive", level),
                patient_id=None,
                detail={"keys": readable_keys(request.identifier)},
            )
        with read_only(self._system) as uow:
            for elements in self._answers(uow, level, keys, actor):
                if matches(request.identifier, elements):
                    yield self._match(elements, wanted, level, accepted)

    def _answers(self, uow: UnitOfWork, level: str, keys: FindKeys, actor: Actor) -> Iterator[Elements]:
        if level == "PATIENT":
            for patient in find.find_patients(uow, keys, actor):
                yield {**patient_elements(patient.study), STUDIES_OF_PATIENT: patient.studies}
        elif level == "STUDY":
            for study in find.find_studies(uow, keys, actor):
                yield study_elements(study)
        elif level == "SERIES":
            for series in find.find_series(uow, keys, actor):
                yield {**study_elements(series.study), **series_elements(series.series)}
        else:
            for one in find.find_instances(uow, keys, actor):
                yield {
                    **study_elements(one.study),
                    **series_elements(one.series),
                    **instance_elements(one.instance),
                }

    def _match(self, elements: Elements, wanted: set[int], level: str, accepted: tuple[str, ...]) -> Match:
        """What was asked for, as far as we have it, in a character set that the asker can read."""
        answer = {tag: value for tag, value in elements.items() if tag in wanted}
        answer[LEVEL] = level
        answer[0x00080054] = self._ae_title
        answer[0x00080056] = "ONLINE"
        texts = [value for value in answer.values() if isinstance(value, str)]
        return Match(answer, choose_character_set(texts, accepted))


def level_of(identifier: Dataset, sop_class_uid: str) -> str:
    """Raises DimseFailure."""
    level = str(identifier.get("QueryRetrieveLevel", "")).strip()
    if level not in find.LEVELS:
        raise DimseFailure(Status(IDENTIFIER_DOES_NOT_MATCH, f"no such level: {level[:16]!r}", (LEVEL,)))
    if level == "PATIENT" and not sop_class_uid.startswith("1.2.840.10008.5.1.4.1.2.1."):
        raise DimseFailure(Status(IDENTIFIER_DOES_NOT_MATCH, "PATIENT is no level of this model", (LEVEL,)))
    return level


def asked_in(identifier: Dataset) -> tuple[str, ...]:
    """The character set that the query itself is written in: what the asker can surely read."""
    value = identifier.get("SpecificCharacterSet")
    if not value:
        return ()
    return (value,) if isinstance(value, str) else ("\\".join(value),)
