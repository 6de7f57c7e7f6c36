"""What `ris-pacs run` does before it starts the others, in a process of its own that gives its memory back."""

from __future__ import annotations

import click

from ris_pacs.cli.database import upgrade_database
from ris_pacs.cli.setting_up import open_system
from ris_pacs.kernel import marks
from ris_pacs.kernel.uow import read_only


@click.command(hidden=True)
@click.option("--demo", is_flag=True)
def prepare(demo: bool) -> None:
    """Migrate; with --demo load the demo practice into an empty database, or fill up its day."""
    settings, system = open_system()
    for line in upgrade_database(system):
        click.echo(line)
    with read_only(system) as uow:
        mark = marks.get(uow, marks.DEMO)
    if mark is not None and not demo:
        raise click.ClickException(
            "This database holds the demo practice with its published passwords: start it with --demo."
        )
    if demo:
        from ris_pacs.demo.load import fill_up, load

        complete = mark is not None and "day" in mark
        lines = fill_up(system, settings.storage_url) if complete else load(system, settings.storage_url)
        for line in lines:
            click.echo(line)
