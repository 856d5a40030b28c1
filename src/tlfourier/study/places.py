"""Where things are read and written: the store, the shipped artifacts, the built book.

A checkout that may not be written to (a reader's clone) is read as it is; what is made goes to
``~/.cache/tlfourier``.
"""

from __future__ import annotations

import os
from pathlib import Path

from tlfourier.study import analyses, stages
from tlfourier.study.remote import Remote, is_remote
from tlfourier.study.store import Store

REPOSITORY = Path(__file__).parents[3]


def open_store(address: str | None = None) -> Store:
    """Open ``data/store`` with the shipped ``data/reference`` beside it, unless the environment moves them.

    Parameters
    ----------
    address : str, optional
        Folder or fsspec address of the store, as ``s3://bucket/study``; by default ``TLFOURIER_STORE``, else
        ``data/store``, where copies of remote artifacts are kept too. ``TLFOURIER_REFERENCE`` moves the
        shipped artifacts, and when it is empty they are ignored.

    Raises
    ------
    ValueError
        No file system is known for the address.
    """
    address = address or os.environ.get("TLFOURIER_STORE") or ""
    remote = Remote(address) if is_remote(address) else None
    wanted = REPOSITORY / "data" / "store" if remote or not address else Path(address).absolute()
    shipped = os.environ.get("TLFOURIER_REFERENCE", str(REPOSITORY / "data" / "reference"))
    root = writable(wanted, "store")
    return Store(
        root,
        {**stages.MAKERS, **analyses.MAKERS},
        Path(shipped) if shipped else None,
        stages.RESUMABLE,
        remote=remote,
        others=() if root == wanted else (wanted,),
    )


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
