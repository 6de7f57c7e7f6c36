"""Order groups: what belongs together in ORM^O01, OMI^O23, OMG^O19, ORU^R01 and their like.

A group begins with ORC, or with an OBR that has no ORC of its own before it, and goes on to the next one:
timing, notes, observations, diagnoses, IPC and Z segments are the group's. Where several OBR follow one ORC,
each is a group and they share the ORC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ris_pacs.hl7.elements import Element, Segment, resolve
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.paths import parse_path


@dataclass(frozen=True)
class OrderGroup:
    """One order. segments: all of it in order, beginning with a shared ORC if there is one.

    patient: the PID that the group stands under. It is not the message's first one in the prior results
    of an OMG^O19, which are other exams, not orders.
    """

    segments: tuple[Segment, ...]
    patient: Segment | None = None

    @property
    def orc(self) -> Segment | None:
        return self.first("ORC")

    @property
    def obr(self) -> Segment | None:
        return self.first("OBR")

    def __getitem__(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)

    def at(self, path: str) -> Element:
        """A place in this group: "OBR-4.1", "IPC[2]-1". The element's own path counts in the whole message."""
        place = parse_path(path)
        named = self[place.segment]
        if place.occurrence > len(named):
            return resolve(None, place)
        segment = named[place.occurrence - 1]
        return resolve(segment, replace(place, occurrence=segment.occurrence))

    def get(self, path: str) -> str:
        return self.at(path).text

    def after(self, segment: Segment, name: str) -> list[Segment]:
        """The segments of a name that follow `segment` directly: the NTE of one OBX, of the OBR, of the ORC."""
        start = self.segments.index(segment) + 1
        found = []
        for follower in self.segments[start:]:
            if follower.name != name:
                break
            found.append(follower)
        return found


def order_groups(message: Message) -> list[OrderGroup]:
    """Every order group of a message, in order."""
    return list(_groups(message))


def _groups(message: Message) -> Iterator[OrderGroup]:
    current: list[Segment] = []
    patient: Segment | None = None
    orc: Segment | None = None
    has_obr = False
    for segment in message:
        begins = segment.name == "ORC" or (segment.name == "OBR" and (has_obr or not current))
        if (begins or segment.name == "PID") and current:
            yield OrderGroup(tuple(current), patient)
            current, has_obr = [], False
        if segment.name == "PID":
            patient, orc = segment, None
        elif begins:
            shared = [orc] if segment.name == "OBR" and orc is not None else []
            current = [*shared, segment]
        elif current:
            current.append(segment)
        orc = segment if segment.name == "ORC" else orc
        has_obr = has_obr or (segment.name == "OBR" and bool(current))
    if current:
        yield OrderGroup(tuple(current), patient)
