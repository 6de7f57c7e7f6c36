"""Admission, limits, timers, bytes that are no DICOM, several processes, TLS, and the end of it all."""

from __future__ import annotations

import multiprocessing
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ris_pacs.dicom.association import Limits
from ris_pacs.dicom.client import AssociationFailed, ClientAssociation, Proposal, connect
from ris_pacs.dicom.connection import Ending, Timeouts
from ris_pacs.dicom.handlers import Admission, Caller, Device, Match, Rejection, Services, TransientRejection
from ris_pacs.dicom.pdu import RELEASE_RP, RELEASE_RQ, Abort, AssociateReject, AssociateRequest, ProposedContext
from ris_pacs.dicom.server import Server
from ris_pacs.dicom.sop_classes import VERIFICATION

from .peers import PATIENCE, WORKLIST, Finder, Running, anyone, listening, tool, wait_until

ECHO = (Proposal(VERIFICATION),)
REQUEST = AssociateRequest("CT1", "RISPACS", (ProposedContext(1, VERIFICATION, ("1.2.840.10008.1.2",)),))
QUICK = Timeouts(artim=0.4, idle=0.4, write=0.4)


def call(running: Running, calling: str = "CT1", **options: object) -> ClientAssociation:
    return connect("127.0.0.1", running.port, calling, "RISPACS", ECHO, **options)


def bare(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), PATIENCE)


def plain(running: Running, raw: bytes) -> bytes:
    """Send bytes over a bare socket; everything that comes back until the server closes."""
    with bare(running) as sock:
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


class TestAdmission:
    def test_the_lookup_sees_who_calls(self) -> None:
        seen: list[Caller] = []

        def lookup(caller: Caller) -> Admission:
            seen.append(caller)
            return Device(1, caller.calling)

        with listening(Services(), lookup) as running, call(running):
            pass
        (caller,) = seen
        assert (caller.calling, caller.called, caller.address) == ("CT1", "RISPACS", "127.0.0.1")
        assert caller.implementation_version.startswith("RISPACS_")

    @pytest.mark.parametrize(
        ("admission", "words"),
        [
            (Rejection.NO_REASON, "no reason given"),
            (Rejection.CALLING_AE, "calling AE title not recognized"),
            (Rejection.CALLED_AE, "called AE title not recognized"),
            (TransientRejection.CONGESTION, r"temporary congestion \(transient\)"),
            (TransientRejection.LOCAL_LIMIT, r"local limit exceeded \(transient\)"),
        ],
    )
    def test_a_refusal_reaches_the_peer_with_its_reason(self, admission: Admission, words: str) -> None:
        with (
            capture_logs() as logs,
            listening(Services(), lambda caller: admission) as running,
            pytest.raises(AssociationFailed, match=words),
        ):
            call(running)
        assert [running.counts.rejected, running.counts.opened] == [[words.replace("\\", "")], 0]
        (line,) = [line for line in logs if line["event"] == "association rejected"]
        assert (line["calling"], line["called"], line["peer"]) == ("CT1", "RISPACS", "127.0.0.1")

    def test_a_lookup_that_fails_is_a_temporary_matter(self) -> None:
        def lookup(caller: Caller) -> Admission:
            raise RuntimeError("the database is away")

        with (
            capture_logs() as logs,
            listening(Services(), lookup) as running,
            pytest.raises(AssociationFailed, match="temporary congestion"),
        ):
            call(running)
        assert any(line.get("exc_info") for line in logs)

    def test_another_application_context_is_rejected(self) -> None:
        request = AssociateRequest("CT1", "RISPACS", REQUEST.contexts, application_context="1.2.3")
        with listening(Services()) as running:
            assert plain(running, request.encode()) == AssociateReject(1, 1, 2).encode()

    def test_another_protocol_version_is_rejected(self) -> None:
        request = AssociateRequest("CT1", "RISPACS", REQUEST.contexts, protocol_version=2)
        with listening(Services()) as running:
            assert plain(running, request.encode()) == AssociateReject(1, 2, 2).encode()

    def test_a_request_without_contexts_is_rejected(self) -> None:
        with listening(Services()) as running:
            assert plain(running, AssociateRequest("CT1", "X", ()).encode()) == AssociateReject(1, 1, 1).encode()


class TestLimits:
    def test_of_all_associations(self) -> None:
        with listening(Services(), limits=Limits(associations=2)) as running:
            refused = pytest.raises(AssociationFailed, match=r"local limit exceeded \(transient\)")
            with call(running, "A"), call(running, "B"), refused:
                call(running, "C")
            wait_until(lambda: running.server.associations == 0)
            with call(running, "C"):
                pass

    def test_of_one_calling_title(self) -> None:
        with listening(Services(), limits=Limits(associations_per_title=1)) as running:
            refused = pytest.raises(AssociationFailed, match="local limit exceeded")
            with call(running, "A"), call(running, "B"), refused:
                call(running, "A")
            wait_until(lambda: running.server.associations == 0)
            with call(running, "A"):
                pass

    def test_of_connections_holds_the_next_back_until_one_goes(self) -> None:
        with listening(Services(), limits=Limits(connections=1)) as running:
            with bare(running) as silent:
                silent.sendall(b"\x01")
                with pytest.raises(AssociationFailed, match="did not answer in time"):
                    call(running, timeout=0.3)
            with call(running) as association:
                assert association.echo().code == 0


class TestTimers:
    def test_artim_ends_a_connection_that_never_asks(self) -> None:
        with listening(Services(), limits=Limits(timeouts=QUICK)) as running, bare(running) as sock:
            sock.sendall(REQUEST.encode()[:20])  # a trickle does not help
            assert sock.recv(100) == b""

    def test_artim_ends_a_connection_that_stays_after_a_rejection(self) -> None:
        limits = Limits(timeouts=QUICK)
        with listening(Services(), lambda caller: Rejection.CALLING_AE, limits) as running, bare(running) as sock:
            sock.sendall(REQUEST.encode())
            assert sock.recv(100) == AssociateReject(1, 1, 3).encode()
            assert sock.recv(100) == b""

    def test_a_peer_that_lingers_after_its_release_is_counted_out(self) -> None:
        with listening(Services()) as running, bare(running) as sock:
            sock.sendall(REQUEST.encode())
            assert sock.recv(1000)[0] == 0x02
            sock.sendall(RELEASE_RQ)
            assert sock.recv(100) == RELEASE_RP
            wait_until(lambda: running.server.associations == 0)  # although it keeps the connection open

    def test_silence_ends_an_association_with_an_abort(self) -> None:
        with listening(Services(), limits=Limits(timeouts=QUICK)) as running:
            with bare(running) as sock:
                sock.sendall(REQUEST.encode())
                assert sock.recv(1000)[0] == 0x02
                assert sock.recv(100) == Abort(0, 0).encode()
            wait_until(lambda: running.counts.closed == [Ending.TIMED_OUT])

    def test_a_peer_that_reads_nothing_is_given_up(self) -> None:
        many = Finder(lambda request: (Match({0x00104000: "x" * 8000}) for _ in range(100_000)))
        limits = Limits(timeouts=Timeouts(artim=0.2, idle=30, write=0.2))
        with listening(Services(find={WORKLIST: many}), limits=limits) as running:
            association = connect("127.0.0.1", running.port, "CT1", "X", (Proposal(WORKLIST),))
            matches = association.find(WORKLIST, {0x00100010: ""})
            next(matches)
            wait_until(lambda: running.counts.closed == [Ending.TIMED_OUT])
            association.abort()


class TestStrangers:
    @pytest.mark.parametrize(
        "raw",
        [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", bytes(10), b"\x0bMSH|^~\\&|"],
        ids=["http", "tls", "zeros", "mllp"],
    )
    def test_bytes_that_are_no_dicom_are_aborted_with_one_line(self, raw: bytes) -> None:
        with capture_logs() as logs, listening(Services()) as running:
            assert plain(running, raw) == Abort(0, 0).encode()
            assert running.server.drain(PATIENCE)
        (line,) = logs
        assert line["event"] == "no DICOM association"
        assert line["log_level"] == "warning"

    def test_a_connection_that_says_nothing_leaves_no_line(self) -> None:
        with capture_logs() as logs, listening(Services()) as running:
            assert plain(running, b"") == b""
            assert running.server.drain(PATIENCE)
        assert logs == []

    def test_a_flood_of_rubbish_does_not_end_the_process(self) -> None:
        with listening(Services()) as running:
            for length in range(1, 60):
                plain(running, os.urandom(length * 50))
            with call(running) as association:
                assert association.echo().code == 0


def serve_in_a_process(listener: socket.socket, accepted: multiprocessing.Queue[int]) -> None:
    def lookup(caller: Caller) -> Admission:
        accepted.put(os.getpid())
        return anyone(caller)

    Server(listener, Services(), lookup).serve()


def test_two_processes_share_one_listening_socket() -> None:
    context = multiprocessing.get_context("fork")
    accepted = context.Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        processes = [context.Process(target=serve_in_a_process, args=(listener, accepted)) for _ in range(2)]
        for process in processes:
            process.start()
        try:
            pids = {process.pid for process in processes}
            answered: set[int] = set()
            for _ in range(200):  # the kernel chooses; both are asked in the end
                with ExitStack() as stack:
                    for _ in range(4):
                        association = connect("127.0.0.1", port, "CT1", "RISPACS", ECHO)
                        stack.enter_context(association)
                        assert association.echo().code == 0
                        answered.add(accepted.get(timeout=PATIENCE))
                if answered == pids:
                    break
            assert answered == pids
        finally:
            for process in processes:
                process.kill()
                process.join()


class TestDraining:
    def test_running_associations_finish(self) -> None:
        with listening(Services()) as running:
            association = call(running)
            result: list[bool] = []
            drain = threading.Thread(target=lambda: result.append(running.server.drain(PATIENCE)))
            drain.start()
            assert association.echo().code == 0
            association.release()
            drain.join(PATIENCE)
            assert result == [True]
            assert running.counts.closed == [Ending.RELEASED]

    def test_those_that_stay_are_aborted(self) -> None:
        with listening(Services()) as running:
            association = call(running)
            assert running.server.drain(0.05) is False
            assert running.counts.closed == [Ending.SHUT_DOWN]
            with pytest.raises(AssociationFailed, match="the peer aborted"):
                association.echo()

    def test_one_that_answers_a_query_is_aborted_too(self) -> None:
        release = threading.Event()

        def slow(request: object) -> Iterator[Match]:
            yield Match({0x00100020: "1"})
            release.wait(PATIENCE)
            yield Match({0x00100020: "2"})

        with listening(Services(find={WORKLIST: Finder(slow)})) as running:
            association = connect("127.0.0.1", running.port, "CT1", "X", (Proposal(WORKLIST),))
            failed: list[Exception] = []
            query = threading.Thread(target=lambda: failed.append(failure_of(association)))
            query.start()
            wait_until(lambda: running.server.associations == 1)
            drain = threading.Thread(target=lambda: running.server.drain(0.05))
            drain.start()
            drain.join(0.2)
            release.set()
            drain.join(PATIENCE)
            query.join(PATIENCE)
            assert running.counts.closed == [Ending.SHUT_DOWN]
            assert isinstance(failed[0], AssociationFailed)

    def test_nothing_is_accepted_any_more(self) -> None:
        with listening(Services()) as running:
            assert running.server.drain(0)
            with pytest.raises(AssociationFailed, match="did not answer in time"):
                call(running, timeout=0.2)


def failure_of(association: ClientAssociation) -> Exception:
    try:
        list(association.find(WORKLIST, {0x00100010: ""}))
    except AssociationFailed as error:
        return error
    raise AssertionError("nothing failed")


def test_every_line_of_an_association_names_it() -> None:
    with capture_logs() as logs, listening(Services()) as running:
        with call(running) as association:
            association.echo()
        assert running.server.drain(PATIENCE)
    opened, closed = logs
    assert (opened["event"], closed["event"]) == ("association accepted", "association ended")
    assert opened["association"] == closed["association"]
    assert (closed["calling"], closed["how"], closed["C-ECHO"]) == ("CT1", "released", 1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    arguments = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    command = [tool("openssl", "OpenSSL"), *arguments.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, capture_output=True, check=True)
    return key, cert


class TestTls:
    @pytest.fixture
    def running(self, certificate: tuple[Path, Path]) -> Iterator[Running]:
        key, cert = certificate
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        many = Finder(lambda request: (Match({0x00100020: str(n)}) for n in range(2000)))
        with listening(Services(find={WORKLIST: many}), tls=context) as running:
            yield running

    @pytest.fixture
    def trusting(self, certificate: tuple[Path, Path]) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certificate[1]))

    def test_associations_are_encrypted(self, running: Running, trusting: ssl.SSLContext) -> None:
        proposals = (*ECHO, Proposal(WORKLIST))
        with connect("127.0.0.1", running.port, "CT1", "X", proposals, tls=trusting) as association:
            assert association.echo().code == 0
            assert len(list(association.find(WORKLIST, {0x00100020: ""}))) == 2000

    def test_cancelling_works_too(self, running: Running, trusting: ssl.SSLContext) -> None:
        with connect("127.0.0.1", running.port, "CT1", "X", (Proposal(WORKLIST),), tls=trusting) as association:
            with closing(association.find(WORKLIST, {0x00100020: ""})) as matches:
                next(matches)
            assert len(list(association.find(WORKLIST, {0x00100020: ""}))) == 2000

    def test_draining_sends_its_abort_encrypted(self, running: Running, trusting: ssl.SSLContext) -> None:
        association = call(running, tls=trusting)
        assert running.server.drain(0) is False
        assert running.counts.closed == [Ending.SHUT_DOWN]
        with pytest.raises(AssociationFailed, match="the peer aborted"):
            association.echo()

    def test_a_plain_peer_is_dropped(self, running: Running) -> None:
        with pytest.raises(AssociationFailed):
            call(running)

    def test_an_unknown_certificate_is_told(self, running: Running) -> None:
        with pytest.raises(AssociationFailed, match="certificate"):
            call(running, tls=ssl.create_default_context())
