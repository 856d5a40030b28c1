"""What every test runs under: checked array shapes, one thread, and a store of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

# before torch is imported: two thread pools on two cores wait for each other, and small arrays gain nothing
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from jaxtyping import install_import_hook

install_import_hook("tlfourier", "beartype.beartype")


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the results in ``data``: a new store, and no shipped artifacts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("store")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        patch.delenv("TLFOURIER_LEDGER", raising=False)
        yield
