"""The conformance statements, from what the code registers: nobody keeps such a list by hand for long."""

from __future__ import annotations

from pathlib import Path

import click

from ris_pacs.bootstrap.core import build_system
from ris_pacs.bootstrap.dicom import dicom_services, query_attributes
from ris_pacs.bootstrap.mllp import HL7_HANDLERS, ORDER_CONTROLS
from ris_pacs.cli.statements import dicom, hl7, ihe
from ris_pacs.cli.statements.markdown import reflowed
from ris_pacs.config import Settings, read_settings


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs/integrator"),
    show_default=True,
    help="The folder that they are written into.",
)
def conformance(into: Path) -> None:
    """Write the DICOM conformance statement, the HL7 profile and the IHE integration statement.

    Example: ris-pacs conformance --into statements
    """
    into.mkdir(parents=True, exist_ok=True)
    for name, text in statements(read_settings()).items():
        (into / name).write_text(text, encoding="utf-8")
        click.echo(f"Wrote {into / name}.")


def statements(settings: Settings) -> dict[str, str]:
    """File name → Markdown."""
    services = dicom_services(settings, build_system(settings))
    lines = {
        "dicom-conformance.md": dicom.statement(services, query_attributes()),
        "hl7-conformance.md": hl7.statement(HL7_HANDLERS, ORDER_CONTROLS),
        "ihe-integration.md": ihe.statement(),
    }
    return {name: "\n".join(reflowed(text)).rstrip("\n") + "\n" for name, text in lines.items()}
