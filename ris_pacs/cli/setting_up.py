"""What most commands begin with."""

from __future__ import annotations

import json

import click

from ris_pacs.bootstrap.core import build_system
from ris_pacs.cli import migrate
from ris_pacs.config import Settings, read_settings
from ris_pacs.kernel.logs import configure_logging
from ris_pacs.kernel.uow import System


def open_system(process: str = "cli") -> tuple[Settings, System]:
    settings = read_settings()
    configure_logging(settings.log_format, process)
    return settings, build_system(settings)


def open_current_system(process: str = "cli") -> tuple[Settings, System]:
    """As `open_system`, and the schema is what the code expects; otherwise one line says what to do."""
    settings, system = open_system(process)
    current, wanted = migrate.revisions(system.database)
    if current != wanted:
        raise click.ClickException(
            f"The database is at {current or 'nothing'}, this program needs {wanted}: ris-pacs db upgrade"
        )
    return settings, system


def running_ports(settings: Settings) -> dict[str, int]:
    """The ports of the system that runs on this data folder, as `run` has written them down."""
    try:
        found: dict[str, int] = json.loads((settings.data_dir / "ports.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise click.ClickException(f"Nothing runs on {settings.data_dir}: start it with ris-pacs run.") from None
    return found
