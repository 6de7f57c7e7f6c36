"""The real web process, at an hour that stands still: pages of one instant, to look at and to compare.

    RIS_PACS_DATA_DIR=… .venv/bin/python scripts/standing_web.py 2026-11-24T11:00-05:00 FD

FD is an inherited listening socket, so whoever started this may connect at once. SIGTERM ends it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from ris_pacs.bootstrap.core import build_system
from ris_pacs.cli.processes import end_with_parent
from ris_pacs.cli.web_server import WebServer
from ris_pacs.config import read_settings
from ris_pacs.kernel.logs import configure_logging


def main(instant: str, fd: str) -> None:
    now = datetime.fromisoformat(instant).astimezone(UTC)
    end_with_parent(int(fd))
    settings = read_settings(dotenv=None)
    configure_logging(settings.log_format, "web")
    system = build_system(settings, clock=lambda: now)
    WebServer(settings, system, int(fd), 1, 16, lambda: None).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
