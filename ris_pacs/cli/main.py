"""The command line: one line on bad input, never a traceback."""

from __future__ import annotations

import importlib
import sys

import click

from ris_pacs.config import SettingError
from ris_pacs.kernel.errors import DomainError

# Command → module and object. Imported when called: `ris-pacs --help` is quick, and a child loads what it needs.
COMMANDS = {
    "run": "ris_pacs.cli.run:run",
    "web": "ris_pacs.cli.processes:web",
    "dicom": "ris_pacs.cli.processes:dicom",
    "hl7": "ris_pacs.cli.processes:hl7",
    "worker": "ris_pacs.cli.processes:worker",
    "prepare": "ris_pacs.cli.prepare:prepare",
    "db": "ris_pacs.cli.database:db",
    "demo": "ris_pacs.cli.demo:demo",
    "import": "ris_pacs.cli.import_media:import_media",
    "user": "ris_pacs.cli.accounts:user",
    "token": "ris_pacs.cli.accounts:token",
    "claims": "ris_pacs.cli.claims:claims",
    "verify": "ris_pacs.cli.verify:verify",
    "doctor": "ris_pacs.cli.doctor:doctor",
    "conformance": "ris_pacs.cli.conformance:conformance",
    "bench": "ris_pacs.cli.bench:bench",
}


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option("0.1.0", prog_name="ris-pacs")
def cli() -> None:
    """Radiology practice in one program: orders, schedule, worklist, archive.

    Settings come from RIS_PACS_* variables or a .env file; .env.example lists them.
    """


def main() -> None:
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except SettingError as problem:
        click.echo(f"Error: {problem}", err=True)
        sys.exit(2)
    except DomainError as problem:
        click.echo(f"Error: {problem.message}", err=True)
        sys.exit(1)
