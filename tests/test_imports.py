"""Imports run one way, and never in a circle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse.csgraph import connected_components

REPOSITORY = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


def test_the_import_contract_is_kept() -> None:
    done = subprocess.run([sys.executable, "-c", LINT], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and for type checkers are imports too."""
    graph = grimp.build_graph("tlfourier", cache_dir=None)
    names = sorted(graph.modules)
    matrix = [[graph.direct_import_exists(importer=one, imported=other) for other in names] for one in names]
    _, component = connected_components(np.array(matrix), connection="strong")
    cycles = [[n for n, c in zip(names, component, strict=True) if c == number] for number in set(component)]
    assert [cycle for cycle in cycles if len(cycle) > 1] == []


def test_the_solver_needs_neither_the_study_nor_the_drawing_layer() -> None:
    heavy = "{'papermill', 'matplotlib', 'click', 'tlfourier.study', 'tlfourier.closure'}"
    code = f"import sys, tlfourier.flow.simulate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
