"""C-MOVE: counts, final statuses, conversion, destinations that fail, cancellation; how files are grouped."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import (
    JPEGBaseline8Bit,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelMove,
)
from structlog.testing import capture_logs

from ris_pacs.dicom.forwarding import group_files
from ris_pacs.dicom.handlers import (
    Admission,
    Association,
    Caller,
    Destination,
    Device,
    DimseFailure,
    Rejection,
    Retrieval,
    RetrieveRequest,
    Status,
    StoredFile,
    StoreRequest,
)
from ris_pacs.dicom.pdu import MAX_CONTEXTS

from .peers import (
    CT,
    MemoryStore,
    Retriever,
    Running,
    Sink,
    data_set_of,
    image,
    listening,
    write_file,
)
from .retrieving import IMPLICIT, LITTLE, MR, Peer, counts, moving, sending, source, target


class TestMove:
    def test_every_file_arrives_as_it_was_stored(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image(size)) for size in (1, 64, 300)]
        files.append(write_file(tmp_path, image(sop_class=MR), IMPLICIT))
        store = MemoryStore()
        with listening(target(store)) as there:
            retriever = sending(files, there.port)
            with listening(source(retriever)) as here, Peer(here) as peer:
                *pending, (final, identifier) = peer.move()
        assert [counts(status) for status, _ in pending] == [(0xFF00, 3 - n, n + 1, 0, 0) for n in range(4)]
        assert counts(final) == (0x0000, None, 4, 0, 0)
        assert identifier is None
        assert retriever.requests[0].destination == "TARGET"
        assert retriever.requests[0].identifier.StudyInstanceUID == "1.2.3"
        for file in files:
            request, received = store.stored[file.sop_instance_uid]
            assert received == data_set_of(file)
            assert request.transfer_syntax_uid == file.transfer_syntax_uid
            assert request.move_originator == "WORKSTATION"
        assert there.counts.opened == 1

    def test_nothing_found_is_a_success(self) -> None:
        with listening(source(sending([], port=1))) as here, Peer(here) as peer:
            ((final, _),) = peer.move()
        assert counts(final) == (0x0000, None, 0, 0, 0)

    def test_some_failures_are_a_warning_that_names_them(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image()) for _ in range(4)]
        files[1].path.unlink()

        class Picky(MemoryStore):
            def receive(self, request: StoreRequest, association: Association) -> Sink | Status:
                if request.sop_instance_uid == files[2].sop_instance_uid:
                    return Status(0xA700, "full")
                if request.sop_instance_uid == files[3].sop_instance_uid:
                    self.status = Status(0xB007, "unusual")
                return Sink(self, request)

        with capture_logs() as logs, moving(files, Picky()) as (peer, _):
            *_, (final, identifier) = peer.move()
        assert counts(final) == (0xB000, None, 1, 2, 1)
        assert identifier is not None
        assert identifier.FailedSOPInstanceUIDList == [file.sop_instance_uid for file in files[1:3]]
        comments = [line["comment"] for line in logs if line["event"] == "sub-operation failed"]
        assert comments == ["the stored file cannot be read: No such file or directory", "full", "unusual"]

    def test_a_destination_that_is_away_fails_everything_with_its_reason(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image()) for _ in range(3)]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with listening(source(sending(files, port))) as here, Peer(here) as peer:
            *pending, (final, identifier) = peer.move()
        assert counts(final) == (0xA702, None, 0, 3, 0)
        assert "refused the connection" in final.ErrorComment
        assert len(pending) == 3
        assert identifier is not None
        assert len(identifier.FailedSOPInstanceUIDList) == 3

    def test_a_destination_that_rejects_us_says_so(self, tmp_path: Path) -> None:
        def lookup(caller: Caller) -> Admission:
            return Rejection.CALLING_AE

        files = [write_file(tmp_path, image())]
        with moving(files, MemoryStore(), lookup=lookup) as (peer, _):
            *_, (final, _) = peer.move()
        assert final.Status == 0xA702
        assert "rejected the association" in final.ErrorComment

    def test_the_destination_sees_who_sends(self, tmp_path: Path) -> None:
        seen: list[Caller] = []

        def lookup(caller: Caller) -> Admission:
            seen.append(caller)
            return Device(1, caller.calling)

        files = [write_file(tmp_path, image())]
        with moving(files, MemoryStore(), lookup=lookup) as (peer, _):
            peer.move()
        assert [(caller.calling, caller.called) for caller in seen] == [("RISPACS", "TARGET")]

    def test_a_class_that_the_destination_does_not_take_fails_alone(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image(sop_class=MR)), write_file(tmp_path, image())]
        store = MemoryStore()
        with moving(files, store, classes=(CT,)) as (peer, _):
            *_, (final, _) = peer.move()
        assert counts(final) == (0xB000, None, 1, 1, 0)
        assert list(store.stored) == [files[1].sop_instance_uid]

    def test_a_lost_association_is_opened_again(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image(500)) for _ in range(3)]
        running: list[Running] = []

        class Breaking(MemoryStore):
            def receive(self, request: StoreRequest, association: Association) -> Sink | Status:
                if request.sop_instance_uid == files[0].sop_instance_uid:
                    running[0].server._running.copy().pop().interrupt()
                return Sink(self, request)

        store = Breaking()
        with moving(files, store) as (peer, there):
            running.append(there)
            *_, (final, _) = peer.move()
            assert there.counts.opened == 2
        assert counts(final) == (0xB000, None, 2, 1, 0)
        assert list(store.stored) == [file.sop_instance_uid for file in files[1:]]

    def test_a_destination_that_breaks_again_and_again_is_given_up(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image(500)) for _ in range(6)]
        running: list[Running] = []

        class Breaking(MemoryStore):
            def receive(self, request: StoreRequest, association: Association) -> Sink | Status:
                for one in running[0].server._running.copy():
                    one.interrupt()
                return Sink(self, request)

        with capture_logs(), moving(files, Breaking()) as (peer, there):
            running.append(there)
            *_, (final, _) = peer.move()
            assert there.counts.opened == 3
        assert counts(final) == (0xA702, None, 0, 6, 0)

    def test_a_destination_that_takes_nothing_is_asked_once(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image()) for _ in range(3)]
        with moving(files, MemoryStore(), classes=("1.2.3",)) as (peer, there):
            *_, (final, _) = peer.move()
            assert there.counts.opened == 1
        assert counts(final) == (0xA702, None, 0, 3, 0)
        assert "no presentation context" in final.ErrorComment

    @pytest.mark.parametrize(
        ("error", "code"),
        [(DimseFailure(Status(0xA801, "unknown")), 0xA801), (RuntimeError("mistake"), 0x0110)],
    )
    def test_the_handlers_failure_is_the_answer(self, error: Exception, code: int) -> None:
        def fail(request: RetrieveRequest) -> Retrieval:
            raise error

        with listening(source(Retriever(fail))) as here, Peer(here) as peer:
            ((final, _),) = peer.move()
        assert final.Status == code

    def test_a_destination_that_the_handler_does_not_name_is_unknown(self) -> None:
        with listening(source(sending([]))) as here, Peer(here) as peer:
            ((final, _),) = peer.move()
        assert final.Status == 0xA801

    def test_cancelling_stops_and_counts_what_remains(self, tmp_path: Path) -> None:
        files = [write_file(tmp_path, image()) for _ in range(5)]
        with listening(target(MemoryStore())) as there:
            retriever = sending(files, there.port)
            with listening(source(retriever)) as here, Peer(here) as peer:
                responses = []
                model = StudyRootQueryRetrieveInformationModelMove
                for status, _ in peer.association.send_c_move(peer.identifier(), "TARGET", model, msg_id=7):
                    responses.append(status)
                    if len(responses) == 1:
                        peer.association.send_c_cancel(7, query_model=model)
        final = responses[-1]
        done = final.NumberOfCompletedSuboperations
        if final.Status == 0xFE00:  # else all was sent before the request arrived
            assert final.NumberOfRemainingSuboperations == 5 - done > 0
        assert len(responses) == done + 1

    def test_files_are_taken_from_the_handler_as_they_are_needed(self, tmp_path: Path) -> None:
        file = write_file(tmp_path, image(1))
        asked = 0

        def endless() -> Iterator[StoredFile]:
            nonlocal asked
            while True:
                asked += 1
                yield file

        with listening(target(MemoryStore())) as there:
            destination = Destination("TARGET", "127.0.0.1", there.port)
            retriever = Retriever(lambda request: Retrieval(1_000_000, endless(), destination))
            with listening(source(retriever)) as here:
                peer = Peer(here)
                moving = peer.association.send_c_move(
                    peer.identifier(), "TARGET", StudyRootQueryRetrieveInformationModelMove
                )
                next(moving)
                peer.association.abort()
        assert asked <= 5000


class TestGrouping:
    @staticmethod
    def files(kinds: list[tuple[str, str]]) -> list[StoredFile]:
        return [StoredFile(uid, str(n), syntax, Path("x"), 0) for n, (uid, syntax) in enumerate(kinds)]

    def test_one_kind_proposes_its_own_syntax_and_the_fallback(self) -> None:
        (group,) = group_files(self.files([(CT, str(JPEGBaseline8Bit))] * 3))
        assert [(proposal.abstract_syntax, proposal.transfer_syntaxes) for proposal in group.proposals()] == [
            (CT, (JPEGBaseline8Bit,)),
            (CT, (LITTLE, IMPLICIT)),
        ]
        assert len(group.files) == 3

    def test_more_than_128_contexts_take_several_associations(self) -> None:
        files = self.files([(f"1.2.{n % 100}", f"1.9.{n % 300}") for n in range(600)])
        groups = group_files(files)
        assert len(groups) > 1
        assert all(len(group.proposals()) <= MAX_CONTEXTS for group in groups)
        assert sorted(file.sop_instance_uid for group in groups for file in group.files) == sorted(
            file.sop_instance_uid for file in files
        )
        for group in groups:
            proposed = {(p.abstract_syntax, p.transfer_syntaxes[0]) for p in group.proposals()}
            assert {(file.sop_class_uid, file.transfer_syntax_uid) for file in group.files} <= proposed

    def test_more_kinds_than_one_association_holds_all_arrive(self, tmp_path: Path) -> None:
        store = MemoryStore()
        classes = [f"1.2.3.{n}" for n in range(70)]
        files = [write_file(tmp_path, image(1, sop_class=uid)) for uid in classes]
        with moving(files, store, classes=tuple(classes)) as (peer, there):
            *_, (final, _) = peer.move()
            assert there.counts.opened == 2
        assert counts(final) == (0x0000, None, 70, 0, 0)
        assert len(store.stored) == 70
