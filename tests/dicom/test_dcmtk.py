"""The listener and the client with DCMTK's tools at the other end."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.handlers import Destination, Match, Rejection, Retrieval, Services, Status, StoredFile
from ris_pacs.dicom.sop_classes import VERIFICATION

from .peers import (
    CT,
    PATIENCE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    WORKLIST,
    Finder,
    MemoryStore,
    Retriever,
    data_set_of,
    image,
    listening,
    run,
    tool,
    wait_until,
    write_file,
)


@pytest.fixture
def files(tmp_path: Path) -> list[StoredFile]:
    folder = tmp_path / "files"
    folder.mkdir()
    return [write_file(folder, image(size)) for size in (1, 64, 256, 256)]


def paths(files: list[StoredFile]) -> list[Path]:
    return [file.path for file in files]


def test_echoscu() -> None:
    with listening(Services()) as running:
        done = run("echoscu", "-v", "-aet", "CT1", "-aec", "RISPACS", "--repeat", 3, "127.0.0.1", running.port)
        assert done.returncode == 0, done.stdout
        wait_until(lambda: running.counts.operations == [("C-ECHO", 0, 0)] * 3)


def test_echoscu_is_told_why_it_is_rejected() -> None:
    with listening(Services(), lambda caller: Rejection.CALLING_AE) as running:
        done = run("echoscu", "-v", "127.0.0.1", running.port)
    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stdout


@pytest.mark.parametrize("nodelay", ["0", "1"])
@pytest.mark.parametrize("max_send", [4096, 131072])
def test_storescu(files: list[StoredFile], nodelay: str, max_send: int) -> None:
    store = MemoryStore()
    services = Services(store=store, storage_classes=frozenset([CT]))
    with listening(services) as running:
        options = ["-R", "--max-send-pdu", max_send, "127.0.0.1", running.port]
        done = run("storescu", *options, *paths(files), TCP_NODELAY=nodelay)
    assert done.returncode == 0, done.stdout
    assert {uid: raw for uid, (_, raw) in store.stored.items()} == {
        file.sop_instance_uid: data_set_of(file) for file in files
    }


@pytest.mark.parametrize(("option", "syntax"), [("-xb", ExplicitVRBigEndian), ("-xd", DeflatedExplicitVRLittleEndian)])
def test_storescu_with_other_transfer_syntaxes(tmp_path: Path, option: str, syntax: str) -> None:
    store = MemoryStore()
    file = write_file(tmp_path, image(), syntax)
    with listening(Services(store=store, storage_classes=frozenset([CT]))) as running:
        done = run("storescu", "-R", option, "127.0.0.1", running.port, file.path)
    assert done.returncode == 0, done.stdout
    ((request, _),) = store.stored.values()
    assert request.transfer_syntax_uid == syntax


def test_storescu_shows_our_failure_and_goes_on(files: list[StoredFile]) -> None:
    store = MemoryStore(status=Status(0xA700, "no space left"))
    with listening(Services(store=store, storage_classes=frozenset([CT]))) as running:
        done = run("storescu", "-v", "-nh", "-R", "127.0.0.1", running.port, *paths(files))
    assert done.stdout.count("Refused: OutOfResources") == len(files)
    assert len(store.stored) == len(files)


@pytest.mark.parametrize(("option", "model"), [("-W", WORKLIST), ("-S", STUDY_FIND)])
def test_findscu(option: str, model: str, tmp_path: Path) -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    matches = [Match({0x00100010: name, 0x00100020: str(n)}, ("", "ISO 2022 IR 87")) for n in range(300)]
    finder = Finder(lambda request: iter(matches))
    with listening(Services(find={model: finder})) as running:
        done = run(
            "findscu",
            option,
            "-X",
            "-od",
            tmp_path,
            "-k",
            "0010,0010=Ya*",
            "-k",
            "0010,0020",
            "127.0.0.1",
            running.port,
        )
    assert done.returncode == 0, done.stdout
    assert finder.requests[0].identifier.PatientName == "Ya*"
    answers = sorted(tmp_path.glob("rsp*.dcm"))
    assert len(answers) == 300
    assert str(dcmread(answers[-1]).PatientName) == name


def test_findscu_cancels() -> None:
    finder = Finder(lambda request: (Match({0x00100020: str(n)}) for n in range(1_000_000)))
    with listening(Services(find={WORKLIST: finder})) as running:
        done = run("findscu", "-v", "-W", "--cancel", 5, "-k", "0010,0020", "127.0.0.1", running.port)
        wait_until(lambda: running.counts.closed)
    assert done.returncode == 0, done.stdout
    assert running.counts.operations[0][:2] == ("C-FIND", 0xFE00)


def test_getscu(files: list[StoredFile], tmp_path: Path) -> None:
    retriever = Retriever(lambda request: Retrieval(len(files), iter(files)))
    services = Services(storage_classes=frozenset([CT]), retrieve={STUDY_GET: retriever})
    with listening(services) as running:
        key = ["-k", "0008,0052=STUDY", "-k", "0020,000D=1.2.3"]
        done = run("getscu", "-v", "-S", "+B", "-od", tmp_path, *key, "127.0.0.1", running.port)
    assert done.returncode == 0, done.stdout
    assert "Completed Suboperations : 4" in done.stdout
    received = sorted(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert all(any(raw.endswith(data_set_of(file)) for raw in received) for file in files)


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """DCMTK's receiver on a free port. It cannot say which port it took, so one is looked for."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [tool("storescp"), "-aet", "TARGET", "+B", "-od", str(folder), *options, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def is_up() -> bool:
        try:
            with connect("127.0.0.1", port, "TEST", "TARGET", (Proposal(VERIFICATION),)):
                return True
        except AssociationFailed:
            return False

    try:
        wait_until(is_up, "storescp")
        yield port
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.parametrize("options", [(), ("+xi",), ("-pdu", "4096")], ids=["as stored", "only implicit", "small PDUs"])
def test_movescu_to_storescp(files: list[StoredFile], tmp_path: Path, options: tuple[str, ...]) -> None:
    with storescp(tmp_path / "there", *options) as port:
        destination = Destination("TARGET", "127.0.0.1", port)
        retriever = Retriever(lambda request: Retrieval(len(files), iter(files), destination))
        services = Services(storage_classes=frozenset([CT]), retrieve={STUDY_MOVE: retriever})
        with listening(services) as running:
            key = ["-k", "0008,0052=STUDY", "-k", "0020,000D=1.2.3"]
            done = run("movescu", "-v", "-S", "-aem", "TARGET", *key, "127.0.0.1", running.port)
    assert done.returncode == 0, done.stdout
    assert "Received Final Move Response (Success)" in done.stdout
    received = {str(dcmread(path).SOPInstanceUID): path for path in (tmp_path / "there").iterdir()}
    assert set(received) == {file.sop_instance_uid for file in files}
    for file in files:
        if "+xi" in options:
            assert dcmread(received[file.sop_instance_uid]).PixelData == dcmread(file.path).PixelData
        else:
            assert received[file.sop_instance_uid].read_bytes().endswith(data_set_of(file))
            assert dcmread(received[file.sop_instance_uid]).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_our_client_stores_to_storescp(files: list[StoredFile], tmp_path: Path) -> None:
    proposals = (Proposal(CT, (ExplicitVRLittleEndian,)),)
    with (
        storescp(tmp_path / "there") as port,
        connect("127.0.0.1", port, "RISPACS", "TARGET", proposals) as association,
    ):
        assert [association.store(file).code for file in files] == [0] * len(files)
    assert len(list((tmp_path / "there").iterdir())) == len(files)
