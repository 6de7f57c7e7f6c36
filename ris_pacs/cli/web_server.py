"""Gunicorn, set up by code: threads, an inherited socket, the application loaded once and shared by fork."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from ris_pacs.bootstrap.web import build_web
from ris_pacs.config import Settings
from ris_pacs.kernel.uow import System


class WebServer(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        settings: Settings,
        system: System,
        fd: int | None,
        processes: int,
        threads: int,
        when_ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._system = system
        self._address = f"fd://{fd}" if fd is not None else f"{settings.bind}:{settings.http_port}"
        self._processes = processes
        self._threads = threads
        self._when_ready = when_ready
        super().__init__()

    def load_config(self) -> None:
        chosen: dict[str, Any] = {
            "bind": [self._address],
            "worker_class": "gthread",
            "workers": self._processes,
            "threads": self._threads,
            "preload_app": True,
            "timeout": 120,
            "graceful_timeout": 20,
            "keepalive": 30,
            "max_requests": 0,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": "ris-pacs web",
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",  # web.proxies decides whose word counts.
            "pre_fork": _before_fork,
            "post_fork": self._after_fork,
            "when_ready": lambda _server: self._when_ready(),
            "control_socket_disable": True,
        }
        for name, value in chosen.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        if self._settings.tls_cert and self._settings.tls_key:
            self.cfg.set("certfile", str(self._settings.tls_cert))
            self.cfg.set("keyfile", str(self._settings.tls_key))

    def load(self) -> Flask:
        return build_web(self._settings, self._system)

    def _after_fork(self, _server: Any, _worker: Any) -> None:
        # Connections of the parent must not be used by the child.
        self._system.database.engine.dispose(close=False)


def _before_fork(_server: Any, _worker: Any) -> None:
    gc.freeze()  # What is loaded now stays shared between the processes.
