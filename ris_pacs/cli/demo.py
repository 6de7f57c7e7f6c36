"""`ris-pacs demo`: the invented practice, and a day of it."""

from __future__ import annotations

from datetime import datetime

import click

from ris_pacs.cli.database import upgrade_database
from ris_pacs.cli.setting_up import open_system
from ris_pacs.demo import load as loading


@click.group()
def demo() -> None:
    """The demo practice: load it, or let a day of it run.

    Example: ris-pacs demo load
    """


@demo.command()
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The date to be today, at eleven in the morning.")
def load(today: datetime | None) -> None:
    """Fill an empty database with the demo practice. The same --today gives the same practice.

    Example: ris-pacs demo load --today 2026-11-24
    """
    settings, system = open_system()
    upgrade_database(system)
    for line in loading.load(system, settings.storage_url, today.date() if today else None):
        click.echo(line)
