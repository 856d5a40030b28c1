"""Imports run one way, and never in a circle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


def test_the_import_contract_is_kept() -> None:
    done = subprocess.run([sys.executable, "-c", LINT], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_solver_needs_neither_the_study_nor_the_drawing_layer() -> None:
    heavy = "{'papermill', 'matplotlib', 'click', 'tlfourier.study', 'tlfourier.closure'}"
    code = f"import sys, tlfourier.flow.simulate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
