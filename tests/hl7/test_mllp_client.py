"""Delivering messages to partners that answer well, badly, late or not at all."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.framing import Deframer, Frame, frame
from ris_pacs.hl7.handlers import Limits, Peer
from ris_pacs.hl7.mllp import Server
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from tests.hl7.samples import PATIENT, message
from tests.hl7.wire import PATIENCE, Tally, accept_all, listening, serving


def raw(control_id: str) -> bytes:
    return message(PATIENT, control_id=control_id).raw


def ack(control_id: str, code: str = "AA") -> bytes:
    return message(f"MSA|{code}|{control_id}", kind="ACK").raw


@contextmanager
def partner(*scripts: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accepts as many connections as there are scripts, one after the other, each played on its own."""
    listener = listening()

    def play() -> None:
        for script in scripts:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                script(sock)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    thread.join(PATIENCE)
    listener.close()
    assert not thread.is_alive()


def take(sock: socket.socket) -> str:
    """Reads one frame; gives its control id."""
    deframer = Deframer(1_000_000)
    while data := sock.recv(65536):
        for found in deframer.feed(data):
            assert isinstance(found, Frame)
            return parse(found.content).control_id
    raise AssertionError("the client closed the connection")


def answering(*answers: Callable[[str], bytes]) -> Callable[[socket.socket], None]:
    """Takes a message for each answer, and closes."""

    def script(sock: socket.socket) -> None:
        for answer in answers:
            sock.sendall(answer(take(sock)))

    return script


def hang_up(sock: socket.socket) -> None:
    """Waits for the client to end."""
    while sock.recv(65536):
        pass


def test_messages_go_over_one_connection_and_bring_their_answers() -> None:
    tally = Tally()
    with serving(tally=tally) as port, Connection("127.0.0.1", port) as connection:
        answers = [parse(connection.send(raw(f"M{number}"))) for number in range(5)]
    assert [(answer.get("MSA-1"), answer.get("MSA-2")) for answer in answers] == [("AA", f"M{n}") for n in range(5)]
    assert max(tally.counts) == 1


def test_an_answer_is_given_back_whatever_it_says() -> None:
    with partner(answering(lambda taken: frame(ack(taken, "AE")))) as port, Connection("127.0.0.1", port) as connection:
        assert connection.send(raw("M1")) == ack("M1", "AE")


def test_answers_to_other_messages_are_not_taken_for_this_one() -> None:
    def twice(taken: str) -> bytes:
        return frame(ack("M0")) + frame(ack(taken + " ")) + frame(ack("")) + frame(b"junk") + frame(ack(taken))

    def late(taken: str) -> bytes:
        return frame(ack("M1", "AE")) + frame(ack(taken))

    with partner(answering(twice, late)) as port, Connection("127.0.0.1", port) as connection:
        assert connection.send(raw("M1")) == ack("M1")
        assert connection.send(raw("M2")) == ack("M2")


def test_a_control_id_with_escapes_is_matched_by_its_meaning() -> None:
    sent = message(PATIENT, control_id=r"A\T\B").raw
    plain = b"MSH|^~\\!|EMR|||||||ACK||P|2.5.1\rMSA|AA|A&B\r"
    with partner(answering(lambda _: frame(plain))) as port, Connection("127.0.0.1", port) as connection:
        assert connection.send(sent) == plain


def test_a_connection_that_the_partner_has_closed_is_opened_again() -> None:
    once = answering(lambda taken: frame(ack(taken)))
    with partner(once, once) as port, Connection("127.0.0.1", port) as connection:
        assert connection.send(raw("M1")) == ack("M1")
        assert connection.send(raw("M2")) == ack("M2")


def test_a_kept_connection_that_breaks_under_the_message_is_tried_once_more() -> None:
    taken: list[str] = []

    def answer_then_break(sock: socket.socket) -> None:
        sock.sendall(frame(ack(take(sock))))
        taken.append(take(sock))  # and hangs up without an answer

    def again(sock: socket.socket) -> None:
        taken.append(take(sock))
        sock.sendall(frame(ack(taken[-1])))

    with partner(answer_then_break, again) as port, Connection("127.0.0.1", port) as connection:
        connection.send(raw("M1"))
        assert connection.send(raw("M2")) == ack("M2")
    assert taken == ["M2", "M2"]


def test_a_new_connection_that_breaks_is_a_failure() -> None:
    def read_and_close(sock: socket.socket) -> None:
        take(sock)

    with partner(read_and_close) as port, Connection("127.0.0.1", port) as connection:
        with pytest.raises(NotDelivered) as failure:
            connection.send(raw("M1"))
        assert failure.value.reason == f"127.0.0.1:{port} closed the connection before it answered"
        assert failure.value.may_have_arrived


@pytest.mark.parametrize(
    ("answer", "instead"),
    [
        (b"", ""),
        (frame(ack("M0")), "; what came instead: AA for message 'M0'"),
        (frame(ack("", "AR")), "; what came instead: AR without a control id"),
        (frame(b"hello"), "; what came instead: something that is not an HL7 acknowledgement"),
        (b"\x0bMSH|half", ""),
    ],
)
def test_no_answer_in_time_is_a_failure_in_plain_words(answer: bytes, instead: str) -> None:
    def script(sock: socket.socket) -> None:
        take(sock)
        sock.sendall(answer)
        hang_up(sock)

    with partner(script) as port, Connection("127.0.0.1", port, answer_seconds=0.2) as connection:
        with pytest.raises(NotDelivered) as failure:
            connection.send(raw("M1"))
        assert failure.value.reason == f"127.0.0.1:{port} did not answer within 0.2 s{instead}"


def test_after_a_failure_the_next_message_gets_a_new_connection() -> None:
    def silent(sock: socket.socket) -> None:
        take(sock)
        hang_up(sock)

    answer = answering(lambda taken: frame(ack(taken)))
    with partner(silent, answer) as port, Connection("127.0.0.1", port, answer_seconds=0.2) as connection:
        with pytest.raises(NotDelivered):
            connection.send(raw("M1"))
        assert connection.send(raw("M1")) == ack("M1")


def test_where_nothing_listens_the_failure_says_so() -> None:
    free = listening()
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(NotDelivered) as failure:
        Connection("127.0.0.1", port).send(raw("M1"))
    assert failure.value.reason == f"127.0.0.1:{port} refuses the connection; nothing listens there"
    assert not failure.value.may_have_arrived


def test_a_message_without_a_control_id_is_not_sent() -> None:
    with pytest.raises(NotDelivered, match="MSH-10"):
        Connection("127.0.0.1", 1).send(raw(""))
    with pytest.raises(NotDelivered, match="MSH-10"):
        Connection("127.0.0.1", 1).send(b"hello")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: HL7 over TLS is NOT tested")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=emr.example", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


@contextmanager
def serving_tls(certificate: tuple[Path, Path], limits: Limits | None = None) -> Iterator[tuple[int, list[Peer]]]:
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(cert)
    context.verify_mode = ssl.CERT_OPTIONAL
    peers: list[Peer] = []

    def handler(content: bytes, peer: Peer) -> bytes:
        peers.append(peer)
        return accept_all(content, peer)

    listener = listening()
    server = Server(listener, handler, limits, tls=context)
    server.start()
    yield listener.getsockname()[1], peers
    assert server.drain(PATIENCE)
    listener.close()


def test_over_tls_both_sides_are_known(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    context = ssl.create_default_context(cafile=str(cert))
    context.load_cert_chain(cert, key)
    with serving_tls(certificate) as (port, peers), Connection("127.0.0.1", port, tls=context) as connection:
        big = raw("T1") + b"OBX|1|ED|R||" + b"A" * 1_000_000 + b"\r"
        assert parse(connection.send(big)).get("MSA-2") == "T1"
        assert parse(connection.send(raw("T2"))).get("MSA-2") == "T2"
    assert [peer.certificate_name for peer in peers] == ["emr.example", "emr.example"]
    assert len({peer.connection for peer in peers}) == 1


def test_a_certificate_that_is_not_trusted_is_refused(certificate: tuple[Path, Path]) -> None:
    why = "does not agree on a secure connection: self-signed certificate"
    with serving_tls(certificate) as (port, peers), pytest.raises(NotDelivered, match=why):
        Connection("127.0.0.1", port, tls=ssl.create_default_context()).send(raw("T1"))
    assert peers == []


def test_a_sender_that_does_not_speak_tls_is_let_go(certificate: tuple[Path, Path]) -> None:
    with serving_tls(certificate, Limits(handshake_seconds=0.2)) as (port, peers):
        with pytest.raises(NotDelivered):
            Connection("127.0.0.1", port).send(raw("T1"))
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as silent:
            assert silent.recv(10) == b""  # the handshake was not begun in time
    assert peers == []
