"""What the documentation points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    bare = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", page.read_text())
    targets = [target.partition("#")[0] for target in LINK.findall(bare) if "://" not in target]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []
