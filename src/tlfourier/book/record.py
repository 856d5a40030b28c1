"""The record of a run of the book: ``build/<profile>/run.json``."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tlfourier.io.atomic import write_json
from tlfourier.io.jsonfile import read_json
from tlfourier.io.paths import build_folder

VERSIONED = ("tlfourier", "torch", "numpy", "scipy", "xarray", "matplotlib", "papermill", "jupyter-book")


class Record:
    """What ran, in the book's order: ``run.json``, rewritten after every page, as the last one reads it."""

    def __init__(self, path: Path, parameters: dict[str, Any], order: list[Path]) -> None:
        self.path = path
        self.order = [page.as_posix() for page in order]
        before = read_json(path) if path.is_file() else {}
        same = isinstance(before, dict) and before.get("parameters") == parameters
        self.pages: dict[str, Any] = _checked(path)["pages"] if same else {}
        self.head = {
            "parameters": parameters,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "threads": 1,  # of every kernel
            "versions": {name: version(name) for name in VERSIONED},
        }

    def add(self, page: Path, seconds: float, used: list[dict[str, Any]], complaints: list[str]) -> None:
        """Note one page, and write the file whole or not at all."""
        entry = {"seconds": round(seconds, 1), "artifacts": used, "stderr": complaints}
        self.pages[page.as_posix()] = entry
        pages = {name: self.pages[name] for name in self.order if name in self.pages}
        write_json(self.path, {**self.head, "pages": pages})


def read_run(profile: str, repository: Path | None = None) -> dict[str, Any]:
    """Return the record of a profile's last run: versions, and seconds and artifacts of every page.

    Raises ValueError: no page of that profile was run yet, or the record is damaged.
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
