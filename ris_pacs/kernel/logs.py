"""Structured logs: one event a line, with the accession number and correlation id it belongs to.

Never a patient's name, a password, a token or the content of a message.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(form: str, process: str) -> None:
    """form: "text" for people, "json" for collectors. process: "web", "dicom" …, on every line.

    A command at a terminal ("cli") tells its results itself; its log begins at errors.
    """
    level = logging.ERROR if process == "cli" else logging.INFO

    def name_process(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, last] if form == "json" else [*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
