"""The key images of a report as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ris_pacs.imaging.problems import CannotDecode, HeaderError, NotAPicture
from ris_pacs.reporting.queries.printed import Printed

if TYPE_CHECKING:
    from ris_pacs.kernel.blobs import BlobStore

log = structlog.get_logger()

PICTURE_SIDE = 900


def key_pictures(blobs: BlobStore, said: Printed) -> dict[int, bytes]:
    """By place; one that cannot be drawn is left out, and the report goes out without it."""
    from ris_pacs.imaging.render import render_frame  # Only who draws pays for the codecs.

    found = {}
    for place, image in enumerate(said.images):
        try:
            found[place] = render_frame(
                blobs.path(image.object_key), image.frame, image.window, PICTURE_SIDE, quality=85
            )
        except (NotAPicture, CannotDecode, HeaderError, OSError) as problem:
            log.warning("key image not drawn", version=said.version_id, reason=str(problem))
    return found
