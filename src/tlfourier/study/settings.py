"""Settings of a study: dataclass defaults are the paper, a profile only shrinks them.

A profile is a TOML file of ``profiles/``; overrides are a dictionary with dotted or nested keys. Both go
through the same door, which refuses an unknown key and names the nearest known one.
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from typing import Any

from torch import Tensor

from tlfourier.closure.filters import check_filter
from tlfourier.closure.network import NetworkSpec
from tlfourier.closure.pairs import Split
from tlfourier.closure.scalings import SCALINGS
from tlfourier.closure.training import TrainingSpec
from tlfourier.closure.transfer import OPTIMISERS
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid, check_grid, check_wavenumber
from tlfourier.flow.steppers import STEPPERS
from tlfourier.io.paths import PROFILES
from tlfourier.io.words import said_as
from tlfourier.study.bounds import check_numbers, show
from tlfourier.study.overrides import apply as apply
from tlfourier.study.overrides import nested as nested

DTYPES = ("float32", "float64")
REVERSED = " reversed"
"""Behind the name of a case: the reverse transfer, from its target to its base."""


@dataclass(frozen=True)
class FlowSpec:
    """One turbulent flow: the vorticity equation with its numbers (L = 2π, viscosity = 1/reynolds).

    ``forcing_wavenumber=0`` is no forcing. A flow that decays is sampled from many ``runs``, each from
    another random field, at ages from ``spin_up`` on; without a value that of the simulation holds.
    ``filter_kind`` and ``filter_width`` are those of the study's filter unless the flow has its own: the same
    flow, seen through another filter on the same coarse grid, is a flow that costs no simulation.
    """

    reynolds: float = 1e5
    forcing_wavenumber: int = 4
    drag: float = 0.1
    beta: float = 0.0
    seed: int = 1
    runs: int = 1
    spin_up: float | None = None
    filter_kind: str | None = None
    filter_width: float | None = None


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
    """Budget of one transfer, the same for every set of layers.

    ``looks`` is how often validation is looked at, at most: the best of these states is kept.
    ``scaling`` names the units in which a network is given the target, see `tlfourier.closure.scalings`.
    ``optimiser="carried"`` starts with Adam's moments on the base flow instead of none.
    """

    samples: int = 200
    steps: int = 625
    batch_size: int = 16
    learning_rate: float = 5e-5
    scratch_steps: int = 12_500
    looks: int = 30
    scaling: str = "own"
    optimiser: str = "fresh"


@dataclass(frozen=True)
class CaseSpec:
    """A transfer: the flow the network was trained on, the flow it is moved to, and how often.

    Without a value the number of ``seeds`` is that of the study. Where it is not to be looked ``inside``, the
    ladder of repairs is climbed, and neither networks nor sets of layers are looked into. ``back`` tells
    whether there is a reverse transfer, from the target to the base. With seeds = 0 such a case is left out.
    """

    base: str
    target: str
    seeds: int | None = None
    inside: bool = True
    back: bool = True


def _flows() -> dict[str, FlowSpec]:
    return {
        # 2,440 snapshots are 61 runs of 40.
        "decaying": FlowSpec(forcing_wavenumber=0, drag=0.0, seed=4, runs=61, spin_up=5.0),
        "viscous": FlowSpec(reynolds=1e3, seed=1),
        "small_scale": FlowSpec(forcing_wavenumber=25, seed=2),
        "target": FlowSpec(seed=3),
        "boxed": FlowSpec(seed=3, filter_kind="box"),
        "coarse": FlowSpec(seed=3, filter_width=4.0),
        "jets": FlowSpec(forcing_wavenumber=25, seed=5, beta=40.0),
    }


def _cases() -> dict[str, CaseSpec]:
    return {
        "decay": CaseSpec("decaying", "target"),
        "reynolds": CaseSpec("viscous", "target"),
        "forcing": CaseSpec("small_scale", "target", seeds=5),
        # the same flow through another filter, and through one twice as wide: no simulation of their own
        "filter": CaseSpec("target", "boxed", inside=False, back=False),
        "resolution": CaseSpec("target", "coarse", inside=False, back=False),
        "jets": CaseSpec("small_scale", "jets", inside=False),
    }


@dataclass(frozen=True)
class StudySpec:
    """Everything a study computes; two studies with equal specs share every artifact.

    Of a test block ``scored`` snapshots, evenly spread, are what scores and pages look at, or all of fewer.
    ``seeds`` are those of a case that names no number of its own: training seeds, each on one of the
    ``realisations`` of every flow, in turn; ``reversed_seeds`` of reverse transfers,
    ``pair_seeds`` of all pairs of layers, ``curve_seeds`` of prefixes, suffixes and learning curves,
    ``variant_seeds`` of what is varied, each at most those of its case.
    ValueError for no seed, more samples than a block has, or a case of flows that there are not.
    """

    flows: dict[str, FlowSpec] = field(default_factory=_flows)
    cases: dict[str, CaseSpec] = field(default_factory=_cases)
    simulation: SimulationSpec = SimulationSpec()
    filter: FilterSpec = FilterSpec()
    split: Split = field(default_factory=lambda: Split(train=2000, validation=200, test=200, gap=20))
    network: NetworkSpec = field(default_factory=NetworkSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    transfer: TransferSettings = TransferSettings()
    scored: int = 200
    realisations: int = 1
    seeds: int = 3
    reversed_seeds: int = 2
    pair_seeds: int = 2
    curve_seeds: int = 3
    variant_seeds: int = 2

    @cached_property
    def as_data(self) -> dict[str, Any]:
        """All settings as JSON values; not to be changed."""
        return asdict(self)

    @cached_property
    def _hash(self) -> int:
        return hash(json.dumps(self.as_data, sort_keys=True))

    def __hash__(self) -> int:
        return self._hash

    def filter_of(self, flow: str) -> FilterSpec:
        """Return the filter through which a flow is seen."""
        own = self.flows[flow]
        return replace(
            self.filter, kind=own.filter_kind or self.filter.kind, width=own.filter_width or self.filter.width
        )

    def of_seed(self, seed: int) -> "StudySpec":
        """Return the study of one realisation of every flow, that on which a training seed is trained.

        The flows of realisation r start from fields of seeds that are larger by ``10 r``.
        """
        number = seed % self.realisations
        return self if number == 0 else _realisation(self, number)

    def case(self, name: str) -> CaseSpec:
        """Return a case; ``"forcing reversed"`` is ``"forcing"`` from its target to its base.

        ValueError if there is none of that name.
        """
        forward = name.removesuffix(REVERSED)
        if forward not in self.cases or (name != forward and not self.cases[forward].back):
            known = ", ".join(self.cases)
            back = ", ".join(f"{one}{REVERSED}" for one, case in self.cases.items() if case.back)
            raise ValueError(f"unknown case {show(name)}: accepted are {known}, {back}")
        case = self.cases[forward]
        if forward == name:
            return case
        return CaseSpec(case.target, case.base, 0 if case.seeds == 0 else self.reversed_seeds, case.inside)

    def __post_init__(self) -> None:
        """Refuse numbers that no study can be made of."""
        if self.seeds < 1:
            raise ValueError(f"seeds={self.seeds}: a study needs at least one seed")
        for name, wanted in (("training", self.training.samples), ("transfer", self.transfer.samples)):
            if not 1 <= wanted <= self.split.train:
                raise ValueError(f"{name}.samples={wanted}: accepted are 1 to split.train={self.split.train}")
        for name, case in self.cases.items():
            if case.inside and case.seeds == 0:
                raise ValueError(f"cases.{name}.seeds=0: a case that is looked into needs at least one seed")
            for flow in (case.base, case.target):
                if flow not in self.flows:
                    raise ValueError(f"case {name!r} names flow {flow!r}: flows are {', '.join(self.flows)}")


@cache
def _realisation(spec: StudySpec, number: int) -> StudySpec:
    flows = {name: replace(flow, seed=flow.seed + 10 * number) for name, flow in spec.flows.items()}
    return replace(spec, flows=flows)


def from_data(data: Mapping[str, Any]) -> StudySpec:
    """Return the settings whose `StudySpec.as_data` these are."""
    rest = {key: value for key, value in data.items() if key not in ("flows", "cases")}
    flows = {name: FlowSpec(**flow) for name, flow in data["flows"].items()}
    cases = {name: CaseSpec(**case) for name, case in data["cases"].items()}
    return replace(apply(StudySpec(), rest), flows=flows, cases=cases)


def profile_names() -> list[str]:
    """Names of the profiles that the package brings."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def load(profile: str, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Read a profile, lay the overrides on it, and return the study's settings.

    ValueError for an unknown profile or key, or a value of the wrong kind, with the accepted ones.
    """
    if profile not in profile_names():
        raise ValueError(f"unknown profile {show(profile)}: accepted are {', '.join(profile_names())}")
    if not isinstance(overrides, Mapping | None):
        raise ValueError(f"overrides {show(overrides)}: accepted is a table of settings")
    path = PROFILES / f"{profile}.toml"
    with said_as(f"the profile {path} is damaged"):
        spec = _checked(apply(StudySpec(), tomllib.loads(path.read_bytes().decode())))
    return _checked(apply(spec, nested(overrides))) if overrides else spec


def _checked(spec: StudySpec) -> StudySpec:
    check_numbers(spec)
    _check_physics(spec)
    return spec


def _check_physics(spec: StudySpec) -> None:
    """Check grids, filter and forcings, so that hours of simulation never end in a refusal."""
    simulation, coarse = spec.simulation, spec.filter
    for name, value, accepted in (
        ("simulation.dtype", simulation.dtype, DTYPES),
        ("simulation.stepper", simulation.stepper, tuple(STEPPERS)),
        ("transfer.scaling", spec.transfer.scaling, SCALINGS),
        ("transfer.optimiser", spec.transfer.optimiser, OPTIMISERS),
    ):
        if value not in accepted:
            raise ValueError(f"{name}={show(value)}: accepted are {', '.join(accepted)}")
    check_grid(simulation.size)
    check_grid(coarse.size)
    for name, flow in spec.flows.items():
        through = spec.filter_of(name)
        check_filter(simulation.size, through.size, through.kind, through.width * math.tau / through.size)
        if flow.forcing_wavenumber:
            check_wavenumber(simulation.size, flow.forcing_wavenumber, "k_f")
        total = spec.split.total
        if total % flow.runs or total // flow.runs < 2:
            must = f"it must divide the {total} snapshots of the split into runs of at least two"
            raise ValueError(f"flows.{name}.runs={flow.runs}: {must}")


def forcing(grid: Grid, flow: FlowSpec) -> Tensor | None:
    """Return the half spectrum of a flow's forcing, None where there is none."""
    return two_way_cosine(grid, flow.forcing_wavenumber) if flow.forcing_wavenumber else None
