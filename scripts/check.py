"""`make check`: everything that can be told without running the product, at once, in well under a minute.

    .venv/bin/python scripts/check.py [NAME …]

Prints a line for each check, then what the failed ones said; exit 1 if one failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON = sys.executable

# The longest first: the others run beside it.
CHECKS: dict[str, list[str | Path]] = {
    "types": [BIN / "mypy"],
    "migrations": [PYTHON, "scripts/check_migrations.py"],
    "templates": [PYTHON, "scripts/check_templates.py"],
    "commits": [BIN / "pytest", "-q", "--no-header", "--noconftest", "-p", "no:cacheprovider", "tests/architecture"],
    "imports": [BIN / "lint-imports", "--no-logo"],
    "files": [PYTHON, "scripts/check_files.py"],
    "lint": [BIN / "ruff", "check", "--output-format", "concise", "."],
    "format": [BIN / "ruff", "format", "--check", "--output-format", "concise", "."],
}


def run(name: str) -> tuple[str, int, str, float]:
    begun = time.monotonic()
    done = subprocess.run(
        CHECKS[name], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return name, done.returncode, done.stdout, time.monotonic() - begun


def main(chosen: list[str]) -> int:
    unknown = sorted(set(chosen) - set(CHECKS))
    if unknown:
        print(f"There is no check {unknown[0]}: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, said, seconds in pool.map(run, chosen or CHECKS):
            print(f"{name:12}{'ok' if code == 0 else 'FAILED':8}{seconds:5.1f} s", flush=True)
            if code:
                failed.append((name, said))
    for name, said in failed:
        print(f"\n── {name}\n{said.strip()}")
    print(f"\n{len(failed)} of {len(chosen or CHECKS)} checks failed ({time.monotonic() - begun:.1f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
