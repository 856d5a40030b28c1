"""Where things are read and written: the store, the shipped artifacts, the built book.

In a checkout all of it lies there, and an installed package has the user's folders. A checkout that may not
be written to (a reader's clone) is read as it is; what is made goes to the user's cache.
"""

import os
import tempfile
import zipfile
from pathlib import Path
from typing import TypeAlias

import platformdirs

Readable: TypeAlias = Path | zipfile.Path
"""Where a reader may find a file: on disk, or within an archive."""

PACKAGE = Path(__file__).parents[1]
PROFILES = PACKAGE / "profiles"
PERFORMANCE = PACKAGE / "performance.json"
"""What the benchmarks measured (``python -m benchmarks --ship``)."""


def checkout() -> Path | None:
    """Return the checkout in which this package lies at ``src/tlfourier``, None where it was installed."""
    above = PACKAGE.parents[1]
    return above if all((above / name).is_file() for name in ("_toc.yml", "pyproject.toml")) else None


def require_checkout() -> Path:
    """Return the checkout, or raise ValueError for what the installed package does not hold."""
    found = checkout()
    if found is None:
        raise ValueError(
            "the book's pages and shipped artifacts are not in the installed package: clone the repository, "
            "and `make env` there"
        )
    return found


def store_folder() -> Path:
    """Return the folder of artifacts: ``data/store`` of the checkout, else in the user's data folder."""
    found = checkout()
    return found / "data" / "store" if found else platformdirs.user_data_path("tlfourier") / "store"


def shipped_folder() -> Path | None:
    """Return the folder of artifacts that the checkout brings, ``data/reference``."""
    found = checkout()
    return found / "data" / "reference" if found else None


def build_folder(profile: str, repository: Path | None = None) -> Path:
    """Return the folder of a profile's executed pages and book; ``TLFOURIER_BUILD`` moves all of them."""
    named, root = os.environ.get("TLFOURIER_BUILD"), repository or checkout()
    if named:
        return Path(named).absolute() / profile
    return (writable(root / "build", "build") if root else _cache("build")) / profile


def writable(folder: Path, name: str) -> Path:
    """Return ``folder``, or one called ``name`` in the user's cache if it cannot be written to."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return folder if os.access(nearest, os.W_OK | os.X_OK) else _cache(name)


def _cache(name: str) -> Path:
    return platformdirs.user_cache_path("tlfourier") / name


def check_file(path: Path) -> Path:
    """Return the path of a file that can be written; ValueError before anything is computed for it."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"{path}: there is no folder {folder}")
    if (path.exists() and not path.is_file()) or not _takes_files(folder):
        raise ValueError(f"{path}: a file cannot be written there")
    return path


def check_folder(path: Path) -> Path:
    """Return the path of a folder that can be made or written to; ValueError before the work."""
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    if not there.is_dir() or not _takes_files(there):
        raise ValueError(f"{path}: files cannot be written there")
    return path


def _takes_files(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
