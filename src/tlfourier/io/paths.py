"""Where things are read and written: the store, the shipped artifacts, the built book.

A checkout that may not be written to (a reader's clone) is read as it is; what is made goes to
``~/.cache/tlfourier``.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TypeAlias

Readable: TypeAlias = Path | zipfile.Path
"""Where a reader may find a file: on disk, or within an archive."""

REPOSITORY = Path(__file__).parents[3]


def build_folder(profile: str, repository: Path = REPOSITORY) -> Path:
    """Return the folder of a profile's executed pages and book; ``TLFOURIER_BUILD`` moves all of them."""
    named = os.environ.get("TLFOURIER_BUILD")
    return (Path(named).absolute() if named else writable(repository / "build", "build")) / profile


def writable(folder: Path, name: str) -> Path:
    """Return ``folder``, or ``~/.cache/tlfourier/name`` if it cannot be written to."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return folder
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "tlfourier" / name
