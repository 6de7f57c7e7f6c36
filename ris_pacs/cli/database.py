"""`ris-pacs db`: migrations."""

from __future__ import annotations

import json
import sys
import time

import click

from ris_pacs.catalog.service.setup import prepare_practice
from ris_pacs.catalog.service.sites import SiteFacts
from ris_pacs.cli import migrate
from ris_pacs.cli.setting_up import open_system
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.uow import System, unit_of_work
from ris_pacs.reporting.service.phrases import load_templates

# What an installation is called until an administrator names it.
FIRST_SITE = SiteFacts(
    name="Main site",
    zone="UTC",
    patient_namespace="RISPACS",
    accession_namespace="RISPACS",
    accession_prefix="RP",
)


@click.group()
def db() -> None:
    """Bring the database to this version, or check it.

    Example: ris-pacs db upgrade
    """


@db.command()
def upgrade() -> None:
    """Run the migrations that are missing, and load the code lists into a new database.

    Example: ris-pacs db upgrade
    """
    _, system = open_system()
    for line in upgrade_database(system):
        click.echo(line)


def upgrade_database(system: System) -> list[str]:
    """Migrate; in a new database also what every practice begins with. Returns what was done, in lines."""
    before, wanted = migrate.revisions(system.database)
    begun = time.monotonic()
    migrate.upgrade(system.database)
    with unit_of_work(system) as uow:
        prepare_practice(uow, FIRST_SITE, OPERATOR)
        load_templates(uow)
    if before == wanted:
        return [f"The database is at {wanted}."]
    return [f"The database is now at {wanted}, from {before or 'nothing'} ({time.monotonic() - begun:.1f} s)."]


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def check(as_json: bool) -> None:
    """Say whether the schema matches the code; exit 1 if it does not.

    Example: ris-pacs db check
    """
    _, system = open_system()
    current, wanted = migrate.revisions(system.database)
    differences = migrate.differences(system.database) if current == wanted else []
    well = current == wanted and not differences
    if as_json:
        click.echo(json.dumps({"current": current, "wanted": wanted, "differences": differences, "ok": well}))
    elif well:
        click.echo(f"The schema is at {current} and matches the code.")
    elif current != wanted:
        click.echo(f"The schema is at {current or 'nothing'}, the code needs {wanted}: ris-pacs db upgrade")
    else:
        click.echo("\n".join(["The schema differs from the code:", *differences]))
    sys.exit(0 if well else 1)
