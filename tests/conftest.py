"""What every test runs under: checked array shapes, one thread, and a store that is not the book's."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

# before torch is imported: two thread pools on two cores wait for each other, and small arrays gain nothing
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from jaxtyping import install_import_hook

install_import_hook("tlfourier", "beartype.beartype")
# a shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the results in ``data``: a new store, and no shipped artifacts.

    Tests that only read make their study here, each artifact once; those that do harm take another store.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("store")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        patch.delenv("TLFOURIER_LEDGER", raising=False)
        yield


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """Return overrides of the smoke profile that make a whole study, every stage of it, in seconds."""
    return {
        "seeds": 2,
        "simulation": {"size": 32, "spin_up": 0.5, "interval": 0.25},
        "filter.size": 16,
        "flows.small_scale.forcing_wavenumber": 6,
        "flows.jets.forcing_wavenumber": 6,
        "flows.decaying": {"runs": 17, "spin_up": 0.5},
        "split": {"train": 6, "validation": 2, "test": 2, "gap": 12},
        "network": {"layers": 3, "channels": 4},
        "training": {"samples": 6, "epochs": 2, "batch_size": 2},
        "transfer": {"samples": 4, "steps": 8, "batch_size": 2, "scratch_steps": 2, "learning_rate": 3e-3},
    }


def _share(nodeid: str) -> str:
    """Name the work that a test is part of: its file, and all that make the tiny study together."""
    file = nodeid.partition("::")[0]
    together = file.startswith(("tests/study/", "tests/sweep/")) and not file.endswith("test_kills.py")
    return "tiny" if together else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process waits for it at the end."""
    longest = ("tiny", "tests/study/test_kills.py")
    items.sort(key=lambda item: _share(item.nodeid) not in longest)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Show a failure when it happens: a run that is stopped never comes to its summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.nodeid}, {report.when}:\n{report.longreprtext}", file=sys.__stderr__, flush=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole shares, so that what they have in common is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class Shares(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _share(nodeid)

    config.option.loadscopereorder = False
    return Shares(config, log)
