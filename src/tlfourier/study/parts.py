"""The parts of a study's settings: a flow, its simulation and filter, a case, the budget of a transfer."""

from dataclasses import dataclass


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

    @property
    def isotropic(self) -> bool:
        """Whether the flow looks the same turned by a right angle: not on a β-plane, where east differs."""
        return self.beta == 0


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
