"""What a benchmark found: a table for people, a document for machines."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass
class Report:
    """rows: each a mapping from column to value, in the order of `columns`. notes: what has to be known to read them.

    failed: something is wrong, not only slow.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    def as_document(self) -> dict[str, Any]:
        return {
            "benchmark": self.name,
            "title": self.title,
            "machine": self.machine,
            "rows": self.rows,
            "notes": self.notes,
            "failed": self.failed,
        }

    def as_text(self) -> str:
        cells = [self.columns, *([_shown(row.get(name)) for name in self.columns] for row in self.rows)]
        widths = [max(len(line[place]) for line in cells) for place in range(len(self.columns))]
        right = [any(isinstance(row.get(name), (int, float)) for row in self.rows) for name in self.columns]
        lines = [f"{self.title}  ({_facts(self.machine)})", ""]
        for line in cells:
            shown = [
                text.rjust(width) if to_the_right else text.ljust(width)
                for text, width, to_the_right in zip(line, widths, right, strict=True)
            ]
            lines.append("  ".join(shown).rstrip())
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]).rstrip()


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts(machine: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def machine(folder: Path, database: str) -> dict[str, Any]:
    """What the figures depend on. folder: where the archives of this run lie."""
    return {
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 1),
        "database": database,
        "file system": file_system(folder),
        "Python": platform.python_version(),
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def file_system(folder: Path) -> str:
    """The kind that holds a folder, "ext4"."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1] if holding else "?"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked)) - 1))]


def spread(values: Sequence[float]) -> str:
    """From the least to the most, for a reader who wants to know how steady a figure is."""
    return f"{_shown(float(min(values)))} … {_shown(float(max(values)))}"


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"
