"""What a sweep asks SLURM for: a TOML table, of which a site has a copy of its own.

A template becomes a shell script that runs as the user who submits it (``job_script_prologue`` is its first
lines, ``python`` and ``worker_extra_args`` are its command): use no template that you would not run.
"""

import difflib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from tlfourier.io.paths import PROFILES
from tlfourier.io.words import one_line, said_as

TEMPLATE = PROFILES / "clusters" / "slurm.toml"
REQUIRED = ("jobs", "cores", "memory", "walltime")

_Check: TypeAlias = Callable[[Any], bool]


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10**6


def _port(value: Any) -> bool:
    return _count(value) and value < 2**16


def _line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _lines(value: Any) -> bool:
    return isinstance(value, list) and all(map(_line, value))


def _matches(pattern: str) -> _Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _options(value: Any) -> bool:
    return isinstance(value, dict) and all(
        name in _SCHEDULER and _SCHEDULER[name][0](option) for name, option in value.items()
    )


_COUNT = (_count, "a whole number from 1 to 1000000")
_LINE = (_line, "one line of text")
_LINES = (_lines, 'a list of lines, as ["module load python"]')
_WORD = (_matches(r"(?!-)[\w.,:@%+=/-]+"), "one word without a dash in front")
_MEMORY = (_matches(r"0*[1-9]\d*(\.\d+)? ?[kMGT]i?B"), 'a size, as "16GB"')
_TIME = (_matches(r"(?=.*[1-9])(\d+-)?\d+(:\d{1,2}){0,2}"), 'a time, as "04:00:00" or "1-12:00:00"')
_SCHEDULER: dict[str, tuple[_Check, str]] = {
    "dashboard_address": _WORD, "host": _WORD, "interface": _WORD,
    "port": (_port, "a whole number from 1 to 65535"),
}  # fmt: skip
KEYS: dict[str, tuple[_Check, str]] = {
    "jobs": _COUNT, "cores": _COUNT, "memory": _MEMORY, "walltime": _TIME, "queue": _WORD, "account": _WORD,
    "job_cpu": _COUNT, "job_mem": _MEMORY, "job_name": _WORD, "interface": _WORD, "log_directory": _LINE,
    "local_directory": _LINE, "python": _LINE, "shebang": _LINE, "job_extra_directives": _LINES,
    "job_directives_skip": _LINES, "job_script_prologue": _LINES, "worker_extra_args": _LINES,
    "scheduler_options": (_options, f"a table with {', '.join(_SCHEDULER)}"),
}  # fmt: skip
"""What a template may say, for each key what is accepted; the names are those of dask-jobqueue."""


def read_template(path: Path) -> dict[str, Any]:
    """Read what SLURM is asked for.

    ValueError if it is no TOML, lacks one of `REQUIRED`, or has a key or a value that is not accepted.
    """
    with said_as(f"the SLURM template {one_line(path)} cannot be read"):
        if not path.is_file():  # a pipe would wait for ever
            raise FileNotFoundError("it is no file")
        settings = tomllib.loads(path.read_bytes().decode())
    lacking = [name for name in REQUIRED if name not in settings]
    if lacking:
        raise ValueError(f"the SLURM template {path} lacks {', '.join(lacking)}: see {TEMPLATE.name}")
    for name, value in settings.items():
        if name not in KEYS:
            near = difflib.get_close_matches(name, KEYS, 1)
            known = f"did you mean {near[0]!r}?" if near else f"accepted are {', '.join(KEYS)}"
            raise ValueError(f"the SLURM template {path} has an unknown key {one_line(name)!r}: {known}")
        accepted, what = KEYS[name]
        if not accepted(value):
            shown = one_line(repr(value))
            raise ValueError(f"the SLURM template {path} has {name} = {shown}: accepted is {what}")
    return settings
