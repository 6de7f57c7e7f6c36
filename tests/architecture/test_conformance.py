"""The committed conformance statement is what the code registers."""

from __future__ import annotations

from pathlib import Path

from ris_pacs.bootstrap.core import build_system
from ris_pacs.bootstrap.dicom import dicom_services
from ris_pacs.cli.conformance import statement
from ris_pacs.config import read_settings

COMMITTED = Path(__file__).resolve().parents[2] / "docs/integrator/conformance.md"


def test_the_statement_is_current(tmp_path: Path) -> None:
    settings = read_settings({"RIS_PACS_DATA_DIR": str(tmp_path)}, dotenv=None)
    lines = list(statement(dicom_services(settings, build_system(settings))))
    assert COMMITTED.read_text().splitlines() == lines, "run `make docs`"
    assert "| C-FIND | Modality Worklist Information Model - FIND | 1.2.840.10008.5.1.4.31 |" in lines
    assert "- `ORM^O01`" in lines
