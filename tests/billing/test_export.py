"""Files of claims: written once, whatever dies in between."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from ris_pacs.billing.errors import ClaimNotReady
from ris_pacs.billing.models import ClaimBatch, ClaimVersion
from ris_pacs.billing.service import claims as service
from ris_pacs.billing.service.export import make_batches
from ris_pacs.cli import claims as command
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.billing import office
from tests.billing.office import BILLER
from tests.billing.samples import paid, remittance, segments_of
from tests.billing.test_write_837 import pyx12_faults


@pytest.fixture
def outgoing(tmp_path: Path) -> Path:
    folder = tmp_path / "outgoing"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def export(system: System, folder: Path) -> list[str]:
    return [Path(one.file).name for one in command.write_files(system, folder)]


def numbers(folder: Path) -> list[str]:
    """Claim numbers in all files of the folder."""
    return [one[1] for path in folder.glob("*.x12") for one in segments_of(path.read_bytes(), "CLM")]


def test_what_is_ready_goes_out_once_and_stays_as_it_was_sent(system, outgoing):
    office.a_ready_claim(system)
    assert export(system, outgoing) == ["837P-CLEARWATER-000000001.x12"]
    assert export(system, outgoing) == []
    content = (outgoing / "837P-CLEARWATER-000000001.x12").read_bytes()
    assert pyx12_faults(content) == ""
    with read_only(system) as uow:
        batch = uow.session.scalars(select(ClaimBatch)).one()
        version = uow.session.scalars(select(ClaimVersion)).one()
        assert [one.state for one in office.claims(uow)] == ["sent"]
    assert (batch.state, batch.content, batch.claims) == ("placed", content, 1)
    assert version.content.splitlines()[0] == "HL*2*1*22*0"
    assert version.content.replace("\n", "~\n") in content.decode()


@pytest.mark.parametrize("dies_in", ["_write_durably", "mark_written", "_give_name", "mark_placed"])
@pytest.mark.parametrize("after", [False, True])
def test_an_export_that_dies_anywhere_is_finished_by_the_next_and_sends_nothing_twice(
    system, outgoing, monkeypatch, dies_in, after
):
    """after: it dies when the step is done, but nobody was told."""

    class PowerCut(BaseException):
        pass

    place = command.service if dies_in.startswith("mark") else command
    step = getattr(place, dies_in)

    def dying(*arguments: object) -> None:
        if after:
            step(*arguments)
            if dies_in.startswith("mark"):
                arguments[0].session.flush()  # type: ignore[attr-defined]
                return  # It is committed when the block is left; what comes next dies.
        raise PowerCut

    office.a_ready_claim(system)
    if after and dies_in.startswith("mark"):
        following = {"mark_written": "_give_name", "mark_placed": "Written"}[dies_in]
        monkeypatch.setattr(command, following, lambda *_: (_ for _ in ()).throw(PowerCut()))
    else:
        monkeypatch.setattr(place, dies_in, dying)
    with pytest.raises(PowerCut):
        export(system, outgoing)
    monkeypatch.undo()
    taken = [one.name for one in outgoing.glob("*.x12")]
    for one in taken:  # Whoever fetches files was quick.
        (outgoing / one).unlink()
    export(system, outgoing)
    sent = [*taken, *(one.name for one in outgoing.glob("*.x12"))]
    assert sent == ["837P-CLEARWATER-000000001.x12"]
    assert [one for one in names(outgoing) if one.startswith(".")] == []
    with read_only(system) as uow:
        assert [one.state for one in uow.session.scalars(select(ClaimBatch))] == ["placed"]
        assert [one.state for one in office.claims(uow)] == ["sent"]


def test_an_export_that_dies_before_its_commit_has_sent_nothing(system, outgoing, monkeypatch):
    office.a_ready_claim(system)
    monkeypatch.setattr(command.service, "make_batches", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        export(system, outgoing)
    monkeypatch.undo()
    assert len(export(system, outgoing)) == 1


def test_two_exports_at_once_send_each_claim_once(system, outgoing):
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        for number in range(6):
            office.read(uow, office.insured(uow, house, family=f"Okonkwo{number}"))
    together = threading.Barrier(3)
    wrong: list[BaseException] = []

    def work() -> None:
        together.wait()
        try:
            with unit_of_work(system) as uow:
                make_batches(uow, None, BILLER)
        except BaseException as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    export(system, outgoing)
    assert sorted(numbers(outgoing)) == [f"C{number:08}" for number in range(1, 7)]


def test_a_claim_that_is_held_or_has_a_fault_stays(system, outgoing):
    claim_id = office.a_ready_claim(system)
    with unit_of_work(system) as uow:
        service.hold_claim(uow, claim_id, "waits for the old card", BILLER)
    assert export(system, outgoing) == []
    with unit_of_work(system) as uow, pytest.raises(ClaimNotReady):
        make_batches(uow, [claim_id], BILLER)
    with unit_of_work(system) as uow:
        service.release_claim(uow, claim_id, BILLER)
        service.set_diagnoses(uow, claim_id, [], BILLER)
        assert office.claims(uow)[0].state == "charged"
    assert export(system, outgoing) == []


def test_what_became_too_late_meanwhile_is_found_before_it_goes(system, outgoing, clock):
    office.a_ready_claim(system)
    clock.advance(days=120)
    assert export(system, outgoing) == []
    with read_only(system) as uow:
        claim = office.claims(uow)[0]
    assert (claim.state, claim.first_finding) == ("coded", "It is too late to file.")


def test_sending_needs_the_right(system, desk):
    with unit_of_work(system) as uow, pytest.raises(Forbidden):
        make_batches(uow, None, desk)


@pytest.fixture
def run(system, monkeypatch):
    monkeypatch.setattr(command, "open_current_system", lambda: (None, system))

    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(command.claims, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def test_the_commands_tell_what_they_did(system, run, outgoing, tmp_path):
    office.a_ready_claim(system)
    status, said, _ = run("export", str(outgoing), "--json")
    (file,) = json.loads(said)["files"]
    assert (status, file["claims"], file["total_cents"]) == (0, 1, 52_600)
    assert run("export", str(outgoing)) == (0, "No claim is ready.\n", "")
    good, bad = tmp_path / "good.835", tmp_path / "bad.835"
    good.write_bytes(remittance(*paid("C00000001", "526", "400", "76", "50"), total="400"))
    bad.write_bytes(good.read_bytes()[:-30])
    status, said, wrong = run("post", str(good), str(bad), str(tmp_path / "none.835"))
    assert status == 1
    assert said == "good.835: NORTHWIND PPO, trace TR1001, $400.00: 1 claims, 0 denied\n"
    assert "Error: bad.835: " in wrong
    assert "none.835: No such file" in wrong
    status, said, _ = run("post", str(good))
    assert (status, said) == (0, "good.835: NORTHWIND PPO, trace TR1001, $400.00: already posted, nothing changed\n")
    assert json.loads(run("post", str(good), "--json")[1])["files"][0]["posted"][0]["already"] is True


def test_a_folder_that_cannot_be_written_is_told_in_a_line_and_loses_nothing(system, run, outgoing, tmp_path):
    office.a_ready_claim(system)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    status, _, wrong = run("export", str(blocked / "below"))
    assert status == 1
    assert "Nothing is lost" in wrong
    assert export(system, outgoing) == ["837P-CLEARWATER-000000001.x12"]
