"""One environment: pyproject.toml, constraints.txt, environment.yml and the Makefile agree."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
# what pip itself brings, and what torch asks for in the environment that it finds
UNPINNED = {"pip", "setuptools", "wheel"}


def pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


EXTRAS = PROJECT["optional-dependencies"]


def direct() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *itertools.chain(*EXTRAS.values())]
    return [wanted for wanted in map(Requirement, lines) if wanted.name != "tlfourier"]


@pytest.mark.parametrize("wanted", direct(), ids=lambda wanted: wanted.name)
def test_every_dependency_is_pinned_within_its_range(wanted: Requirement) -> None:
    pinned = pins()[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(pinned, prereleases=True)


def needed(name: str, extras: set[str], seen: set[str]) -> None:
    """Collect what a distribution needs here, and what that needs in turn."""
    for line in distribution(name).requires or []:
        wanted = Requirement(line)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        key = canonicalize_name(wanted.name)
        if key not in seen:
            seen.add(key)
            needed(wanted.name, set(wanted.extras), seen)


def test_everything_that_is_installed_for_us_is_pinned() -> None:
    seen: set[str] = set()
    needed("tlfourier", {"dev"}, seen)
    assert sorted(seen - set(pins()) - UNPINNED - {"tlfourier"}) == []


def test_no_pin_asks_for_a_gpu() -> None:
    assert [name for name in pins() if re.match(r"nvidia|cuda|triton", name)] == []
    assert pins()["torch"].split("+") == [pins()["torch"]]


def test_conda_users_get_the_same_set() -> None:
    interpreter, _, _, through_pip = CONDA["dependencies"]
    version = interpreter.removeprefix("python=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert "--constraint constraints.txt" in through_pip["pip"]
    assert "--editable .[dev]" in through_pip["pip"]


def test_the_environment_script_refuses_what_the_project_refuses() -> None:
    script = (REPOSITORY / "tools" / "environment.py").read_text()
    assert "OLDEST = (3, 11)" in script
    assert PROJECT["requires-python"] == ">=3.11"


# ---- what is imported is what is installed

SOURCE = REPOSITORY / "src" / "tlfourier"
MODULES = sorted(SOURCE.rglob("*.py"))
NAMED_OTHERWISE = {"yaml": "pyyaml", "dask_jobqueue": "dask-jobqueue", "myst_nb": "myst-nb"}
PAGES = ("book", "playground", "widgets.py")  # what only the pages use, and the extra `book` brings


DASK = {f"tlfourier.sweep.backends.dask.{name}" for name in ("LOOPBACK", "ONE_THREAD", "SETTINGS", "deaf")}
"""What the backend for SLURM takes from that of dask, which both need."""


def names(*extras: str) -> set[str]:
    """Return the packages of the base installation and of some extras, with what those name of ours."""
    lines = [*PROJECT["dependencies"], *itertools.chain(*(EXTRAS[extra] for extra in extras))]
    wanted = [Requirement(line) for line in lines]
    inner = {extra for one in wanted if one.name == "tlfourier" for extra in one.extras}
    own = {canonicalize_name(one.name) for one in wanted if one.name != "tlfourier"}
    return own | (names(*inner) if inner else set())


def imports(tree: ast.AST, everywhere: bool) -> Iterator[str]:
    """Yield the modules that are imported, everywhere or as soon as the module itself is."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.If):
            yield from imports(node, everywhere)


def packages(path: Path, everywhere: bool) -> set[str]:
    """Return the packages, under their names in an index, that a module imports."""
    found = {name.partition(".")[0] for name in imports(ast.parse(path.read_text()), everywhere)}
    outside = found - sys.stdlib_module_names - {"tlfourier"}
    return {canonicalize_name(NAMED_OTHERWISE.get(name, name)) for name in outside}


def of_pages(path: Path) -> bool:
    return path.relative_to(SOURCE).parts[0] in PAGES


def extras_of(path: Path) -> list[str]:
    """Return the extras without which a module cannot be imported."""
    if path.stem in ("dask", "slurm"):
        return ["sweep"]
    return ["book"] if of_pages(path) else []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_its_extra_brings(path: Path) -> None:
    assert packages(path, everywhere=False) - names(*extras_of(path)) == set()
    assert packages(path, everywhere=True) - names("book", "slurm", "s3") == set()


def test_the_base_installation_never_imports_the_pages() -> None:
    base = [path for path in MODULES if not of_pages(path)]
    found = {name for path in base for name in imports(ast.parse(path.read_text()), everywhere=False)}
    above = ("tlfourier.book", "tlfourier.playground", "tlfourier.widgets", "tlfourier.sweep.backends.dask")
    assert [name for name in found - DASK if name.startswith(above)] == []


def test_the_extras_are_consistent() -> None:
    base = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert {"book", "sweep", "slurm", "s3", "dev", "peers", "recipe"} == set(EXTRAS)
    assert names("book", "sweep", "slurm") <= names("dev")
    assert all(names(extra) > base for extra in EXTRAS)
    ranges: dict[str, set[str]] = {}
    for wanted in direct():
        ranges.setdefault(canonicalize_name(wanted.name), set()).add(str(wanted.specifier))
    assert [name for name, found in ranges.items() if len(found) > 1] == []
