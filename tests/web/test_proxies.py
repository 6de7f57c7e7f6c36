"""Whose word counts on where a request comes from."""

from __future__ import annotations

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from ris_pacs.web.proxies import TrustedProxies


@Request.application
def told(request: Request) -> Response:
    return Response(f"{request.remote_addr} {request.scheme} {request.host}")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "seen"),
    [
        ("10.9.9.9", "192.0.2.7", "192.0.2.7"),
        ("10.9.9.9", "198.51.100.1, 192.0.2.7", "192.0.2.7"),  # The first was written by the client.
        ("10.9.9.9", "198.51.100.1, 192.0.2.7, 10.0.1.3", "192.0.2.7"),  # Through two of ours.
        ("10.9.9.9", "10.0.1.4, 10.0.1.3", "10.0.1.4"),
        ("127.0.0.1", "192.0.2.7", "127.0.0.1"),
        ("10.9.9.8", "192.0.2.7", "10.9.9.8"),
        ("", "192.0.2.7", ""),
    ],
)
def test_forwarded_addresses_count_as_far_as_they_were_told_by_our_proxies(
    peer: str, forwarded_for: str, seen: str
) -> None:
    client = Client(TrustedProxies(told, ["10.9.9.9", "10.0.1.0/24"]))
    answer = client.get("/", headers={"X-Forwarded-For": forwarded_for}, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.text.split(" ")[0] == seen


@pytest.mark.parametrize(
    ("peer", "seen"), [("10.9.9.9", "https ris.practice.example"), ("127.0.0.1", "http localhost")]
)
def test_scheme_and_host_are_a_trusted_proxys_to_tell(peer: str, seen: str) -> None:
    client = Client(TrustedProxies(told, ["10.9.9.9"]))
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ris.practice.example"}
    answer = client.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.text.partition(" ")[2] == seen
