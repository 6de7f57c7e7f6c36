"""Recording what is looked at through DICOMweb: the first picture of a study at once, the hundreds after it by number.

DESIGN.md rule 6: one audit row for an actor, study and action in a viewing session, written before the first byte;
further frames count up. Each count would be a write to disk, so they are gathered and written every few seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ris_pacs.archive.queries.objects import WebObject, record_disclosure
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.uow import UnitOfWork

PAUSE = timedelta(seconds=5)
FORGOTTEN = timedelta(hours=1)
# A viewing session is a clock hour (kernel.audit): then the next look is a first one again.
_SESSION = "%Y%m%d%H"
_Key = tuple[str, int, str, str]


@dataclass(frozen=True)
class Looks:
    """Looks to be written with a transaction."""

    key: _Key
    actor: Actor
    found: WebObject
    action: str
    times: int

    def record(self, uow: UnitOfWork) -> None:
        for _ in range(self.times):
            record_disclosure(uow, [self.found], self.actor, self.action)


@dataclass
class _Counted:
    looks: Looks
    written_at: datetime
    waiting: int = 0


@dataclass
class ViewCounter:
    """One for each process; may be used by any thread."""

    _known: dict[_Key, _Counted] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def due(self, found: WebObject, actor: Actor, action: str, now: datetime) -> Sequence[Looks]:
        """What has to be written now: this look when it is the first, and whatever waits for long enough."""
        if not actor.occasion:
            return [Looks(("", found.study_id, action, ""), actor, found, action, 1)]
        key = (actor.occasion, found.study_id, action, now.strftime(_SESSION))
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                known.waiting += 1
            ripe = [one for one in self._known.values() if one.waiting and now - one.written_at >= PAUSE]
            due = [replace(one.looks, times=one.waiting) for one in ripe]
            for one in ripe:
                one.waiting, one.written_at = 0, now
        return due if known is not None else [*due, Looks(key, actor, found, action, 1)]

    def written(self, looks: Sequence[Looks], now: datetime) -> None:
        """After the commit: from now on further looks are counted."""
        with self._lock:
            for one in looks:
                if one.actor.occasion:
                    self._known.setdefault(one.key, _Counted(one, now))
            old = [key for key, one in self._known.items() if not one.waiting and now - one.written_at > FORGOTTEN]
            for key in old:
                del self._known[key]
