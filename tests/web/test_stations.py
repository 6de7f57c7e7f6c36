"""An administrator registers stations and calls them."""

from __future__ import annotations

import socket
import threading

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.uow import System, read_only
from tests.web.browsing import Browser, words

STATION = {
    "ae_title": "VAULT",
    "modality": "",
    "room_id": "0",
    "host": "127.0.0.1",
    "port": "104",
    "character_set": "",
    "quiet_minutes": "10",
}


def test_a_station_is_sent_to_over_tls_until_it_is_unticked(admin: Browser, system: System) -> None:
    assert admin.post("/admin/stations", {**STATION, "tls": "y"}).location == "/admin/stations"
    assert "127.0.0.1:104 TLS" in words(admin.get("/admin/stations"))
    assert is_ticked(admin)
    admin.post("/admin/stations?editing=VAULT", STATION)
    assert not is_ticked(admin)
    with read_only(system) as uow:
        assert not catalog.device(uow, "VAULT").tls


def is_ticked(admin: Browser) -> bool:
    page = admin.get("/admin/stations/VAULT").text
    (box,) = [part for part in page.split("<input")[1:] if 'name="tls"' in part.split(">")[0]]
    return "checked" in box.split(">")[0]


def test_echo_over_tls_says_nothing_in_the_clear(admin: Browser) -> None:
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            caller, _ = listener.accept()
            with caller:
                received.append(caller.recv(100_000))

        thread = threading.Thread(target=take)
        thread.start()
        admin.post("/admin/stations", {**STATION, "port": str(listener.getsockname()[1]), "tls": "y"})
        answer = admin.post("/admin/stations/VAULT/echo", {})
        thread.join(20)
    assert "agreeing on TLS" in words(answer)
    assert received[0][:1] == b"\x16"  # a TLS handshake, no A-ASSOCIATE-RQ
