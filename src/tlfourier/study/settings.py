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
from pathlib import Path
from typing import Any, ClassVar, TypeVar

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
from tlfourier.study.parts import CaseSpec as CaseSpec
from tlfourier.study.parts import FilterSpec as FilterSpec
from tlfourier.study.parts import FlowSpec as FlowSpec
from tlfourier.study.parts import SimulationSpec as SimulationSpec
from tlfourier.study.parts import TransferSettings as TransferSettings

DTYPES = ("float32", "float64")
REVERSED = " reversed"
"""Behind the name of a case: the reverse transfer, from its target to its base."""


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
class OnlineSettings:
    """Long runs of the LES: ``members`` from as many filtered snapshots of the test block.

    Each is seen every ``interval`` during the time ``duration`` that follows a ``spin_up``, with steps of the
    CFL number ``cfl``. ``held`` evaluates a closure once a step instead of at each of its four stages.
    Networks of the first ``seeds`` are run.
    """

    members: int = 10
    spin_up: float = 20.0
    duration: float = 100.0
    interval: float = 1.0
    cfl: float = 1.0
    held: bool = False
    seeds: int = 1


@dataclass(frozen=True)
class StudySpec:
    """Everything a study computes; two studies with equal specs share every artifact.

    Of a test block ``scored`` snapshots, evenly spread, are what scores and pages look at, or all of fewer.
    ``seeds`` are those of a case that names no number of its own: training seeds, each on one of the
    ``realisations`` of every flow, in turn; ``reversed_seeds`` of reverse transfers, ``inside_seeds`` of what
    looks into networks, ``pair_seeds`` of all pairs of layers, ``curve_seeds`` of prefixes, suffixes and
    learning curves, ``variant_seeds`` of what is varied (0 leaves it out), each at most those of its case.
    ValueError for no seed, more samples than a block has, or a case of flows that there are not.

    Each ``system`` has a study of its own, this is the vorticity equation's; see `tlfourier.study.oceans`. To
    a system belong, whatever the sizes, the ``showcase``, in which all pairs are tried, of the first
    ``paired`` layers or of all; the cases with ``learning`` curves; ``formulas``, models without training;
    the ``anisotropic`` cases, whose target has jets where the base has none; whether its pages look at pairs
    of the test blocks, ``shows_pairs``, which then are shipped; the names of the choices that are ``ablated``
    in the showcase, None for all, and the ``ablated_rungs`` below a layer that are tried with them.
    """

    system: ClassVar[str] = "vorticity"
    showcase: ClassVar[str] = "forcing"
    learning: ClassVar[tuple[str, ...]] = ("forcing", "decay")
    paired: ClassVar[int | None] = None
    formulas: ClassVar[tuple[str, ...]] = ("gradient",)
    anisotropic: ClassVar[tuple[str, ...]] = ()
    shows_pairs: ClassVar[bool] = True
    ablated: ClassVar[tuple[str, ...] | None] = None
    ablated_rungs: ClassVar[tuple[str, ...]] = ()

    flows: dict[str, FlowSpec] = field(default_factory=_flows)
    cases: dict[str, CaseSpec] = field(default_factory=_cases)
    simulation: SimulationSpec = field(default_factory=SimulationSpec)
    filter: FilterSpec = field(default_factory=FilterSpec)
    split: Split = field(default_factory=lambda: Split(train=2000, validation=200, test=200, gap=20))
    network: NetworkSpec = field(default_factory=NetworkSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    transfer: TransferSettings = field(default_factory=TransferSettings)
    online: OnlineSettings = field(default_factory=OnlineSettings)
    scored: int = 200
    realisations: int = 1
    seeds: int = 3
    reversed_seeds: int = 2
    inside_seeds: int = 4
    pair_seeds: int = 2
    curve_seeds: int = 3
    variant_seeds: int = 2

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities that a network is given."""
        return ("psi", "omega")

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

    @property
    def profiles(self) -> Path:
        """The folder of the profiles of this system."""
        return PROFILES if self.system == "vorticity" else PROFILES / self.system

    def check_physics(self) -> None:
        """Check grids, filter and forcings, so that hours of simulation never end in a ValueError."""
        check_names(self)
        check_grid(self.simulation.size)
        self.check_flows()
        for flow in self.flows.values():
            if flow.forcing_wavenumber:
                check_wavenumber(self.simulation.size, flow.forcing_wavenumber, "k_f")

    def check_flows(self) -> None:
        """Raise ValueError for a filter that the grids do not have, or runs that do not divide the split."""
        check_grid(self.filter.size)
        for name, flow in self.flows.items():
            through, total = self.filter_of(name), self.split.total
            width = through.width * math.tau / through.size
            check_filter(self.simulation.size, through.size, through.kind, width)
            if total % flow.runs or total // flow.runs < 2:
                must = f"it must divide the {total} snapshots of the split into runs of at least two"
                raise ValueError(f"flows.{name}.runs={flow.runs}: {must}")


S = TypeVar("S", bound=StudySpec)


@cache
def _realisation(spec: StudySpec, number: int) -> StudySpec:
    flows = {name: replace(flow, seed=flow.seed + 10 * number) for name, flow in spec.flows.items()}
    return replace(spec, flows=flows)


def from_data(data: Mapping[str, Any]) -> StudySpec:
    """Return the settings whose `StudySpec.as_data` these are."""
    return laid_on(StudySpec(), data, FlowSpec)


def laid_on(defaults: S, data: Mapping[str, Any], flow: type) -> S:
    """Return settings with all that is in ``as_data`` of others laid on them; ``flow`` makes each flow."""
    rest = {key: value for key, value in data.items() if key not in ("flows", "cases", "system")}
    flows = {name: flow(**numbers) for name, numbers in data["flows"].items()}
    cases = {name: CaseSpec(**case) for name, case in data["cases"].items()}
    return replace(apply(defaults, rest), flows=flows, cases=cases)


def profile_names(defaults: StudySpec | None = None) -> list[str]:
    """Names of the profiles that the package brings for a system, by default the vorticity equation."""
    return sorted(path.stem for path in (defaults or StudySpec()).profiles.glob("*.toml"))


def load(profile: str, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Read a profile, lay the overrides on it, and return the study's settings.

    ValueError for an unknown profile or key, or a value of the wrong kind, with the accepted ones.
    """
    return load_on(StudySpec(), profile, overrides)


def load_on(defaults: S, profile: str, overrides: Mapping[str, Any] | None = None) -> S:
    """Do what `load` does, ValueError too, for the system whose settings by default these are."""
    if profile not in (names := profile_names(defaults)):
        raise ValueError(f"unknown profile {show(profile)}: accepted are {', '.join(names)}")
    if not isinstance(overrides, Mapping | None):
        raise ValueError(f"overrides {show(overrides)}: accepted is a table of settings")
    path = defaults.profiles / f"{profile}.toml"
    with said_as(f"the profile {path} is damaged"):
        spec = _checked(apply(defaults, tomllib.loads(path.read_bytes().decode())))
    return _checked(apply(spec, nested(overrides))) if overrides else spec


def _checked(spec: S) -> S:
    check_numbers(spec)
    spec.check_physics()
    return spec


def check_names(spec: StudySpec) -> None:
    """Raise ValueError for a name in the settings that nothing here has."""
    simulation = spec.simulation
    for name, value, accepted in (
        ("simulation.dtype", simulation.dtype, DTYPES),
        ("simulation.stepper", simulation.stepper, tuple(STEPPERS)),
        ("transfer.scaling", spec.transfer.scaling, SCALINGS),
        ("transfer.optimiser", spec.transfer.optimiser, OPTIMISERS),
    ):
        if value not in accepted:
            raise ValueError(f"{name}={show(value)}: accepted are {', '.join(accepted)}")


def forcing(grid: Grid, flow: FlowSpec) -> Tensor | None:
    """Return the half spectrum of a flow's forcing, None where there is none."""
    return two_way_cosine(grid, flow.forcing_wavenumber) if flow.forcing_wavenumber else None
