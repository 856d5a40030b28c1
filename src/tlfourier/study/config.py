"""Settings of a study: dataclass defaults are the paper, a profile only shrinks them.

A profile is a TOML file under ``profiles/``; overrides are a dictionary with dotted or nested keys. Both go
through the same door, which refuses an unknown key and names the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tlfourier.closure.filters import Filter
from tlfourier.closure.network import NetworkSpec
from tlfourier.closure.pairs import Split
from tlfourier.closure.training import TrainingSpec
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.steppers import STEPPERS
from tlfourier.study.limits import check_numbers, check_sizes, show

DTYPES = ("float32", "float64")
PROFILES = Path(__file__).parents[3] / "profiles"
DEPTH = 8  # tables within tables: the deepest setting, flows.target.reynolds, lies three deep
_BEYOND = 10**300  # integers that no float holds


@dataclass(frozen=True)
class FlowSpec:
    """One turbulent flow: the vorticity equation with its numbers (L = 2π, viscosity = 1/reynolds)."""

    reynolds: float = 1e5
    forcing_wavenumber: int = 4
    drag: float = 0.1
    beta: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class SimulationSpec:
    """How every flow is simulated: grid, precision, stepper and sampling times."""

    size: int = 1024
    dtype: str = "float64"
    stepper: str = "ifrk4"
    cfl: float = 0.8
    spin_up: float = 50.0
    interval: float = 0.25


@dataclass(frozen=True)
class FilterSpec:
    """The filter and the coarse grid; ``width`` is in coarse grid spacings (Δ = 2 L/N_LES in the papers)."""

    size: int = 128
    kind: str = "gaussian"
    width: float = 2.0


@dataclass(frozen=True)
class TransferSettings:
    """Budget of one transfer, the same for every set of layers."""

    samples: int = 200
    steps: int = 625
    batch_size: int = 16
    learning_rate: float = 5e-5
    scratch_steps: int = 12_500


@dataclass(frozen=True)
class CaseSpec:
    """A transfer: the flow the network was trained on, and the flow it is moved to."""

    base: str
    target: str


def _flows() -> dict[str, FlowSpec]:
    return {
        "viscous": FlowSpec(reynolds=1e3, seed=1),
        "small_scale": FlowSpec(forcing_wavenumber=25, seed=2),
        "target": FlowSpec(seed=3),
    }


def _cases() -> dict[str, CaseSpec]:
    return {"reynolds": CaseSpec("viscous", "target"), "forcing": CaseSpec("small_scale", "target")}


@dataclass(frozen=True)
class StudySpec:
    """Everything a study computes; two studies with equal specs share every artifact."""

    flows: dict[str, FlowSpec] = field(default_factory=_flows)
    cases: dict[str, CaseSpec] = field(default_factory=_cases)
    simulation: SimulationSpec = SimulationSpec()
    filter: FilterSpec = FilterSpec()
    split: Split = field(default_factory=lambda: Split(train=2000, validation=200, test=200, gap=20))
    network: NetworkSpec = field(default_factory=NetworkSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    transfer: TransferSettings = TransferSettings()
    seeds: int = 3

    def __post_init__(self) -> None:
        """Refuse numbers that no study can be made of."""
        if self.seeds < 1:
            raise ValueError(f"seeds={self.seeds}: a study needs at least one seed")
        for name, wanted, limit in (
            ("training.samples", self.training.samples, self.split.train),
            ("transfer.samples", self.transfer.samples, self.split.train),
        ):
            if not 1 <= wanted <= limit:
                raise ValueError(f"{name}={wanted}: accepted are 1 to split.train={limit}")
        for name, case in self.cases.items():
            for flow in (case.base, case.target):
                if flow not in self.flows:
                    raise ValueError(f"case {name!r} names flow {flow!r}: flows are {', '.join(self.flows)}")


def profile_names() -> list[str]:
    """Names of the profiles that the repository ships."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def load(profile: str, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Read a profile, lay the overrides on it, and return the study's settings.

    Raises
    ------
    ValueError
        Unknown profile, unknown key, or a value of the wrong kind: one sentence with the accepted ones.
    """
    if profile not in profile_names():
        raise ValueError(f"unknown profile {show(profile)}: accepted are {', '.join(profile_names())}")
    if not isinstance(overrides, Mapping | None):
        raise ValueError(f"overrides {show(overrides)}: accepted is a table of settings")
    spec = apply(StudySpec(), tomllib.loads((PROFILES / f"{profile}.toml").read_text()))
    spec = apply(spec, nested(overrides or {}))
    check_numbers(spec)
    _check_physics(spec)
    return spec


def _check_physics(spec: StudySpec) -> None:
    """Build grids, filter and forcings once, so that hours of simulation never end in a refusal."""
    simulation, coarse = spec.simulation, spec.filter
    for name, value, accepted in (
        ("simulation.dtype", simulation.dtype, DTYPES),
        ("simulation.stepper", simulation.stepper, tuple(STEPPERS)),
    ):
        if value not in accepted:
            raise ValueError(f"{name}={show(value)}: accepted are {', '.join(accepted)}")
    check_sizes(spec)
    # On the meta device they have shapes and no memory: a size that fits elsewhere need not fit here.
    with torch.device("meta"):
        fine, grid = Grid(simulation.size), Grid(coarse.size)
        Filter(fine, grid, kind=coarse.kind, width=coarse.width * grid.dx)
        for flow in spec.flows.values():
            two_way_cosine(fine, flow.forcing_wavenumber)


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"a.b": 1}`` into ``{"a": {"b": 1}}``; nested input passes through, and the two may be mixed.

    Raises
    ------
    ValueError
        A setting is given twice, or is both a value and a table, or tables lie in tables without end.
    """
    tree: dict[str, Any] = {}
    _plant(tree, settings, ())
    return tree


def _plant(tree: dict[str, Any], settings: Mapping[str, Any], above: tuple[str, ...]) -> None:
    for key, value in settings.items():
        path = (*above, *str(key).split("."))
        if len(path) > DEPTH:
            raise ValueError(
                f"setting {show('.'.join(path))} lies {len(path)} deep: at most {DEPTH} is accepted"
            )
        branch = tree
        for parent in path[:-1]:
            branch = branch.setdefault(parent, {})
            if not isinstance(branch, dict):
                raise ValueError(
                    f"setting {show('.'.join(path))} lies in one that is given a value: give one"
                )
        if isinstance(value, Mapping):
            if not isinstance(branch.setdefault(path[-1], {}), dict):
                raise ValueError(f"setting {show('.'.join(path))} is given a value and a table: give one")
            _plant(tree, value, path)
        elif path[-1] in branch:
            raise ValueError(f"setting {show('.'.join(path))} is given twice: give it once")
        else:
            branch[path[-1]] = value


def apply(spec: Any, settings: Mapping[str, Any], where: str = "") -> Any:
    """Return ``spec`` with ``settings`` laid on it, recursively, every key and type checked."""
    known = (
        spec if isinstance(spec, dict) else {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    )
    changed = {}
    for key, value in settings.items():
        if key not in known:
            raise ValueError(f"unknown setting {show(f'{where}{key}')}: {_nearest(str(key), known, where)}")
        changed[key] = _convert(known[key], value, f"{where}{key}", spec, key)
    return {**known, **changed} if isinstance(spec, dict) else dataclasses.replace(spec, **changed)


def _nearest(key: str, known: Mapping[str, Any], where: str) -> str:
    close = difflib.get_close_matches(key[:60], known, n=1)
    hint = f"did you mean {where + close[0]!r}? " if close else ""
    return f"{hint}known here are {', '.join(known)}"


def _convert(old: Any, value: Any, name: str, spec: Any, key: str) -> Any:
    if dataclasses.is_dataclass(old) or isinstance(old, dict):
        if not isinstance(value, Mapping):
            raise ValueError(f"setting {name!r} is a table, got {show(value)}: give {name}.<key>")
        return apply(old, value, f"{name}.")
    kinds = _accepted(spec, key, old)
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds and int not in kinds:
        value = float(value) if abs(value) < _BEYOND else math.inf
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"setting {name}={show(value)} is a {type(value).__name__}: {wanted} is accepted")
    return value


def _accepted(spec: Any, key: str, old: Any) -> tuple[type, ...]:
    """Return the classes that the annotation of a field accepts; literals count as their value's class."""
    if isinstance(spec, dict):
        return (type(old),)
    hint = typing.get_type_hints(type(spec))[key]
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    classes = []
    for part in parts:
        origin = typing.get_origin(part)
        if origin is typing.Literal:
            classes += [type(option) for option in typing.get_args(part)]
        else:
            classes.append(origin or part)
    return tuple(dict.fromkeys(classes))
