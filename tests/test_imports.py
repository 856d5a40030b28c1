"""Imports run one way and never in a circle, and a program waits for no package that it does not use."""

from __future__ import annotations

import subprocess
import sys

import grimp
import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from tlfourier.io.paths import checkout

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

# each takes from a tenth of a second to three seconds
UNASKED = {
    "dask",
    "distributed",
    "fsspec.implementations.http",
    "h5netcdf",
    "h5py",
    "IPython",
    "ipywidgets",
    "matplotlib",
    "papermill",
    "scipy.optimize",
    "scipy.stats",
    "sympy",
    "torch._dynamo",
    "zarr",
}


def imported(code: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after running ``code``."""
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_a_study_opens_without_what_it_does_not_use(profile: str) -> None:
    assert imported(f"import tlfourier as tl\ntl.begin({profile!r})") & UNASKED == set()


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert {name for name in imported("import tlfourier") if name.startswith("tlfourier.")} == set()


def test_the_solver_needs_no_room_above_its_own() -> None:
    names = imported("import tlfourier.flow.simulate")
    rooms = {name.split(".")[1] for name in names if name.startswith("tlfourier.")}
    assert rooms <= {"doors", "flow", "io", "limits", "numeric", "shapes", "takes"}
    assert names & (UNASKED | {"click", "pandas", "xarray.backends"}) == set()


def test_the_import_contract_is_kept() -> None:
    done = subprocess.run([sys.executable, "-c", LINT], cwd=checkout(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and for type checkers are imports too."""
    graph = grimp.build_graph("tlfourier", cache_dir=None)
    names = sorted(graph.modules)
    matrix = [[graph.direct_import_exists(importer=one, imported=other) for other in names] for one in names]
    _, component = connected_components(np.array(matrix), connection="strong")
    cycles = [[n for n, c in zip(names, component, strict=True) if c == number] for number in set(component)]
    assert [cycle for cycle in cycles if len(cycle) > 1] == []
