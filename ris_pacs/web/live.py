"""Live pages: a browser polls, and gets 304 from memory until something it shows has changed.

One thread per process reads the table of topic versions every 250 ms; a poll compares numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import structlog
from flask import Response, current_app, request

from ris_pacs.kernel import topics
from ris_pacs.kernel.uow import System, read_only

EVERY_SECONDS = 0.25

log = structlog.get_logger()


class TopicWatcher:
    """The versions of all topics, at most a quarter of a second old."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._versions: Mapping[str, int] = {}
        self._stop = threading.Event()
        self._fresh = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def versions(self) -> Mapping[str, int]:
        """Begins to watch at the first call, in the process that serves it."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="topics", daemon=True)
                self._thread.start()
        self._fresh.wait(2)
        return self._versions

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with read_only(self._system) as uow:
                    self._versions = topics.versions(uow.session)
                self._fresh.set()
            except Exception:  # The database is away: pages say "Reconnecting" by themselves, we go on.
                log.warning("topics not read", exc_info=True)
                self._stop.wait(2)
            self._stop.wait(EVERY_SECONDS)

    def stop(self) -> None:
        self._stop.set()


def versions() -> Mapping[str, int]:
    """Of all topics, for what is kept until one of them changes."""
    watcher: TopicWatcher = current_app.extensions["ris_pacs_topics"]
    return watcher.versions()


def unchanged(names: Iterable[str], *also: object) -> Response | None:
    """304 when the browser has the latest of these topics; else None, and `tagged` marks the new answer.

    also: whatever else the fragment depends on, e.g. the minute for waiting times.
    """
    if request.headers.get("If-None-Match") == _tag(names, also):
        return Response(status=304, headers={"ETag": _tag(names, also)})
    return None


def tagged(body: str, names: Iterable[str], *also: object) -> Response:
    return Response(body, headers={"ETag": _tag(names, also), "Cache-Control": "private, no-cache"})


def _tag(names: Iterable[str], also: tuple[object, ...]) -> str:
    known = versions()
    parts = [f"{known.get(name, 0)}" for name in names] + [str(one) for one in also]
    return '"' + "-".join(parts).replace('"', "") + '"'
