"""Facts about the tracked files: short enough, built assets as built, locks fit to be shared, settings told.

.venv/bin/python scripts/check_files.py
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ris_pacs.config import KNOWN

ROOT = Path(__file__).resolve().parents[1]

MOST_LINES = 400
COUNTED = {".py", ".js", ".mjs", ".css", ".html", ".sh"}
# Files that may be longer, each with its reason.
MAY_BE_LONGER = {
    "static/css/calendar-grid.css": "built",
    "static/js/app.js": "built",
    "ris_pacs/dicom/pdu.py": "one table of items, written and read side by side",
    "static/css/status.css": "the looks of all states, compared side by side",
}
# Each migration says in one file what changed; the viewer's scripts are built, and their names change with them.
NOT_COUNTED = ("migrations/versions/", "static/js/viewer/")


def main() -> int:
    found = [*long_files(), *changed_assets(), *addresses_in_locks(), *differing_locks(), *settings_not_told()]
    print("\n".join(found) or "The files are in order.")
    return 1 if found else 0


def our_files() -> Iterator[str]:
    """What git tracks, or would."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return (name for name in sorted(set(names)) if (ROOT / name).is_file())


def long_files() -> Iterator[str]:
    lengths = {
        name: len((ROOT / name).read_bytes().splitlines())
        for name in our_files()
        if Path(name).suffix in COUNTED and not name.startswith(NOT_COUNTED)
    }
    for name, length in lengths.items():
        if length > MOST_LINES and name not in MAY_BE_LONGER:
            yield f"{name}: {length} lines; cut it by verb, or add it to MAY_BE_LONGER with the reason"
    for name in MAY_BE_LONGER:
        if lengths.get(name, 0) <= MOST_LINES and MAY_BE_LONGER[name] != "built":
            yield f"{name}: need not stand in MAY_BE_LONGER any more"


def changed_assets() -> Iterator[str]:
    for line in (ROOT / "static/checksums.sha256").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        if not (ROOT / name).is_file() or hashlib.sha256((ROOT / name).read_bytes()).hexdigest() != digest:
            yield f"{name}: is not what the build gave; change assets/ and run: make assets"


def addresses_in_locks() -> Iterator[str]:
    """Each machine takes packages from its own registry, so none is named."""
    for path in sorted((ROOT / "requirements").glob("*.lock")):
        text = path.read_text(encoding="utf-8")
        if "://" in text or re.search(r"^--?[a-z]", text, re.MULTILINE):
            yield f"requirements/{path.name}: names an index; write it with: make locks"
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    if any("resolved" in entry for entry in lock["packages"].values()):
        yield "package-lock.json: names download addresses; .npmrc of this project leaves them out"


def differing_locks() -> Iterator[str]:
    run, test = (_versions(name) for name in ("run", "test"))
    for package, version in run.items():
        if test.get(package) != version:
            yield f"requirements: {package} {version} runs, {test.get(package, 'nothing')} is tested; run: make locks"


def _versions(name: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def settings_not_told() -> Iterator[str]:
    told = set(re.findall(r"^#(RIS_PACS_\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    for name in sorted(told ^ KNOWN):
        yield f".env.example: {name} {'is no setting' if name in told else 'is missing'}"


if __name__ == "__main__":
    sys.exit(main())
