"""`ris-pacs verify`: every row has its file, every file its row, digests match, audit and reports fit their seals."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from ris_pacs.archive.queries.integrity import ExpectedFile, counter_faults, expected_files
from ris_pacs.cli.import_media import STORED, Candidate, Importer
from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.kernel import audit
from ris_pacs.kernel.uow import System, read_only
from ris_pacs.reporting import queries as reporting

# A file younger than this may belong to a transaction that has not committed yet.
YOUNG_SECONDS = 600


@click.command()
@click.option("--deep", is_flag=True, help="Also read every file and compare its digest.")
@click.option("--repair", is_flag=True, help="Adopt readable files without a row, remove the others.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def verify(deep: bool, repair: bool, as_json: bool) -> None:
    """Hold rows against files, the audit trail and signed reports against their seals; exit 1 when something is wrong.

    A file without a row was left by a process that died between rename and commit: nobody was told that it is
    stored. --repair files it like any import, or removes it when it is no readable object.

    Example: ris-pacs verify --deep
    """
    _, system = open_current_system()
    faults, known = examine(system, deep)
    repaired = _repair(system, faults) if repair else []
    _report(faults, known, repaired, as_json)
    sys.exit(1 if any(faults.values()) else 0)


def examine(system: System, deep: bool) -> tuple[dict[str, list[str]], int]:
    """What is wrong, by kind, and how many files the database knows."""
    faults: dict[str, list[str]] = {"missing files": [], "damaged files": []}
    known = _hold_rows_against_files(system, deep, faults)
    faults["files without row"] = list(_orphans(system, known))
    with read_only(system) as uow:
        faults["counters"] = list(counter_faults(uow))
        faults["audit"] = list(audit.check(uow))
        faults["reports"] = list(reporting.broken_seals(uow))
    return faults, len(known)


def _hold_rows_against_files(system: System, deep: bool, faults: dict[str, list[str]]) -> set[str]:
    known: set[str] = set()
    with read_only(system) as uow:
        for expected in expected_files(uow):
            known.add(expected.key)
            path = system.blobs.path(expected.key)
            if not path.is_file():
                faults["missing files"].append(expected.key)
            elif problem := _damage(path, expected, deep):
                faults["damaged files"].append(f"{expected.key}: {problem}")
    return known


def _damage(path: Path, expected: ExpectedFile, deep: bool) -> str:
    if expected.instance_id is None:
        return ""
    size = path.stat().st_size - expected.offset
    if size != expected.size:
        return f"{size} bytes instead of {expected.size}"
    if not deep:
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(expected.offset)
        while piece := file.read(1 << 20):
            digest.update(piece)
    return "" if digest.hexdigest() == expected.digest else "other content than was stored"


def _orphans(system: System, known: set[str]) -> Iterator[str]:
    """Files that no row names, old enough that no transaction can still be about to name them."""
    limit = time.time() - YOUNG_SECONDS
    for key in system.blobs.walk():
        if key not in known and system.blobs.path(key).stat().st_mtime < limit:
            yield key


def _repair(system: System, faults: dict[str, list[str]]) -> list[str]:
    """Adopt or remove; what was mended is no fault any more."""
    importer = Importer(system)
    done = []
    for key in faults["files without row"]:
        path = system.blobs.path(key)
        result = importer.take(Candidate(key, path))
        if result.outcome == STORED:
            done.append(f"adopted {key}")
        else:
            done.append(f"removed {key} ({result.why or result.outcome})")
        with read_only(system) as uow:
            still_named = any(one.key == key for one in expected_files(uow))
        if not still_named:
            system.blobs.delete(key)
    faults["files without row"] = []
    return done


def _report(faults: dict[str, list[str]], files: int, repaired: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"files": files, "repaired": repaired, **faults}))
        return
    click.echo(f"{'files known':<20} {files:>8}")
    for name, found in faults.items():
        click.echo(f"{name:<20} {len(found):>8}")
        for line in found[:50]:
            click.echo(f"  {line}")
    for line in repaired:
        click.echo(f"  {line}")
