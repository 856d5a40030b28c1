"""Pairs of what an LES knows (psi, omega) and what it lacks (sgs): made, split, scaled and thinned."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from tlfourier.closure.filters import Filter, subgrid_term
from tlfourier.doors import door
from tlfourier.flow.diagnostics import Trajectory, snapshots
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.spectra import shell_spectrum, wavenumbers
from tlfourier.flow.statistics import seconds
from tlfourier.limits import Holds
from tlfourier.shapes import Count

UNITS = {"psi": "length^2 time^-1", "omega": "time^-1", "sgs": "time^-2"}
LONG_NAMES = {"psi": "filtered streamfunction", "omega": "filtered vorticity", "sgs": "subgrid term Π"}
Pairs: TypeAlias = Annotated[xr.Dataset, Holds("psi", "omega", "sgs")]
"""What an LES knows and what it lacks, over (time, y, x)."""

Timed: TypeAlias = Annotated[xr.Dataset, Holds("time")]

SPLITS = ("train", "validation", "test")
_WHOLE = 2**24  # values of which a standard deviation is taken at once: 128 MiB in float64


@door
def make_pairs(
    trajectory: Trajectory,
    filter: Filter,
    fine_equation: VorticityEquation,
    coarse_equation: VorticityEquation,
    progress: bool = True,
) -> xr.Dataset:
    """Filter a DNS trajectory into pairs, one snapshot in memory at a time.

    ``psi = solve(laplacian(psi) = -omega)``, ``omega = filter(omega_dns)``,
    ``sgs = filter(N(omega_dns)) - N(omega)``, all on the coarse grid. Returns ``psi``, ``omega``, ``sgs``
    (time, y, x) float32, with units and the filter in the attributes.

    Raises ValueError if the trajectory does not fit the fine grid or is not finite.

    Parameters
    ----------
    trajectory : xr.Dataset
        With ``omega`` of dims (time, y, x) on the grid of ``fine_equation``; may be lazy.
    filter : Filter
        From the fine grid to the coarse one.
    fine_equation, coarse_equation : VorticityEquation
        The equations of DNS and LES, see `subgrid_term`.
    progress : bool
        Show a progress bar.
    """
    grid = coarse_equation.grid
    shape = (trajectory.sizes["time"], grid.size, grid.size)
    arrays = {name: np.empty(shape, dtype=np.float32) for name in UNITS}
    stream = snapshots(trajectory, fine_equation.grid, "pairs" if progress else None)
    for i, (_, omega_hat) in enumerate(stream):
        omega_bar_hat = filter(omega_hat)
        sgs_hat = subgrid_term(omega_hat, fine_equation, coarse_equation, filter)
        spectra = (coarse_equation.streamfunction(omega_bar_hat), omega_bar_hat, sgs_hat)
        for name, spectrum in zip(UNITS, spectra, strict=True):
            arrays[name][i] = grid.to_physical(spectrum).cpu().numpy()
    axis = grid.dx * np.arange(grid.size)
    about = {name: {"long_name": LONG_NAMES[name], "units": UNITS[name]} for name in UNITS}
    variables = {name: (("time", "y", "x"), array, about[name]) for name, array in arrays.items()}
    axes = {name: (name, axis, {"long_name": name, "units": "length"}) for name in "yx"}
    attributes = {"length": grid.length, "filter": filter.kind, "filter_width": filter.width}
    return xr.Dataset(variables, {"time": trajectory["time"], **axes}, attributes)


@door
def pair_blocks(
    trajectory: Trajectory,
    filter: Filter,
    fine_equation: VorticityEquation,
    coarse_equation: VorticityEquation,
    size: Count = 64,
) -> Iterator[xr.Dataset]:
    """Yield what `make_pairs` returns in blocks of at most ``size`` snapshots, all that is ever in memory."""
    for start in tqdm(range(0, trajectory.sizes["time"], size), desc="pairs", unit="block"):
        part = trajectory.isel(time=slice(start, start + size))
        yield make_pairs(part, filter, fine_equation, coarse_equation, progress=False)


@door
@dataclass(frozen=True)
class Split:
    """Divide pairs into blocks of time, in the order train, gap, validation, gap, test.

    All are numbers of snapshots; those of a ``gap`` are thrown away, so that the nearest samples of two
    blocks are decorrelated. Raises ValueError if a block is empty or the gap is less than one snapshot.
    """

    train: int
    validation: int
    test: int
    gap: int

    def __post_init__(self) -> None:
        for name in (*SPLITS, "gap"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: at least 1 snapshot is needed")

    @property
    def total(self) -> int:
        """Count the snapshots that the split needs, gaps included."""
        return self.train + self.validation + self.test + 2 * self.gap

    def indices(self, name: str) -> slice:
        """Return the block ``name`` as a slice along time; ValueError if it is not one of `SPLITS`."""
        if name not in SPLITS:
            raise ValueError(f"split {name!r}: choose one of {', '.join(SPLITS)}")
        sizes = [getattr(self, block) for block in SPLITS]
        position = SPLITS.index(name)
        start = sum(sizes[:position]) + position * self.gap
        return slice(start, start + sizes[position])

    def check(self, time: np.ndarray, decorrelation_time: float) -> None:
        """Raise ValueError unless the split fits the snapshots and its gaps outlast the memory of the flow.

        ``time`` are those of the snapshots, shape (snapshots,), numbers or dates; ``decorrelation_time``, in
        the same units (seconds for dates), is that of the vorticity, see
        `tlfourier.flow.statistics.decorrelation_time`.
        """
        time = seconds(time).ravel()
        self._check_count(time.size)
        first, second, third = map(self.indices, SPLITS)
        apart = min(time[second.start] - time[first.stop - 1], time[third.start] - time[second.stop - 1])
        if not apart > decorrelation_time:
            raise ValueError(
                f"gap={self.gap} sets the blocks {apart:g} time units apart: "
                f"more than the decorrelation time {decorrelation_time:g} is needed"
            )

    def _check_count(self, count: int) -> None:
        if count < self.total:
            raise ValueError(f"{count} snapshots: this split needs at least {self.total}, gaps included")

    def select(self, pairs: Timed, name: str) -> xr.Dataset:
        """Return the block ``name`` of the pairs, labelled with ``attrs["split"] = name``.

        Raises ValueError if the name is unknown or the pairs have fewer snapshots than the split needs.
        """
        self._check_count(pairs.sizes["time"])
        return pairs.isel(time=self.indices(name)).assign_attrs(split=name)


@door
def subset(pairs: Timed, count: int) -> xr.Dataset:
    """Pick ``count`` snapshots spread evenly over time: the middles of ``count`` equal strata.

    ``index[i] = ((2 * i + 1) * total) // (2 * count)``

    Raises ValueError if ``count`` is not between 1 and the number of snapshots.
    """
    total = pairs.sizes["time"]
    if not 1 <= count <= total:
        raise ValueError(f"count={count}: a subset of these pairs has 1 to {total} snapshots")
    return pairs.isel(time=((2 * np.arange(count) + 1) * total) // (2 * count))


@door
@dataclass(frozen=True)
class Scales:
    """Hold one standard deviation per variable, the units in which a network sees a flow.

    Each is over all points and times of a training block.
    """

    psi: float
    omega: float
    sgs: float

    def __post_init__(self) -> None:
        """Raise ValueError unless every scale is a positive number."""
        for name in UNITS:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"the standard deviation of {name} is {value}: it must be a positive number")

    def times(self, omega: Tensor) -> Tensor | float:
        """Return by how much each sample, by its vorticity, is slowed down besides: here not at all."""
        return 1.0

    def physical(self, outputs: Tensor, omega: Tensor) -> Tensor:
        """Return Π in the units of the data from what a network gives, of samples of this vorticity.

        Both have the shape (samples, n, n).
        """
        return outputs * self.sgs / self.times(omega) ** 2

    @classmethod
    def of(cls, train_pairs: Pairs) -> "Scales":
        """Measure the scales of a training block; of a lazy one only a part is in memory at once.

        Raises ValueError if the pairs are the validation or test block (a leak), or a variable is constant or
        not finite.
        """
        block = train_pairs.attrs.get("split", "train")
        if block != "train":
            raise ValueError(f"split {block!r}: scales are measured on the train split only")
        return cls(**{name: _deviation(train_pairs[name]) for name in UNITS})


def _deviation(values: xr.DataArray) -> float:
    """Return the standard deviation in float64; block by block, in two passes, when there is much."""
    if values.size <= _WHOLE:
        return float(values.astype(np.float64).std())
    length = max(1, _WHOLE * values.sizes["time"] // values.size)
    starts = range(0, values.sizes["time"], length)

    def total(about: float, power: int) -> float:
        parts = (values.isel(time=slice(start, start + length)).astype(np.float64) for start in starts)
        return math.fsum(float(((part - about) ** power).sum()) for part in parts)

    mean = total(0.0, 1) / values.size
    return math.sqrt(total(mean, 2) / values.size)


@door
def to_tensors(pairs: Pairs, scales: Scales, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Turn pairs into the inputs and outputs of a network.

    ``inputs = [psi / scales.psi, omega / scales.omega]``, ``outputs = [sgs / scales.sgs]``, all finite, times
    ``t`` and ``t**2`` where the scales have a time of each sample, ``t = scales.times(omega)``. The shapes
    are (snapshots, 2, n, n) and (snapshots, 1, n, n). ValueError if a value is not finite.
    """

    def channel(name: str) -> Tensor:
        field = torch.as_tensor(np.array(pairs[name].transpose("time", "y", "x")), dtype=dtype)
        if not torch.isfinite(field).all():
            raise ValueError(f"{name} holds values that are not finite: every value must be a finite number")
        return field

    psi, omega, sgs = map(channel, UNITS)
    times = scales.times(omega)
    inputs = torch.stack([psi / scales.psi * times, omega / scales.omega * times], dim=1)
    return inputs, (sgs / scales.sgs * times**2).unsqueeze(1)


@door
def pair_spectra(pairs: Pairs) -> xr.Dataset:
    """Average the shell-summed power of ψ, ω and Π over time.

    ``spectrum(k) = mean_t sum_{k in shell} |field_hat / n**2|**2``, with ``sum_k spectrum = mean(field**2)``,
    for ``psi``, ``omega`` and ``sgs`` over ``k``.
    """
    grid = Grid(pairs.sizes["x"], length=float(pairs.attrs.get("length", math.tau)), dtype=torch.float64)
    sums: dict[str, np.ndarray] = {name: np.zeros(wavenumbers(grid).size) for name in UNITS}
    for i in range(pairs.sizes["time"]):
        for name in UNITS:
            field = torch.as_tensor(pairs[name].isel(time=i).transpose("y", "x").values.astype(np.float64))
            sums[name] += shell_spectrum(grid, grid.to_spectral(field)).numpy()
    attrs = {n: {"long_name": f"power of the {LONG_NAMES[n]}", "units": f"({UNITS[n]})^2"} for n in UNITS}
    return xr.Dataset(
        {name: ("k", total / pairs.sizes["time"], attrs[name]) for name, total in sums.items()},
        coords={"k": ("k", wavenumbers(grid), {"long_name": "wavenumber", "units": "length^-1"})},
    )
