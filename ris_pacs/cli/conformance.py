"""The conformance statements, from what the code registers: nobody keeps such a list by hand for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from pydicom.uid import UID

from ris_pacs.bootstrap.core import build_system
from ris_pacs.bootstrap.dicom import dicom_services
from ris_pacs.bootstrap.mllp import HL7_HANDLERS
from ris_pacs.config import read_settings
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.negotiation import (
    IMPLEMENTATION_UID,
    IMPLEMENTATION_VERSION,
    MESSAGE_SYNTAXES,
    STORAGE_SYNTAXES,
)
from ris_pacs.dicom.sop_classes import VERIFICATION

# IHE RAD TF-1, Scheduled Workflow: the transactions that stand, and as which actor.
IHE = (
    ("RAD-1", "Patient Registration", "Order Filler"),
    ("RAD-2", "Placer Order Management", "Order Filler"),
    ("RAD-5", "Query Modality Worklist", "Department System Scheduler"),
    ("RAD-6", "Modality Procedure Step In Progress", "Performed Procedure Step Manager"),
    ("RAD-7", "Modality Procedure Step Completed/Discontinued", "Performed Procedure Step Manager"),
    ("RAD-8", "Modality Images Stored", "Image Archive"),
    ("RAD-10", "Storage Commitment", "Image Manager"),
    ("RAD-12", "Patient Update", "Order Filler"),
    ("RAD-14", "Query Images", "Image Archive"),
    ("RAD-16", "Retrieve Images", "Image Archive"),
)


@click.command()
@click.option("--into", type=click.Path(path_type=Path), default=Path("docs/integrator/conformance.md"))
def conformance(into: Path) -> None:
    """Write the statement of DICOM, HL7 and IHE conformance.

    Example: ris-pacs conformance --into statement.md
    """
    settings = read_settings()
    services = dicom_services(settings, build_system(settings))
    into.write_text("\n".join(statement(services)) + "\n", encoding="utf-8")
    click.echo(f"Wrote {into}.")


def statement(services: Services) -> Iterator[str]:
    """Lines of Markdown, ordered as in PS3.2 Annex N as far as there is something to say."""
    yield from (
        "# Conformance statement",
        "",
        "Written by `make docs` from what the program registers.",
        "",
        "## DICOM: implementation",
        "",
        "| | |",
        "|---|---|",
        f"| Implementation Class UID | {IMPLEMENTATION_UID} |",
        f"| Implementation Version Name | {IMPLEMENTATION_VERSION} |",
        "| Application context | 1.2.840.10008.3.1.1.1 |",
        "| Asynchronous operations window | 1, 1 |",
        "",
        "## DICOM: services as SCP",
        "",
    )
    yield from _table("Service", [("C-ECHO", VERIFICATION)])
    yield from _table("Service", [("C-FIND", uid) for uid in services.find])
    yield from _table("Service", [("C-MOVE, C-GET", uid) for uid in services.retrieve])
    yield from _table("Service", [("N-CREATE, N-SET or N-ACTION", uid) for uid in services.normalized])
    yield from ("Transfer syntaxes of these services:", "")
    yield from _list(MESSAGE_SYNTAXES)
    yield from (f"## DICOM: storage, {len(services.storage_classes)} SOP classes as SCP and SCU", "")
    yield from _list(sorted(services.storage_classes, key=_name))
    yield from ("Transfer syntaxes of storage; an object is kept as it was sent:", "")
    yield from _list(sorted(STORAGE_SYNTAXES, key=_name))
    yield from ("## HL7 v2: messages that are taken over MLLP", "")
    yield from (f"- `{kind}`" for kind in sorted(HL7_HANDLERS))
    yield from ("", "The fields that are read, and the answers: [HL7 v2](hl7.md).", "")
    yield from ("## IHE integration statement: Scheduled Workflow", "", "| Transaction | | Actor |", "|---|---|---|")
    yield from (f"| {number} | {name} | {role} |" for number, name, role in IHE)


def _table(head: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from (f"| {head} | SOP class | UID |", "|---|---|---|")
    yield from (f"| {service} | {_name(uid)} | {uid} |" for service, uid in sorted(rows, key=lambda row: _name(row[1])))
    yield ""


def _list(uids: Iterable[str]) -> Iterator[str]:
    yield from (f"- {_name(uid)}: {uid}" if _name(uid) != uid else f"- {uid}" for uid in uids)
    yield ""


def _name(uid: str) -> str:
    return UID(uid).name
