"""One environment: pyproject.toml, constraints.txt, environment.yml and the Makefile agree."""

from __future__ import annotations

import itertools
import re
import tomllib
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


def direct() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [Requirement(line) for line in [*PROJECT["dependencies"], *itertools.chain(*extras.values())]]


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
    assert sorted(seen - set(pins()) - UNPINNED) == []


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
