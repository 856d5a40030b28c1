"""The record of a run of the book: ``build/<profile>/run.json``."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tlfourier.io.jsonfile import read_json
from tlfourier.io.paths import build_folder

VERSIONED = ("tlfourier", "torch", "numpy", "scipy", "xarray", "matplotlib", "papermill", "jupyter-book")


class Record:
    """What ran: ``run.json``, rewritten after every page so that the last page can read about the others."""

    def __init__(self, path: Path, parameters: dict[str, Any]) -> None:
        self.path = path
        before = read_json(path) if path.is_file() else {}
        same = isinstance(before, dict) and before.get("parameters") == parameters
        self.pages: dict[str, Any] = _checked(path)["pages"] if same else {}
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


def read_run(profile: str, repository: Path | None = None) -> dict[str, Any]:
    """Return the record of a profile's last run: versions, and seconds and artifacts of every page.

    Raises
    ------
    ValueError
        No page of that profile was run yet, or the record is damaged.
    """
    path = build_folder(profile, repository) / "run.json"
    if not path.is_file():
        raise ValueError(
            f"no run of profile {profile!r} is recorded: start with `tlfourier run --profile {profile}`"
        )
    return _checked(path)


def _checked(path: Path) -> dict[str, Any]:
    """Return the record in a file, once it has every entry that the tables are made of."""
    record = read_json(path)
    try:
        pages, texts = record["pages"].values(), [record["python"], record["system"]]
        used = [item for page in pages for item in page["artifacts"]]
        texts += [*record["versions"].values(), *(item["artifact"] for item in used)]
        numbers = [record["threads"], *(one["seconds"] for one in (*pages, *used))]
        right = all(isinstance(text, str) for text in texts) and "parameters" in record
        if right and all(isinstance(number, int | float) for number in numbers):
            return dict(record)
    except (AttributeError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} is not the record of a run: remove it and run the pages again")
