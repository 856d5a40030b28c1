"""What a benchmark hands over: rows of numbers, goals with their verdicts, and peers that were not there."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

Row = dict[str, str | float | None]
_VERSIONED = ("tlfourier", "torch", "numpy", "xarray", "distributed")


@dataclass(frozen=True)
class Goal:
    """A number that the project promises.

    Parameters
    ----------
    what : str
        The quantity in words, as ``"solver, 512², float64: time over fluidsim's"``.
    value : float
        As measured in this run.
    limit : float
    sense : {"at most", "at least"}
    """

    what: str
    value: float
    limit: float
    sense: Literal["at most", "at least"] = "at most"

    @property
    def met(self) -> bool:
        """Tell whether the value keeps to the limit."""
        return self.value <= self.limit if self.sense == "at most" else self.value >= self.limit


@dataclass(frozen=True)
class Section:
    """One benchmark's results.

    Parameters
    ----------
    name : str
        Key in the report, as ``"solver"``.
    title : str
        What the rows are, with their unit.
    rows : list of Row
        Equal keys in every row; the first is the contestant or the quantity that varies.
    goals : list of Goal
    skipped : list of str
        Peers that are not installed, each with the extra that brings it.
    settings : mapping
        Sizes and repetitions.
    """

    name: str
    title: str
    rows: list[Row]
    goals: list[Goal] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return the section as JSON values."""
        goals = [{**asdict(goal), "value": _finite(goal.value), "met": goal.met} for goal in self.goals]
        rows = [{name: _finite(value) for name, value in row.items()} for row in self.rows]
        return {**asdict(self), "rows": rows, "goals": goals}

    def as_text(self) -> str:
        """Lay the section out for a terminal."""
        return "\n".join([self.title, *_columns(self.rows), *(f"skipped: {one}" for one in self.skipped)])


def machine() -> dict[str, Any]:
    """Return what a reader must know about the machine of a measurement."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _VERSIONED},
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def goals_text(sections: Iterable[Section]) -> str:
    """Return one table of all goals: what was measured, what was promised, whether it holds."""
    goals = [goal for section in sections for goal in section.goals]
    rows: list[Row] = [
        {
            "goal": goal.what,
            "measured": f"{goal.value:.3g}",
            "promised": f"{goal.sense} {goal.limit:g}",
            "": "met" if goal.met else "MISSED",
        }
        for goal in goals
    ]
    return "\n".join(_columns(rows))


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _finite(value: str | float | None) -> str | float | None:
    """Return a number that JSON has, None for infinity and for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _columns(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    texts = [list(rows[0])] + [[_text(value) for value in row.values()] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    return [
        "  ".join(_pad(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in texts
    ]


def _pad(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def _text(value: str | float | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.4g}"
