"""The committed conformance statements are what the code registers and reads."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import ris_pacs.messages.hl7
import ris_pacs.patients.hl7
import ris_pacs.scheduling.hl7.orders
import ris_pacs.scheduling.hl7.reading
from ris_pacs.cli.conformance import statements
from ris_pacs.cli.statements.dicom_tables import WORKLIST
from ris_pacs.cli.statements.hl7_tables import FIELDS
from ris_pacs.config import read_settings
from ris_pacs.hl7 import acks, pid
from ris_pacs.worklist.dimse import item

COMMITTED = Path(__file__).resolve().parents[2] / "docs/integrator"
READERS = (
    acks,
    pid,
    ris_pacs.patients.hl7,
    ris_pacs.messages.hl7,
    ris_pacs.scheduling.hl7.orders,
    ris_pacs.scheduling.hl7.reading,
)
# Read segment by segment, so that no path in the code names them.
READ_BY_SEGMENT = {("AL1", 3), ("AL1", 4), ("NTE", 3)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    return statements(read_settings({"RIS_PACS_DATA_DIR": str(folder)}, dotenv=None))


@pytest.mark.parametrize("name", ["dicom-conformance.md", "hl7-conformance.md", "ihe-integration.md"])
def test_the_statement_is_current(written: dict[str, str], name: str) -> None:
    assert (COMMITTED / name).read_text(encoding="utf-8") == written[name], "run `make docs`"


def test_the_statements_say_what_is_offered(written: dict[str, str]) -> None:
    assert (
        "| C-FIND | Modality Worklist Information Model - FIND | 1.2.840.10008.5.1.4.31 | – | yes |"
        in written["dicom-conformance.md"]
    )
    assert "| `ORM^O01` | orders, by ORC-1 | `ORR^O02` |" in written["hl7-conformance.md"]


def test_the_worklist_is_listed_attribute_by_attribute() -> None:
    in_code = {int(tag, 16) for tag in re.findall(r"0x([0-9A-F]{8})", inspect.getsource(item))}
    listed = {tag for tag, _, _ in WORKLIST} | {tag for _, _, inside in WORKLIST for tag, _ in inside}
    assert listed == in_code


def test_every_field_that_is_read_is_in_the_profile() -> None:
    read = {field for module in READERS for field in _fields_named(module)}
    assert {(one.segment, one.field) for one in FIELDS} == read | READ_BY_SEGMENT


def _fields_named(module: ModuleType) -> set[tuple[str, int]]:
    found = re.findall(r"\b(MSH|PID|PV1|ORC|OBR|TQ1|DG1|IPC|ZDS)-([0-9]+)", inspect.getsource(module))
    return {(segment, int(field)) for segment, field in found}
