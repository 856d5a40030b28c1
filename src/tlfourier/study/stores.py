"""Which store a study reads: a folder or an address, beside what the checkout ships."""

import os
from pathlib import Path

from tlfourier.io.paths import shipped_folder, store_folder, writable
from tlfourier.store.remote import Remote, is_remote
from tlfourier.store.store import Store
from tlfourier.study.verdicts import STAGES


def open_store(address: str | None = None) -> Store:
    """Open the store with what the checkout ships beside it, unless the environment moves them.

    ``address`` is a folder or an fsspec address, as ``s3://bucket/study``; by default ``TLFOURIER_STORE``,
    else ``data/store`` of the checkout or the user's data folder, where copies of remote artifacts are kept
    too. ``TLFOURIER_REFERENCE`` moves the shipped artifacts, and when it is empty they are ignored.
    ValueError if no file system is known for the address.
    """
    address = address or os.environ.get("TLFOURIER_STORE") or ""
    remote = Remote(address) if is_remote(address) else None
    wanted = store_folder() if remote or not address else Path(address).expanduser().absolute()
    if wanted.exists() and not wanted.is_dir():
        raise ValueError(f"store {wanted}: it is a file, a folder is needed")
    shipped = os.environ.get("TLFOURIER_REFERENCE", shipped_folder())
    # where another user made the locks, only that one makes artifacts
    root = (
        wanted if writable(wanted / "locks", "") == wanted / "locks" else writable(wanted / "locks", "store")
    )
    reference = Path(shipped).expanduser().absolute() if shipped else None
    return Store(root, STAGES, reference, remote=remote, others=() if root == wanted else (wanted,))
