"""`ris-pacs import`: files, folders, zip archives and DICOMDIR media into the archive."""

from __future__ import annotations

import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from ris_pacs.archive.errors import BadObject
from ris_pacs.archive.service.receive import Source, receive_file
from ris_pacs.archive.service.store import store_object
from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.imaging.problems import HeaderError
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import GroupCommit, System

LARGEST_IN_ZIP = 8 * 1024**3
MOST_TIMES_LARGER = 200  # Unpacked over packed: beyond it an archive is made to harm.
STORED, KNOWN, CONFLICT, REFUSED = "stored", "already there", "kept aside", "refused"
_OUTCOMES = {"stored": STORED, "known": KNOWN, "conflict": CONFLICT}


@dataclass(frozen=True)
class Candidate:
    """A file to import: how people find it, and how it is opened."""

    name: str
    path: Path
    member: str = ""

    def open(self) -> BinaryIO:
        if not self.member:
            return self.path.open("rb")
        return zipfile.ZipFile(self.path).open(self.member)  # type: ignore[return-value]


@dataclass(frozen=True)
class Imported:
    name: str
    outcome: str
    why: str = ""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH…")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def import_media(paths: tuple[Path, ...], as_json: bool) -> None:
    """Import DICOM files, folders, zip archives or media with a DICOMDIR.

    Says what was stored, what was there already, and what was refused and why; exit 1 if anything was refused.

    Example: ris-pacs import /media/cdrom old-pacs.zip
    """
    _, system = open_current_system()
    candidates = [one for path in paths for one in find_files(path)]
    importer = Importer(system)
    results = []
    quiet = as_json or not sys.stderr.isatty()
    with click.progressbar(candidates, label="Importing", file=sys.stderr, hidden=quiet) as bar:
        for candidate in bar:
            results.append(importer.take(candidate))
    _report(results, as_json)
    sys.exit(1 if any(one.outcome == REFUSED for one in results) else 0)


def find_files(path: Path) -> Iterator[Candidate]:
    """The files behind a path: itself, those below a folder, in a zip, or named by a DICOMDIR."""
    if path.is_dir():
        for file in sorted(one for one in path.rglob("*") if one.is_file()):
            if file.name.upper() != "DICOMDIR":
                yield from find_files(file)
    elif path.name.upper() == "DICOMDIR":
        yield from _of_directory(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and Path(entry.filename).name.upper() != "DICOMDIR":
                    yield Candidate(f"{path}:{entry.filename}", path, entry.filename)
    else:
        yield Candidate(str(path), path)


def _of_directory(path: Path) -> Iterator[Candidate]:
    """The files that a DICOMDIR references (PS3.3 F.3); what lies outside its folder is not followed."""
    try:
        records = dcmread(path).get("DirectoryRecordSequence") or []
    except (InvalidDicomError, OSError):
        yield Candidate(str(path), path)
        return
    root = path.parent.resolve()
    for record in records:
        named = record.get("ReferencedFileID")
        if not named:
            continue
        parts = [named] if isinstance(named, str) else [str(part) for part in named]
        target = root.joinpath(*parts).resolve()
        if root in target.parents:
            yield Candidate(str(target), target)


class Importer:
    """Files what it is given, one after the other."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._group = GroupCommit(system)

    def take(self, candidate: Candidate) -> Imported:
        try:
            return self._take(candidate)
        except HeaderError as problem:
            return Imported(candidate.name, REFUSED, f"not a DICOM file: {problem.message}")
        except DomainError as problem:
            return Imported(candidate.name, REFUSED, problem.message)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as problem:
            return Imported(candidate.name, REFUSED, f"cannot be read: {problem}")

    def _take(self, candidate: Candidate) -> Imported:
        _check_size(candidate)
        with candidate.open() as file:
            received = receive_file(self._system.blobs, file, Source("import"))
        outcome = self._group.run(lambda uow: store_object(uow, received, PROGRAM).kind)
        return Imported(candidate.name, _OUTCOMES[outcome])


def _check_size(candidate: Candidate) -> None:
    """Raises BadObject for a member of an archive that was made to harm."""
    if candidate.member:
        with zipfile.ZipFile(candidate.path) as archive:
            entry = archive.getinfo(candidate.member)
        if entry.file_size > LARGEST_IN_ZIP or entry.file_size > MOST_TIMES_LARGER * max(entry.compress_size, 1024):
            raise BadObject("the archive's entry is unreasonably large")


def _report(results: list[Imported], as_json: bool) -> None:
    counts = Counter(one.outcome for one in results)
    if as_json:
        refused = [{"file": one.name, "why": one.why} for one in results if one.outcome == REFUSED]
        click.echo(json.dumps({**{name: counts.get(name, 0) for name in _NAMES}, "refused_files": refused}))
        return
    for name in _NAMES:
        click.echo(f"{name:<14} {counts.get(name, 0):>7}")
    for one in results:
        if one.outcome == REFUSED:
            click.echo(f"  {one.name}: {one.why}")


_NAMES = (STORED, KNOWN, CONFLICT, REFUSED)
