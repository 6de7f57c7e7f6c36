"""/healthz, /readyz and /metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

from ris_pacs.kernel.errors import Forbidden
from ris_pacs.web import context
from ris_pacs.web.context import public

blueprint = Blueprint("health", __name__)

# Each named dependency says "" when it is well, or what is wrong.
Checks = Mapping[str, Callable[[], str]]


@blueprint.get("/healthz")
@public
def alive() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public
def ready() -> Response:
    """200 when every dependency works, else 503 naming those that do not; details only in the log and for admins."""
    checks: Checks = current_app.extensions["ris_pacs_checks"]
    wrong = [name for name, check in checks.items() if check()]
    response = jsonify(ready=not wrong, failing=wrong)
    response.status_code = 503 if wrong else 200
    return response


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """For Prometheus: with a token, or directly from this machine."""
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip"))
    direct = ip_address(request.remote_addr or "::").is_loopback and not forwarded
    visitor = context.visitor()
    if not direct and (visitor is None or visitor.actor.kind != "token"):
        raise Forbidden("Metrics need a token, or a request from this machine itself.")
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    gauges: Callable[[CollectorRegistry], None] = current_app.extensions["ris_pacs_gauges"]
    gauges(registry)
    return Response(generate_latest(registry), mimetype=CONTENT_TYPE_LATEST)
