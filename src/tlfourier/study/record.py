"""The record of a run of the book: ``build/<profile>/run.json``."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tlfourier.study.places import REPOSITORY, build_folder

VERSIONED = ("tlfourier", "torch", "numpy", "scipy", "xarray", "matplotlib", "papermill", "jupyter-book")


class Record:
    """What ran: ``run.json``, rewritten after every page so that the last page can read about the others."""

    def __init__(self, path: Path, parameters: dict[str, Any]) -> None:
        self.path = path
        before = json.loads(path.read_text()) if path.is_file() else {}
        same = before.get("parameters") == parameters
        self.pages: dict[str, Any] = before["pages"] if same else {}
        self.head = {
            "parameters": parameters,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "threads": torch.get_num_threads(),
            "versions": {name: version(name) for name in VERSIONED},
        }

    def add(self, page: Path, seconds: float, used: list[dict[str, Any]], complaints: list[str]) -> None:
        """Note one page, and write the file whole or not at all."""
        entry = {"seconds": round(seconds, 1), "artifacts": used, "stderr": complaints}
        self.pages[page.as_posix()] = entry
        write_json(self.path, {**self.head, "pages": self.pages})


def write_json(path: Path, data: Any) -> None:
    """Write JSON values, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(data, indent=1))
    os.replace(temporary, path)


def read_run(profile: str, repository: Path = REPOSITORY) -> dict[str, Any]:
    """Return the record of a profile's last run: versions, and seconds and artifacts of every page.

    Raises
    ------
    ValueError
        No page of that profile was run yet.
    """
    path = build_folder(profile, repository) / "run.json"
    if not path.is_file():
        raise ValueError(
            f"no run of profile {profile!r} is recorded: start with `tlfourier run --profile {profile}`"
        )
    record: dict[str, Any] = json.loads(path.read_text())
    return record
