"""C-GET: counts, roles, conversion, cancellation."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from structlog.testing import capture_logs

from ris_pacs.dicom.handlers import (
    Retrieval,
    StoredFile,
)

from .peers import (
    CT,
    STUDY_GET,
    MemoryStore,
    Retriever,
    data_set_of,
    image,
    listening,
    write_file,
)
from .retrieving import BIG, IMPLICIT, LITTLE, Peer, counts, part_10, sending, source, swapped

A_NAME = b"\x10\0\x10\0PN\2\0AB"


def a_name(folder: Path) -> BinaryIO:
    """What a hook makes: an open file with a data set of one element."""
    made = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the listener closes it
    made.write(A_NAME)
    made.flush()
    return made


class TestGet:
    def test_every_file_comes_back_on_the_same_association(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image(size)) for size in (1, 64, 300)]
        with listening(source(sending(files))) as here, Peer(here, get_classes=(CT,)) as peer:
            *pending, (final, _) = peer.get()
            assert peer.received == [(file.sop_instance_uid, data_set_of(file)) for file in files]
        assert [counts(status) for status, _ in pending] == [(0xFF00, 2 - n, n + 1, 0, 0) for n in range(3)]
        assert counts(final) == (0x0000, None, 3, 0, 0)

    def test_without_the_scp_role_nothing_can_be_sent(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image())]
        with listening(source(sending(files), store=MemoryStore())) as here, Peer(here) as peer:
            *_, (final, identifier) = peer.get()
        assert counts(final) == (0xA702, None, 0, 1, 0)
        assert "no presentation context" in final.ErrorComment
        assert identifier is not None
        assert identifier.FailedSOPInstanceUIDList == files[0].sop_instance_uid

    def test_cancelling_stops_between_two_files(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image()) for _ in range(5)]
        with listening(source(sending(files))) as here, Peer(here, get_classes=(CT,)) as peer:
            peer.on_store = lambda: peer.association.send_c_cancel(7, query_model=STUDY_GET)
            *_, (final, _) = peer.get()
        assert counts(final) == (0xFE00, 4, 1, 0, 0)

    @pytest.mark.parametrize("stored", [LITTLE, IMPLICIT, BIG, str(DeflatedExplicitVRLittleEndian)])
    @pytest.mark.parametrize("wanted", [LITTLE, IMPLICIT, BIG, str(DeflatedExplicitVRLittleEndian)])
    def test_uncompressed_files_come_in_the_syntax_that_was_accepted(
        self, tmp_path: Path, stored: str, wanted: str
    ) -> None:
        original = image()
        original.RequestAttributesSequence = [Dataset()]
        original.RequestAttributesSequence[0].RequestedProcedureID = "R1"
        pixels = original.PixelData
        if stored == BIG:
            original.PixelData = swapped(pixels)
        file = write_file(tmp_path, original, stored)
        with listening(source(sending([file]))) as here, Peer(here, get_classes=(CT,), syntax=wanted) as peer:
            *_, (final, _) = peer.get()
            ((_, raw),) = peer.received
        assert final.Status == 0
        copy = tmp_path / "copy.dcm"
        copy.write_bytes(part_10(raw, wanted))
        sent = dcmread(copy)
        assert sent.PixelData == (swapped(pixels) if wanted == BIG else pixels)
        assert sent.Rows == 64
        assert sent.RequestAttributesSequence[0].RequestedProcedureID == "R1"

    def test_compressed_files_are_transcoded_by_the_hook(self, tmp_path: Path) -> None:
        file = write_file(tmp_path, image())
        file = StoredFile(CT, file.sop_instance_uid, str(JPEGBaseline8Bit), file.path, file.offset)
        asked: list[tuple[Path, str]] = []

        def transcode(path: Path, syntax: str) -> BinaryIO:
            asked.append((path, syntax))
            return a_name(tmp_path)

        services = source(sending([file]), transcode=transcode)
        with listening(services) as here, Peer(here, get_classes=(CT,)) as peer:
            *_, (final, _) = peer.get()
            assert peer.received == [(file.sop_instance_uid, A_NAME)]
        assert final.Status == 0
        assert asked == [(file.path, LITTLE)]

    def test_a_peer_that_takes_only_a_compressed_syntax_gets_what_the_hook_makes(self, tmp_path: Path) -> None:
        file = write_file(tmp_path, image())
        asked: list[str] = []

        def transcode(path: Path, syntax: str) -> BinaryIO:
            asked.append(syntax)
            return a_name(tmp_path)

        jpeg = str(JPEGBaseline8Bit)
        services = source(sending([file]), transcode=transcode)
        with listening(services) as here, Peer(here, get_classes=(CT,), syntax=jpeg) as peer:
            *_, (final, _) = peer.get()
            assert len(peer.received) == 1
        assert (final.Status, asked) == (0, [jpeg])

    @pytest.mark.parametrize("answer", ["none", "no hook", "fails"])
    def test_what_cannot_be_transcoded_fails_alone(self, tmp_path: Path, answer: str) -> None:
        def transcode(path: Path, syntax: str) -> BinaryIO | None:
            if answer == "fails":
                raise ValueError("damaged")
            return None

        good = write_file(tmp_path, image())
        bad = StoredFile(CT, "1.2.3", str(JPEGBaseline8Bit), good.path, good.offset)
        services = source(sending([bad, good]), transcode=None if answer == "no hook" else transcode)
        with capture_logs() as logs, listening(services) as here, Peer(here, get_classes=(CT,)) as peer:
            *_, (final, identifier) = peer.get()
        assert counts(final) == (0xB000, None, 1, 1, 0)
        assert identifier is not None
        assert identifier.FailedSOPInstanceUIDList == "1.2.3"
        (comment,) = [line["comment"] for line in logs if line["event"] == "sub-operation failed"]
        assert ("damaged" if answer == "fails" else "no transfer syntax") in comment

    def test_an_empty_file_fails_alone(self, tmp_path: Path) -> None:
        good = write_file(tmp_path, image())
        empty = tmp_path / "empty"
        empty.touch()
        files = [StoredFile(CT, "1.2.3", LITTLE, empty, 0), good]
        with listening(source(sending(files))) as here, Peer(here, get_classes=(CT,)) as peer:
            *_, (final, identifier) = peer.get()
        assert counts(final) == (0xB000, None, 1, 1, 0)
        assert identifier is not None
        assert identifier.FailedSOPInstanceUIDList == "1.2.3"

    def test_a_file_that_shrinks_while_it_is_sent_ends_the_association(self, tmp_path: Path) -> None:
        file = write_file(tmp_path, image(1000))
        files = [file, file]

        def shrinking() -> Iterator[StoredFile]:
            yield file
            with file.path.open("r+b") as handle:
                handle.truncate(file.offset + 500_000)
            yield StoredFile(CT, "1.2.3", LITTLE, file.path, file.offset)

        retriever = Retriever(lambda request: Retrieval(len(files), shrinking()))
        with listening(source(retriever)) as here, Peer(here, get_classes=(CT,)) as peer:
            *_, (final, _) = peer.get()
        assert counts(final)[2] == 2  # a shorter file is sent as long as it is; see the next test

    def test_a_file_that_is_cut_between_its_size_and_its_reading(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write_file(tmp_path, image(1000))
        monkeypatch.setattr("os.preadv", lambda *_: 0)
        with listening(source(sending([file]))) as here, Peer(here, get_classes=(CT,)) as peer:
            *_, (final, _) = peer.get()
            assert final == Dataset()  # pynetdicom's sign of an association that was aborted
        assert peer.received == []
