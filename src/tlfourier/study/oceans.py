"""Settings of the study of the ocean: two quasi-geostrophic layers, in metres and seconds.

**One study for each system, the machinery shared.** `OceanSpec` is a `tlfourier.study.settings.StudySpec`
with other flows and another simulation, so that design, stages, store, sweep and pages take either. One
study of both was refused: grid, block sizes, network (4 inputs, 2 outputs, 8 layers) and budgets belong to a
system and not to a flow, so each would have had to be given twice; claims are judged over the cases of a
study as one family, and those of the other system would have changed every published verdict; and as all
settings are part of the scorecard's key, so would every new field of an ocean have changed the scorecard's.
What a system is to the stages of data is one object, `tlfourier.study.stages.system.System`.

Flows, network and filter are those of Darman et al. (2025, arXiv:2504.15487) and its code; the times, the
numbers of samples and the budgets are ours, for their code does not say from how many runs a file is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from tlfourier.closure.layered_scales import LENGTHS
from tlfourier.closure.network import NetworkSpec
from tlfourier.closure.pairs import Split
from tlfourier.closure.training import TrainingSpec
from tlfourier.flow.grid import check_grid
from tlfourier.flow.oceans import SIDE, STEP
from tlfourier.study.bounds import show
from tlfourier.study.settings import CaseSpec, FilterSpec, StudySpec, TransferSettings, check_names, laid_on

DISSIPATIONS = ("filter", "hyperviscosity")
WEIGHTINGS = ("own", "scaling")
DAY = 86_400.0
YEAR = 365 * DAY


@dataclass(frozen=True)
class OceanFlow:
    """One ocean: deformation radius in m, H_1 / H_2, beta in 1 / (m s), bottom drag in 1 / s.

    The upper layer is 500 m deep and moves at 2.5 cm/s. It is sampled from as many independent ``runs``; the
    rest is as of `tlfourier.study.settings.FlowSpec`.
    """

    deformation_radius: float = 15e3
    thickness_ratio: float = 0.25
    beta: float = 1.5e-11
    drag: float = 5.787e-7
    seed: int = 1
    runs: int = 6
    spin_up: float | None = None
    filter_kind: str | None = None
    filter_width: float | None = None

    @property
    def isotropic(self) -> bool:
        """Whether the flow looks the same turned by a right angle: never, for the mean flow is along x."""
        return False


@dataclass(frozen=True)
class OceanSimulation:
    """How every ocean is simulated, in metres and seconds.

    Each run begins with random eddies, on ``early_size`` points for the time ``early`` (with steps as much
    longer; 0 is not at all), then on the whole grid for the time ``spin_up`` before its first snapshot.
    ``dissipation="filter"`` is pyqg's, at each step, with pyqg's products; ``"hyperviscosity"`` damps the
    largest wavenumber of the 2/3 rule at the rate ``damping``.
    """

    size: int = 256
    side: float = SIDE
    dtype: str = "float64"
    stepper: str = "ab3"
    step: float = STEP
    dissipation: str = "filter"
    damping: float = 2e-5
    early: float = 0.0
    early_size: int = 128
    spin_up: float = 10 * YEAR
    interval: float = 5 * DAY


@dataclass(frozen=True)
class OceanTransfer(TransferSettings):
    """Budget of one transfer, and how much the error of each layer of the ocean counts in its loss.

    ``weighting="own"`` measures each by the target's own Π, whatever units the network is given: the loss of
    Darman et al.; ``"scaling"`` by the scaling's, in which a layer may hardly count at all.
    """

    weighting: str = "own"


def _flows() -> dict[str, OceanFlow]:
    return {
        "eddies": OceanFlow(seed=1),
        "larger_eddies": OceanFlow(deformation_radius=20e3, seed=2),
        "three_jets": OceanFlow(thickness_ratio=0.05, beta=5e-12, drag=3.5e-8, seed=3),
        "four_jets": OceanFlow(thickness_ratio=0.1, beta=1e-11, drag=7e-8, seed=4),
    }


def _cases() -> dict[str, CaseSpec]:
    return {name: CaseSpec("eddies", name) for name in ("larger_eddies", "three_jets", "four_jets")}


@dataclass(frozen=True)
class OceanSpec(StudySpec):
    """Everything that the study of the ocean computes; see `tlfourier.study.settings.StudySpec`.

    ``seen`` are the quantities that a network is given of both layers, ``"u v"`` or ``"psi q"``. The blocks
    of the split are whole runs but for the gaps, so that none remembers another. ValueError as for a study of
    one layer.
    """

    system: ClassVar[str] = "ocean"
    showcase: ClassVar[str] = "three_jets"
    learning: ClassVar[tuple[str, ...]] = ("three_jets", "larger_eddies")
    paired: ClassVar[int | None] = 4
    formulas: ClassVar[tuple[str, ...]] = ()
    anisotropic: ClassVar[tuple[str, ...]] = ("three_jets", "four_jets")
    shows_pairs: ClassVar[bool] = False
    ablated: ClassVar[tuple[str, ...] | None] = (
        "as it is",
        "a quarter of the learning rate",
        "four times the learning rate",
        "four times the steps",
    )
    ablated_rungs: ClassVar[tuple[str, ...]] = ("gains", "scales 1")

    flows: dict[str, OceanFlow] = field(default_factory=_flows)  # type: ignore[assignment]
    cases: dict[str, CaseSpec] = field(default_factory=_cases)
    simulation: OceanSimulation = OceanSimulation()  # type: ignore[assignment]
    filter: FilterSpec = field(default_factory=lambda: FilterSpec(size=64))
    # six runs of 400: four to train on, one to choose by, one to score on
    split: Split = field(default_factory=lambda: Split(train=1599, validation=399, test=400, gap=1))
    network: NetworkSpec = field(default_factory=lambda: NetworkSpec(layers=8, inputs=4, outputs=2))
    training: TrainingSpec = field(default_factory=lambda: TrainingSpec(samples=1599))
    transfer: OceanTransfer = field(default_factory=lambda: OceanTransfer(samples=160))
    seen: str = "u v"
    seeds: int = 8

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def as_data(self) -> dict[str, Any]:
        """All settings as JSON values, and which system they are of; not to be changed."""
        return {**asdict(self), "system": self.system}

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities that a network is given."""
        return tuple(self.seen.split())

    def check_physics(self) -> None:
        """Check grids, filter, times and network, so that hours of simulation never end in a refusal."""
        simulation = self.simulation
        check_names(self)
        for name, value, accepted in (
            ("simulation.dissipation", simulation.dissipation, DISSIPATIONS),
            ("transfer.weighting", self.transfer.weighting, WEIGHTINGS),
        ):
            if value not in accepted:
                raise ValueError(f"{name}={show(value)}: accepted are {', '.join(accepted)}")
        if not self.quantities or not set(self.quantities) <= set(LENGTHS):
            raise ValueError(f"seen={show(self.seen)}: accepted are {', '.join(LENGTHS)} with spaces between")
        needed = (2 * len(self.quantities), 2)  # of two layers
        if (self.network.inputs, self.network.outputs) != needed:
            found = f"network.inputs={self.network.inputs}, network.outputs={self.network.outputs}"
            raise ValueError(f"{found}: seen={self.seen!r} of two layers needs {needed[0]} and {needed[1]}")
        check_grid(simulation.size)
        check_grid(simulation.early_size)
        if not 8 <= simulation.early_size <= simulation.size:
            raise ValueError(
                f"simulation.early_size={simulation.early_size}: accepted are 8 to {simulation.size}"
            )
        longer = simulation.step * simulation.size / simulation.early_size
        times = {f"flows.{name}.spin_up": flow.spin_up for name, flow in self.flows.items()}
        times |= {
            f"simulation.{name}": getattr(simulation, name) for name in ("spin_up", "interval", "early")
        }
        for name, time in times.items():
            step = longer if name == "simulation.early" else simulation.step
            if time is not None and abs(time / step - round(time / step)) > 1e-6:
                raise ValueError(f"{name}={time:g}: it must be a multiple of the step, {step:g} s")
        self.check_flows()


def ocean_from(data: Mapping[str, Any]) -> OceanSpec:
    """Return the settings whose `OceanSpec.as_data` these are."""
    return laid_on(OceanSpec(), data, OceanFlow)
