"""What a modality makes of each tissue, as a table that is easy to read and to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Tissues = Mapping[str, Any]
"""A number for each tissue; or, to paint several pictures at once, an array of layers × 1 × 1."""


def tissues(text: str) -> dict[str, float]:
    """Written as "fat -98, bowel wall 78, …"."""
    found = {}
    for entry in text.replace("\n", " ").split(","):
        name, value = entry.strip().rsplit(" ", 1)
        found[name] = float(value)
    return found


def stacked(tables: Sequence[Mapping[str, float]]) -> Tissues:
    """Several tables as one, a layer for each."""
    return {
        name: np.array([table[name] for table in tables], np.float32)[:, None, None]
        for name in tables[0]
        if all(name in table for table in tables)
    }
