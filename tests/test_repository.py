"""What a stranger meets in a clone: small files, no leftovers, no path of somebody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
from importlib.metadata import files
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
VENDORED = "book/_static/vendor/"
LARGEST = 5_000_000
LARGEST_REFERENCE = 40_000_000
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".cff", ".txt", ".ipynb", ".json", ".bib", ".js", ".css", ""}
HOMES = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|tmp|opt|mnt)/\w")
LEFTOVERS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplemented" r"Error|mark\.(?:skip|x" r"fail)")
UNSAFE = re.compile(r"\bpickle\.load|weights_only\s*=\s*False|torch\.load\(")


def tracked() -> list[Path]:
    """List the files of the repository, those about to be committed included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    paths = [REPOSITORY / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


FILES = tracked()
OURS = [path for path in FILES if VENDORED not in path.as_posix() and path.suffix in TEXT]


def matches(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        hits = pattern.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(REPOSITORY)}: {hit}" for hit in hits]
    return found


def test_no_file_is_large() -> None:
    assert [path for path in FILES if path.stat().st_size > LARGEST] == []


def test_the_shipped_artifacts_are_small() -> None:
    shipped = [path for path in FILES if path.is_relative_to(REPOSITORY / "data" / "reference")]
    assert sum(path.stat().st_size for path in shipped) < LARGEST_REFERENCE


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert matches(HOMES, [path for path in OURS if path != Path(__file__)]) == []


def test_nothing_is_left_for_later() -> None:
    assert matches(LEFTOVERS, [path for path in OURS if path.suffix == ".py"]) == []


def test_nothing_is_read_that_could_run_code() -> None:
    assert matches(UNSAFE, [path for path in OURS if path.is_relative_to(REPOSITORY / "src")]) == []


def test_what_is_built_or_computed_is_not_tracked() -> None:
    command = ["git", "ls-files", "-z", "build", "data/store", ".venv"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == ""


MODULES = sorted((REPOSITORY / "src").rglob("*.py"))


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY / "src" / "tlfourier"))
)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert not text or ast.get_docstring(ast.parse(text))


def test_vendored_code_is_listed_with_its_licence() -> None:
    table = (REPOSITORY / VENDORED / "README.md").read_text()
    folders = {path.name for path in (REPOSITORY / VENDORED).iterdir() if path.is_dir()}
    listed = re.findall(r"^\| `([\w-]+)` \| .+ \| (.+) \|$", table, re.M)
    assert {name for name, _ in listed} == folders
    assert all(re.search(r"MIT|BSD|Apache", licence) for _, licence in listed)


def test_the_vendored_toggles_are_run_by_the_code_that_is_installed() -> None:
    installed = next(
        path for path in files("anywidget") or [] if path.match("anywidget/nbextension/index.js")
    )
    vendored = REPOSITORY / VENDORED / "anywidget" / "index.js"
    assert vendored.read_bytes() == installed.read_binary()


def test_the_workflow_runs_what_ci_runs_and_publishes_the_main_branch_alone() -> None:
    jobs = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "book.yml").read_text())["jobs"]
    steps = jobs["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run", "make book"]
    (shown,) = (step["with"]["path"] for step in steps if "path" in step.get("with", {}))
    assert shown == "build/laptop/html"
    assert jobs["publish"]["needs"] == "check" and jobs["publish"]["if"] == "github.ref == 'refs/heads/main'"
