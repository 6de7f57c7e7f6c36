"""`ris-pacs claims`: write the 837P files that are ready, post 835 files. What scheduled jobs call."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from ris_pacs.billing.queries import batches
from ris_pacs.billing.rules.ledger import dollars
from ris_pacs.billing.service import export as service
from ris_pacs.billing.service.remittance import Posting, ReceivedFile, post_file
from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.uow import System, read_only, unit_of_work

# Who sits at the command line, or the job that calls it, does a biller's work.
CLERK = Actor(kind="program", name="command line", role=Role.BILLER)
LARGEST_FILE = 64_000_000


@click.group()
def claims() -> None:
    """Files to and from payers.

    Example: ris-pacs claims export /srv/outgoing
    """


@dataclass(frozen=True)
class Written:
    """A file that has its name now."""

    file: str
    receiver: str
    claims: int
    total_cents: int


@claims.command("export")
@click.argument("dest", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def export_claims(dest: Path, as_json: bool) -> None:
    """Write every claim that is ready into DEST, an 837P file for each receiver and billing entity.

    A claim counts as sent from then on. What an interrupted export left is finished first, wherever it was going.

    Example: ris-pacs claims export /srv/outgoing
    """
    _, system = open_current_system()
    try:
        dest.mkdir(parents=True, exist_ok=True)
        written = list(write_files(system, dest.resolve()))
    except OSError as problem:
        place = problem.filename or dest
        raise click.ClickException(f"{place}: {problem.strerror}. Nothing is lost: call it again.") from None
    if as_json:
        click.echo(json.dumps({"files": [asdict(one) for one in written]}))
        return
    for one in written:
        click.echo(f"{one.file}  {one.claims} claims  {dollars(one.total_cents)}  for {one.receiver}")
    if not written:
        click.echo("No claim is ready.")


def write_files(system: System, folder: Path) -> Iterator[Written]:
    """Finish what an earlier call began, then send what is ready until nothing is."""
    yield from finish_files(system, folder)
    while True:
        with unit_of_work(system) as uow:
            made = service.make_batches(uow, None, CLERK)
        if not made:
            return
        yield from finish_files(system, folder)


def finish_files(system: System, folder: Path) -> Iterator[Written]:
    """The steps of service.export after the first, for each file that is a row and has not its name yet."""
    with read_only(system) as uow:
        waiting = batches.unfinished(uow)
    for one in waiting:
        if one.state == "made":
            with read_only(system) as uow:
                content = batches.batch(uow, one.id).content
            _write_durably(folder / f".{one.file_name}.part", content)
            with unit_of_work(system) as uow:
                service.mark_written(uow, one.id, str(folder))
        place = Path(one.folder) if one.state == "written" else folder
        _give_name(place / f".{one.file_name}.part", place / one.file_name)
        with unit_of_work(system) as uow:
            service.mark_placed(uow, one.id)
        yield Written(str(place / one.file_name), one.receiver_name, one.claims, one.total_cents)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _give_name(part: Path, target: Path) -> None:
    """When the part is gone, the file had its name before, and whoever fetched it must not get it twice."""
    if part.exists():
        part.rename(target)
    elif not part.parent.is_dir():
        raise FileNotFoundError(2, "The folder that a file was going to is gone", str(part.parent))
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@claims.command("post")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def post(files: tuple[Path, ...], as_json: bool) -> None:
    """Post 835 remittances, each file whole or not at all, and each only once; exit 1 when one was refused.

    Payments for claims that we do not know are kept for a person: /billing/remittances.

    Example: ris-pacs claims post /srv/incoming/*.835
    """
    _, system = open_current_system()
    found: list[tuple[Path, list[Posting], str]] = []
    for path in files:
        try:
            content = _content(path)
            with unit_of_work(system) as uow:
                found.append((path, post_file(uow, ReceivedFile(path.name, content), CLERK), ""))
        except OSError as problem:
            found.append((path, [], f"{path}: {problem.strerror}"))
        except DomainError as problem:
            found.append((path, [], problem.message))
    if as_json:
        rows = [
            {"file": str(path), "error": wrong, "posted": [asdict(one) for one in posted]}
            for path, posted, wrong in found
        ]
        click.echo(json.dumps({"files": rows}))
    else:
        _tell(found)
    sys.exit(1 if any(wrong for _, _, wrong in found) else 0)


def _content(path: Path) -> bytes:
    """Raises OSError."""
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise OSError(27, "it is larger than any remittance", str(path))
    return path.read_bytes()


def _tell(found: list[tuple[Path, list[Posting], str]]) -> None:
    for path, posted, wrong in found:
        if wrong:
            click.echo(f"Error: {wrong}", err=True)
        for one in posted:
            begins = f"{path.name}: {one.payer_name}, trace {one.trace}, {dollars(one.amount_cents)}"
            if one.already:
                click.echo(f"{begins}: already posted, nothing changed")
            else:
                waits = f", {one.unmatched} for claims we do not know" if one.unmatched else ""
                click.echo(f"{begins}: {one.claims} claims, {one.denied} denied{waits}")
