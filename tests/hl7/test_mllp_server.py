"""The listener as senders meet it: over real sockets, well behaved or not."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import socket
import threading

import pytest
from structlog.testing import capture_logs

from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.framing import frame
from ris_pacs.hl7.handlers import Limits, Peer
from ris_pacs.hl7.mllp import Server
from tests.hl7.samples import PATIENT, message
from tests.hl7.wire import PATIENCE, Sender, Tally, accept_all, listening, serving

MEGABYTE = 1024 * 1024


def raw(control_id: str, *segments: str) -> bytes:
    return message(*segments or (PATIENT,), control_id=control_id).raw


def test_a_connection_stays_for_many_messages() -> None:
    with serving() as port, Sender(port) as sender:
        for number in range(20):
            sender.write(frame(raw(f"A{number}")))
            assert sender.answer().get("MSA-2") == f"A{number}"


def test_a_message_may_come_byte_by_byte() -> None:
    with serving() as port, Sender(port) as sender:
        sender.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(raw("SLOW")):
            sender.write(bytes([byte]))
        assert sender.answer().get("MSA-2") == "SLOW"


def test_frames_in_one_packet_are_answered_one_by_one_in_order() -> None:
    handled: list[str] = []

    def handler(content: bytes, peer: Peer) -> bytes:
        handled.append(parse(content).control_id)
        return accept_all(content, peer)

    with serving(handler) as port, Sender(port) as sender:
        sender.write(b"".join(frame(raw(f"P{number}")) for number in range(10)) + frame(raw("LAST"))[:20])
        assert [sender.answer().get("MSA-2") for _ in range(10)] == [f"P{number}" for number in range(10)]
        sender.write(frame(raw("LAST"))[20:])
        assert sender.answer().get("MSA-2") == "LAST"
    assert handled == [*(f"P{number}" for number in range(10)), "LAST"]


def test_half_a_frame_is_thrown_away_with_a_line_in_the_log() -> None:
    handled: list[bytes] = []
    tally = Tally()
    with capture_logs() as logs, serving(lambda content, _: handled.append(content), tally=tally) as port:
        with Sender(port) as sender:
            sender.write(frame(raw("HALF"))[:-1])
        tally.wait_until_closed()
    assert handled == []
    assert tally.discarded == [("half frame", len(raw("HALF")) + 1)]
    assert [line["size"] for line in logs if line["event"] == "hl7 half frame discarded"] == [len(raw("HALF")) + 1]


def test_a_frame_begun_again_counts_from_its_second_start() -> None:
    with serving() as port, Sender(port) as sender:
        sender.write(frame(raw("LOST"))[:-10] + frame(raw("AGAIN")))
        assert sender.answer().get("MSA-2") == "AGAIN"


def test_ten_megabytes_are_taken_and_eleven_refused_and_the_connection_stays() -> None:
    big = raw("TEN", PATIENT, "OBX|1|ED|R||" + "A" * (10 * MEGABYTE - 500))
    assert 10 * MEGABYTE - 500 < len(big) <= 10 * MEGABYTE
    bigger = raw("TEN").replace(b"TEN", b"ELEVEN") + b"OBX|1|ED|R||" + b"A" * (11 * MEGABYTE) + b"\r"
    tally = Tally()
    with serving(tally=tally) as port, Sender(port) as sender:
        sender.write(frame(big))
        assert sender.answer().get("MSA-1") == "AA"
        sender.write(frame(bigger) + frame(raw("AFTER")))
        refusal = sender.answer()
        assert (refusal.get("MSA-1"), refusal.get("MSA-2")) == ("AR", "ELEVEN")
        assert refusal.get("MSH-5") == "EMR"
        assert refusal.get("ERR-8").startswith("message too long: 11,5")
        assert sender.answer().get("MSA-2") == "AFTER"
    assert [exchange.outcome for exchange in tally.exchanges] == ["answered", "too long", "answered"]


def test_junk_before_a_frame_is_skipped_and_logged() -> None:
    with capture_logs() as logs, serving() as port, Sender(port) as sender:
        sender.write(b"GET / HTTP/1.1\r\n\r\n" + frame(raw("REAL")))
        assert sender.answer().get("MSA-2") == "REAL"
    assert [line["size"] for line in logs if line["event"] == "hl7 junk before a frame skipped"] == [14]


def test_nothing_but_junk_ends_the_connection() -> None:
    with serving(limits=Limits(junk_bytes=1000)) as port, Sender(port) as sender:
        sender.write(b"x" * 1001)
        assert sender.closed_by_listener()


def test_bytes_in_a_frame_that_are_no_message_reach_the_handler_and_its_answer_goes_back() -> None:
    with serving(lambda content, _: b"got " + content) as port, Sender(port) as sender:
        sender.write(frame(b"\x00\xff"))
        assert sender.socket.recv(100) == frame(b"got \x00\xff")


def test_a_handler_that_says_nothing_sends_nothing() -> None:
    tally = Tally()

    def handler(content: bytes, peer: Peer) -> bytes | None:
        return None if b"QUIET" in content else accept_all(content, peer)

    with serving(handler, tally=tally) as port, Sender(port) as sender:
        sender.write(frame(raw("QUIET")) + frame(raw("LOUD")))
        assert sender.answer().get("MSA-2") == "LOUD"
    assert [exchange.outcome for exchange in tally.exchanges] == ["silent", "answered"]


@pytest.mark.parametrize(("modes", "code"), [("", "AR"), ("|||AL|NE", "CR")])
def test_a_handler_that_fails_is_answered_for_and_the_connection_stays(modes: str, code: str) -> None:
    def handler(content: bytes, peer: Peer) -> bytes:
        if b"BOOM" in content:
            raise RuntimeError("NGUYEN^MINH is not in the table")
        return accept_all(content, peer)

    sent = raw("BOOM").replace(b"|2.5.1", b"|2.5.1" + modes.encode())
    with capture_logs() as logs, serving(handler) as port, Sender(port) as sender:
        sender.write(frame(sent))
        answer = sender.answer()
        sender.write(frame(raw("NEXT")))
        assert sender.answer().get("MSA-1") == "AA"
    assert (answer.get("MSA-1"), answer.get("MSA-2"), answer.get("ERR-3.1")) == (code, "BOOM", "207")
    assert b"Traceback" not in answer.raw
    assert b"NGUYEN" not in answer.raw
    (line,) = [line for line in logs if line["event"] == "hl7 handler failed"]
    assert line["error"] == "RuntimeError"
    assert "test_mllp_server.py" in line["where"]
    assert "NGUYEN" not in str(logs)


def test_logs_tell_type_id_and_sizes_and_never_content() -> None:
    tally = Tally()
    with capture_logs() as logs, serving(tally=tally) as port, Sender(port) as sender:
        sender.write(frame(raw("ID7")))
        sender.answer()
    (line,) = [line for line in logs if line["event"] == "hl7 message"]
    assert (line["type"], line["control_id"], line["received"]) == ("ADT^A08", "ID7", len(raw("ID7")))
    assert line["answered"] > 0
    assert "NGUYEN" not in str(logs)
    assert (tally.exchanges[0].kind, tally.exchanges[0].control_id) == ("ADT^A08", "ID7")


def test_fifty_senders_at_once_are_all_answered_in_parallel() -> None:
    together = threading.Barrier(50)

    def handler(content: bytes, peer: Peer) -> bytes:
        together.wait(PATIENCE)  # nobody is answered until all are being handled
        return accept_all(content, peer)

    tally = Tally()
    with serving(handler, tally=tally) as port:
        senders = [Sender(port) for _ in range(50)]
        for number, sender in enumerate(senders):
            sender.write(frame(raw(f"S{number}")))
        answers = [sender.answer().get("MSA-2") for sender in senders]
        for sender in senders:
            sender.socket.close()
        tally.wait_until_closed()
    assert answers == [f"S{number}" for number in range(50)]
    assert max(tally.counts) == 50


def test_above_the_most_connections_a_sender_waits_for_a_place() -> None:
    with serving(limits=Limits(connections=1)) as port, Sender(port) as first, Sender(port) as second:
        second.write(frame(raw("SECOND")))
        first.write(frame(raw("FIRST")))
        assert first.answer().get("MSA-2") == "FIRST"
        second.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            second.socket.recv(1)
        first.socket.close()
        second.socket.settimeout(PATIENCE)
        assert second.answer().get("MSA-2") == "SECOND"


@pytest.mark.parametrize(
    ("limits", "start", "reason"),
    [
        (Limits(idle_seconds=0.1), b"", "idle for too long"),
        (Limits(frame_seconds=0.1), b"\x0bMSH|", "a frame was not complete in time"),
        (Limits(frame_seconds=0.1), frame(raw("ONE")) + b"\x0bMSH|", "a frame was not complete in time"),
    ],
)
def test_a_sender_that_is_idle_or_too_slow_is_let_go(limits: Limits, start: bytes, reason: str) -> None:
    tally = Tally()
    with capture_logs() as logs, serving(limits=limits, tally=tally) as port, Sender(port) as sender:
        sender.write(start)
        tally.wait_until_closed()
    assert [line["reason"] for line in logs if line["event"] == "hl7 connection closed"] == [reason]


def test_a_slow_handler_does_not_use_up_the_time_of_the_next_frame() -> None:
    begun, go = threading.Event(), threading.Event()

    def handler(content: bytes, peer: Peer) -> bytes:
        if b"FIRST" in content:
            begun.set()
            assert go.wait(PATIENCE)
        return accept_all(content, peer)

    with serving(handler, Limits(frame_seconds=0.2)) as port, Sender(port) as sender, Sender(port) as other:
        first, second = frame(raw("FIRST")), frame(raw("SECOND"))
        sender.write(first[:10])
        other.write(frame(raw("OTHER")))
        assert other.answer().get("MSA-2") == "OTHER"  # by now the ten bytes have been read
        sender.write(first[10:] + second[:10])
        assert begun.wait(PATIENCE)
        threading.Timer(0.3, go.set).start()
        assert sender.answer().get("MSA-2") == "FIRST"
        sender.write(second[10:])
        assert sender.answer().get("MSA-2") == "SECOND"


def test_drain_answers_what_has_begun_and_ends_what_is_idle() -> None:
    begun, go = threading.Event(), threading.Event()

    def handler(content: bytes, peer: Peer) -> bytes:
        begun.set()
        assert go.wait(PATIENCE)
        return accept_all(content, peer)

    listener = listening()
    port = listener.getsockname()[1]
    server = Server(listener, handler)
    server.start()
    drained: list[bool] = []
    with Sender(port) as idle, Sender(port) as busy:
        busy.write(frame(raw("BUSY")))
        assert begun.wait(PATIENCE)
        drain = threading.Thread(target=lambda: drained.append(server.drain(PATIENCE)))
        drain.start()
        assert idle.closed_by_listener()
        go.set()
        assert busy.answer().get("MSA-2") == "BUSY"
        assert busy.closed_by_listener()
        drain.join(PATIENCE)
    assert drained == [True]
    assert server.connections == 0
    listener.close()


def test_drain_lets_a_frame_that_has_begun_come_to_its_end() -> None:
    started = threading.Event()
    listener = listening()
    server = Server(listener, accept_all)
    server.start()
    with Sender(listener.getsockname()[1]) as sender:
        sender.write(frame(raw("ONE")) + frame(raw("TWO"))[:30])
        assert sender.answer().get("MSA-2") == "ONE"

        def drain() -> None:
            started.set()
            assert server.drain(PATIENCE)

        thread = threading.Thread(target=drain)
        thread.start()
        assert started.wait(PATIENCE)
        sender.write(frame(raw("TWO"))[30:])
        assert sender.answer().get("MSA-2") == "TWO"
        assert sender.closed_by_listener()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    listener.close()


def test_drain_cuts_what_does_not_end_in_time() -> None:
    listener = listening()
    server = Server(listener, accept_all)
    server.start()
    with Sender(listener.getsockname()[1]) as sender:
        sender.write(frame(raw("ONE")) + b"\x0bMSH|")
        sender.answer()
        assert server.drain(0.1) is False
        assert sender.closed_by_listener()
    assert server.connections == 0
    listener.close()


def test_listeners_on_one_socket_do_not_wait_for_each_other() -> None:
    listener = listening()
    servers = [Server(listener, accept_all) for _ in range(3)]
    for server in servers:
        server.start()
    with capture_logs() as logs:
        for number in range(30):
            with Sender(listener.getsockname()[1]) as sender:
                sender.write(frame(raw(f"L{number}")))
                assert sender.answer().get("MSA-2") == f"L{number}"
        stops = [threading.Thread(target=server.drain, args=(PATIENCE,), daemon=True) for server in servers]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(5)
    assert not any(stop.is_alive() for stop in stops)
    assert [line for line in logs if line["event"] == "hl7 connection not accepted"] == []
    listener.close()


def _serve(listener: socket.socket, stop: multiprocessing.connection.Connection) -> None:
    """One of several processes: says its number as the sending application of its answers."""

    def handler(content: bytes, peer: Peer) -> bytes:
        return accept_all(content, peer).replace(b"|RISPACS|", f"|{os.getpid()}|".encode(), 1)

    server = Server(listener, handler, Limits(connections=2))
    server.start()
    stop.send("ready")
    stop.recv()
    server.drain(PATIENCE)


def test_two_processes_share_one_listening_socket() -> None:
    context = multiprocessing.get_context("fork")
    listener = listening()
    pipes, processes = [], []
    for _ in range(2):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(listener, theirs), daemon=True)
        process.start()
        assert ours.poll(PATIENCE)
        assert ours.recv() == "ready"
        pipes.append(ours)
        processes.append(process)
    port = listener.getsockname()[1]
    senders = [Sender(port) for _ in range(4)]  # two places in each process: both must take part
    for number, sender in enumerate(senders):
        sender.write(frame(raw(f"M{number}")))
    answers = [sender.answer() for sender in senders]
    assert [answer.get("MSA-2") for answer in answers] == ["M0", "M1", "M2", "M3"]
    assert {answer.get("MSH-3") for answer in answers} == {str(process.pid) for process in processes}
    for pipe in pipes:
        pipe.send("stop")
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    listener.close()
