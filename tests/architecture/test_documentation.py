"""What the documentation points at is there, and its table of rights is the program's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.rights import RIGHTS, Right

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"(?s)```.*?```|`[^`\n]*`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Files, pictures, and the heading behind a "#"."""
    targets = [target for target in LINK.findall(CODE.sub("", page.read_text())) if "://" not in target]
    assert [target for target in targets if not _is_there(page, target)] == []


def _is_there(page: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not heading or heading in _headings(file))


def _headings(page: Path) -> set[str]:
    """As GitHub makes anchors of them: lower case, hyphens for spaces, no other signs."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text())
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in re.findall(r"(?m)^#+ (.+)$", text)}


def test_every_page_of_a_folder_is_in_its_index() -> None:
    for index in (ROOT / "docs").glob("*/README.md"):
        text = index.read_text()
        others = {page.name for page in index.parent.glob("*.md")} - {"README.md"}
        assert {name for name in others if f"({name}" not in text} == set(), index


def test_the_table_of_rights_is_current() -> None:
    lines = (ROOT / "docs/administrator/security.md").read_text().splitlines()
    written = [_cells(line) for line in lines if re.match(r"\| `[a-z.-]+` \|", line)]
    head = next(_cells(line) for line in lines if line.startswith("| right |"))
    assert head[2:] == [str(role) for role in Role]
    assert {row[0].strip("`"): row[2:] for row in written} == {
        str(right): ["●" if right in RIGHTS[role] else "–" for role in Role] for right in Right
    }


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
