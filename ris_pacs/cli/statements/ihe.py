"""The IHE integration statement (RAD TF-1 Appendix C)."""

from __future__ import annotations

from collections.abc import Iterator

from ris_pacs.cli.statements.markdown import table

# Scheduled Workflow, RAD TF-1 Table 3.1-1: what stands of each transaction, and as which actor.
TRANSACTIONS = (
    ("RAD-1", "Patient Registration", "Order Filler", "ADT A01, A04, A05"),
    ("RAD-2", "Placer Order Management", "Order Filler", "new, cancel, change, hold, release"),
    ("RAD-3", "Filler Order Management", "Order Filler", "states of placed orders; no orders of our own"),
    ("RAD-5", "Query Modality Worklist", "Order Filler", ""),
    ("RAD-6", "Modality Procedure Step In Progress", "Performed Procedure Step Manager", "not forwarded"),
    ("RAD-7", "Modality Procedure Step Completed/Discontinued", "Performed Procedure Step Manager", "not forwarded"),
    ("RAD-8", "Modality Images Stored", "Image Archive", ""),
    ("RAD-10", "Storage Commitment", "Image Manager", ""),
    ("RAD-12", "Patient Update", "Order Filler", "A08, A31; merge (A40) is not taken"),
    ("RAD-14", "Query Images", "Image Archive", ""),
    ("RAD-16", "Retrieve Images", "Image Archive", "C-MOVE, C-GET"),
)


def statement() -> Iterator[str]:
    """Lines of Markdown."""
    yield from (
        "# IHE integration statement",
        "",
        "Written by `make docs`. Profile: Scheduled Workflow. It was not tested at a Connectathon.",
        "",
    )
    yield from table(("Transaction", "", "Actor", "What stands"), TRANSACTIONS)
    yield "Messages and services in detail: [DICOM](dicom-conformance.md), [HL7](hl7-conformance.md)."
