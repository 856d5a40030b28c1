"""Read what the benchmarks measured: their sections as tables, their goals with verdicts, the machine.

``make bench`` writes ``build/bench/performance.json``; where there is none, or not all of it was measured,
the report that the package brings is read.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tlfourier.io.jsonfile import read_json
from tlfourier.io.paths import PERFORMANCE as SHIPPED
from tlfourier.io.paths import checkout

MEASURED = (checkout() or Path()) / "build" / "bench" / "performance.json"

_WORDS = {"contestant", "limited_by", "precision", "seed", "stage", "varies", "way", "work"}
_SECTIONS = {
    "solver": "contestant grid precision fastest_ms median_ms over_four_transforms",
    "precision": "contestant precision error ms_per_time_unit",
    "training": "contestant channels precision median gflop_per_s share",
    "skill": "seed error_float32 error_bfloat16 difference",
    "recipe": "work full frozen ours full_over_ours frozen_over_ours",
    "growth": "stage varies size seconds peak_mib anonymous_mib",
    "sweep": "way seconds over_one_worker",
    "scale": "workers hours speed_up limited_by",
}
COLUMNS: dict[str, dict[str, type]] = {
    section: {name: str if name in _WORDS else float for name in names.split()}
    for section, names in _SECTIONS.items()
}
"""The sections that the book shows, each with the columns that it needs."""

NOWHERE = "not measured"
"""What prose says in place of a number that no benchmark has measured."""

_LOGARITHMS = {"error", "ms_per_time_unit", "seconds", "size"}  # columns that findings are fitted to
_BOUNDS = {"at most": lambda value, limit: value <= limit, "at least": lambda value, limit: value >= limit}


@dataclass(frozen=True)
class Performance:
    """What was measured, and where.

    Parameters
    ----------
    machine : str
        Processor, cores, memory, versions.
    made : str
        Day of the last measurement.
    sections : mapping
        As the benchmarks write them, by name.
    """

    machine: str = NOWHERE
    made: str = "no day"
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def table(self, section: str) -> pd.DataFrame:
        """Return the rows of a section, none where it was not measured; ValueError if there is no such."""
        if section not in COLUMNS:
            raise ValueError(f"unknown section {section!r}: accepted are {', '.join(COLUMNS)}")
        rows = self.sections[section]["rows"] if section in self.sections else []
        return pd.DataFrame(rows, columns=list(COLUMNS[section])).astype(COLUMNS[section])

    def goals(self, *sections: str) -> pd.DataFrame:
        """Return the goals of these sections (of all by default), one a row.

        Columns are ``measured``, ``promised`` in words and ``verdict``: met or missed.
        """
        chosen = [self.sections[name] for name in sections or self.sections if name in self.sections]
        rows = [
            {
                "goal": goal["what"],
                "measured": _number(goal["value"]),
                "promised": f"{goal['sense']} {goal['limit']:g}",
                "verdict": "met" if _met(goal) else "missed",
            }
            for section in chosen
            for goal in section["goals"]
        ]
        return pd.DataFrame(rows, columns=["goal", "measured", "promised", "verdict"]).set_index("goal")

    def limit(self, goal: str) -> float:
        """Return the limit of a goal, NaN if no benchmark has this goal."""
        goals = (one for section in self.sections.values() for one in section["goals"])
        return next((float(one["limit"]) for one in goals if one["what"] == goal), math.nan)

    @property
    def missing(self) -> str:
        """Name the sections that were not measured."""
        names = (name for name in COLUMNS if not self.sections.get(name, {}).get("rows"))
        return ", ".join(names) or "none"

    @property
    def threads(self) -> str:
        """Say how many threads each section used, where it says so."""
        settings = {name: section["settings"] for name, section in self.sections.items()}
        told = (f"{name} {one['threads']}" for name, one in settings.items() if "threads" in one)
        return ", ".join(told) or NOWHERE

    @property
    def skipped(self) -> str:
        """Name what was left out because it is not installed."""
        lines = [line for section in self.sections.values() for line in section["skipped"]]
        return "; ".join(dict.fromkeys(lines)) or "none"


def read(path: Path | None = None) -> Performance:
    """Read a report of the benchmarks: a whole one of this checkout, else the shipped one, else an empty one.

    ``path``: a report to read instead, whole or not. Raises FileNotFoundError if there is no file at
    ``path``, ValueError if it is damaged. A section with other columns, as an older version of the benchmarks
    wrote it, counts as not measured.
    """
    if path is not None:
        return _read(path)
    here, shipped = (_read(one) if one.is_file() else Performance() for one in (MEASURED, SHIPPED))
    # numbers of two machines would stand side by side
    return here if here.sections.keys() >= shipped.sections.keys() else shipped


def _read(found: Path) -> Performance:
    report = read_json(found)
    try:
        machine = report["machine"]
        made = datetime.fromisoformat(machine["made"])
        written = {name: _checked(name, section) for name, section in report["sections"].items()}
        sections = {name: section for name, section in written.items() if _fits(name, section)}
        return Performance(_sentence(machine), f"{made.day} {made:%B %Y}", sections)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise ValueError(
            f"{found} is not a report of these benchmarks: remove it, and `make bench` writes a new one"
        ) from None


def _fits(name: str, section: Mapping[str, Any]) -> bool:
    """Tell whether a section has the columns that are needed."""
    return all(COLUMNS.get(name, {}).keys() <= row.keys() for row in section["rows"])


def _checked(name: str, section: dict[str, Any]) -> dict[str, Any]:
    """Return a section once its rows, goals and words can be shown; raise one of `read`'s errors if not."""
    for row in section["rows"]:
        for column, kind in COLUMNS.get(name, {}).items():
            if column not in row:
                continue
            if not isinstance(row[column], str if kind is str else int | float | None):
                raise TypeError(column)
            value = _number(row[column]) if kind is float else 1.0
            if column in _LOGARITHMS and not 0 < value < math.inf:
                raise ValueError(f"{column} has no logarithm")
    for goal in section["goals"]:
        if goal["sense"] not in _BOUNDS or not isinstance(goal["what"], str):
            raise ValueError("goal")
        float(goal["limit"]), _number(goal["value"])
    if not all(isinstance(line, str) for line in section["skipped"]):
        raise TypeError("skipped")
    return {**section, "settings": dict(section["settings"])}


def _sentence(machine: Mapping[str, Any]) -> str:
    versions = machine["versions"]
    return (
        f"{machine['processor']}, {machine['cores']:d} cores, {machine['memory_gib']:.0f} GiB, "
        f"{machine['system']}, Python {machine['python']}, torch {versions['torch']}"
    )


def _met(goal: Mapping[str, Any]) -> bool:
    """Judge the number again: a verdict is not read from a file. NaN meets nothing."""
    return bool(_BOUNDS[goal["sense"]](_number(goal["value"]), float(goal["limit"])))


def _number(value: int | float | None) -> float:
    return math.nan if value is None else float(value)
