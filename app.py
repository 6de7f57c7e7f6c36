"""The WSGI object for a server of one's own (`gunicorn app:app`); `python app.py …` is the command line."""

from __future__ import annotations

import sys


def __getattr__(name: str) -> object:
    """`app` is made when a server asks for it: nothing connects at import."""
    if name != "app":
        raise AttributeError(name)
    from ris_pacs.bootstrap.core import build_system
    from ris_pacs.bootstrap.web import build_web
    from ris_pacs.config import read_settings

    settings = read_settings()
    made = build_web(settings, build_system(settings))
    globals()["app"] = made
    return made


if __name__ == "__main__":
    from ris_pacs.__main__ import main

    sys.exit(main())
