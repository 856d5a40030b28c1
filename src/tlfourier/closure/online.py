"""What an LES makes of the flow in the long run, and how far that is from the filtered DNS.

The same statistics are taken of both. A member of an ensemble is the unit: each has its own means, so that
an interval can be drawn over members. Of the filtered DNS, whose snapshots follow one another, members are
blocks of time.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure.les import Ensemble
from tlfourier.doors import door
from tlfourier.flow import spectra
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.pseudospectral import Closure
from tlfourier.limits import Holds, Range
from tlfourier.modules import as_it_was
from tlfourier.shapes import Count, Positive, Seed, Spectrum

SPECTRA = {
    "energy_spectrum": ("energy per shell E(k)", "length^2 time^-2"),
    "enstrophy_spectrum": ("enstrophy per shell Z(k)", "time^-2"),
    "energy_transfer": ("energy transfer into the shell T_E(k)", "length^2 time^-3"),
    "enstrophy_transfer": ("enstrophy transfer into the shell T_Z(k)", "time^-3"),
    "sgs_energy_transfer": ("energy that the subgrid term takes from the shell", "length^2 time^-3"),
    "sgs_enstrophy_transfer": ("enstrophy that the subgrid term takes from the shell", "time^-3"),
}
FIELDS = {
    "omega": ("vorticity ω", "time^-1"),
    "u": ("velocity u", "length time^-1"),
    "v": ("velocity v", "length time^-1"),
    "energy_density": ("(u² + v²) / 2", "length^2 time^-2"),
    "enstrophy_density": ("ω² / 2", "time^-2"),
}
BOARD = (*FIELDS, "energy_spectrum", "enstrophy_spectrum", "energy_transfer", "enstrophy_transfer")
"""What the board of distances compares: of the 18 of Ross et al. (2023) those that one layer has."""
LEVELS = (np.arange(100) + 0.5) / 100
"""Of the quantiles by which distributions are kept."""
EDGES = np.linspace(-8.0, 8.0, 65)
"""Of the histogram of the vorticity, in deviations of the filtered DNS."""

Climate: TypeAlias = Annotated[xr.Dataset, Holds("member", "k", "energy_spectrum")]
"""Statistics of an ensemble, as `Statistics.result` returns them."""


@door
class Statistics:
    """Accumulate the statistics of an ensemble, look by look.

    ``equation`` is the LES'; ``members`` how many there are, those that blow up included; ``sigma`` the
    deviation of the filtered DNS' vorticity, the unit of the histogram.
    """

    def __init__(self, equation: VorticityEquation, members: Count, sigma: Positive) -> None:
        self.equation, self.grid, self.sigma = equation, equation.grid, sigma
        shells = spectra.wavenumbers(self.grid).size
        self.sums = {name: np.zeros((members, shells)) for name in SPECTRA}
        self.counts, self.histogram = np.zeros(members, int), np.zeros((members, EDGES.size - 1), int)
        self.outside = np.zeros(members)
        self.samples: list[dict[str, list[np.ndarray]]] = [
            {name: [] for name in FIELDS} for _ in range(members)
        ]

    def add(self, omega_hat: Spectrum, sgs_hat: Spectrum | None, members: Sequence[int]) -> None:
        """Add a look: fields of some ``members``, and the subgrid term that acts on them, if there is one."""
        for name, values in self._spectra(omega_hat, sgs_hat).items():
            self.sums[name][list(members)] += values.double().cpu().numpy()
        for name, field in self._fields(omega_hat).items():
            rows = field.float().cpu().numpy()
            for row, member in zip(rows, members, strict=True):
                self.samples[member][name].append(row.ravel())
        for member in members:
            scaled = self.samples[member]["omega"][-1] / self.sigma
            self.histogram[member] += np.histogram(scaled, EDGES)[0]
            self.outside[member] += np.mean(abs(scaled) > EDGES[-1])
            self.counts[member] += 1

    def observe(self, look: Ensemble, closure: Closure | None) -> None:
        """Add what is left of an ensemble at a time, with the subgrid term of its closure."""
        if len(look.members):
            with torch.no_grad(), as_it_was(closure):
                sgs_hat = None if closure is None else closure(look.omega_hat)
            self.add(look.omega_hat, sgs_hat, look.members.tolist())

    def result(self) -> xr.Dataset:
        """Return the means of every member that was seen, NaN for the others.

        `SPECTRA` over (member, k), quantiles of `FIELDS` over (member, quantile), ``pdf``, the density of ω
        in deviations of the filtered DNS, over (member, sigma), ``outside``, the part beyond the histogram.
        """
        looks = np.where(self.counts > 0, self.counts, np.nan)[:, None]
        data: dict[str, Any] = {
            name: (("member", "k"), total / looks, _about(*SPECTRA[name]))
            for name, total in self.sums.items()
        }
        for name, about in FIELDS.items():
            values = np.full((self.counts.size, LEVELS.size), np.nan)
            for member in np.flatnonzero(self.counts):
                values[member] = np.quantile(np.concatenate(self.samples[member][name]), LEVELS)
            data[name] = (("member", "quantile"), values, _about(*about))
        points = looks * self.grid.size**2 * (EDGES[1] - EDGES[0])
        data["pdf"] = (("member", "sigma"), self.histogram / points, _about("density of ω / σ", "1"))
        data["outside"] = ("member", self.outside / looks[:, 0], _about("part beyond the histogram", "1"))
        return xr.Dataset(
            data,
            {
                "member": np.arange(self.counts.size),
                "k": ("k", spectra.wavenumbers(self.grid), _about("wavenumber", "length^-1")),
                "quantile": ("quantile", LEVELS),
                "sigma": ("sigma", 0.5 * (EDGES[1:] + EDGES[:-1]), _about("ω / σ", "1")),
            },
        )

    def _spectra(self, omega_hat: Tensor, sgs_hat: Tensor | None) -> dict[str, Tensor]:
        grid = self.grid
        into_energy, into_enstrophy = spectra.transfer(self.equation, omega_hat)
        density = torch.zeros_like(omega_hat.real)
        if sgs_hat is not None:
            density = spectra.cross_density(grid, omega_hat, sgs_hat)
        return {
            "energy_spectrum": spectra.energy_spectrum(grid, omega_hat),
            "enstrophy_spectrum": spectra.enstrophy_spectrum(grid, omega_hat),
            "energy_transfer": into_energy,
            "enstrophy_transfer": into_enstrophy,
            "sgs_energy_transfer": spectra.shell_sum(grid, density * grid.inverse_k_squared),
            "sgs_enstrophy_transfer": spectra.shell_sum(grid, density),
        }

    def _fields(self, omega_hat: Tensor) -> dict[str, Tensor]:
        omega, (u, v) = self.grid.to_physical(omega_hat), self.equation.velocity(omega_hat)
        squares = {"energy_density": 0.5 * (u**2 + v**2), "enstrophy_density": 0.5 * omega**2}
        return {"omega": omega, "u": u, "v": v, **squares}


@door
def climate_of(
    equation: VorticityEquation, omega_hat: Spectrum, sgs_hat: Spectrum, blocks: Count, sigma: Positive
) -> xr.Dataset:
    """Return the statistics of a filtered DNS, its snapshots in as many ``blocks`` of equal length in time.

    ``omega_hat`` and ``sgs_hat``, shape (snapshots, N, N // 2 + 1), are on the grid of the LES' ``equation``;
    the rest is as of `Statistics`. ValueError for more blocks than snapshots.
    """
    if blocks > len(omega_hat):
        raise ValueError(f"blocks={blocks}: there are {len(omega_hat)} snapshots, take at most as many")
    found = Statistics(equation, blocks, sigma)
    for number in range(len(omega_hat)):
        found.add(omega_hat[number][None], sgs_hat[number][None], [number * blocks // len(omega_hat)])
    return found.result()


@door
def spectrum_error(climate: Climate, truth: Climate, k_most: Positive) -> xr.DataArray:
    """Return the mean over 1 ≤ k < ``k_most`` of ``|log10 E(k) / E_truth(k)|``, E the mean over members.

    In decades: 0.3 is a factor of two at the typical wavenumber.
    """
    inside = (truth["k"] >= 0.5) & (truth["k"] < k_most)
    found, wanted = (one["energy_spectrum"].mean("member") for one in (climate, truth))
    ratio = found / wanted
    decades = xr.apply_ufunc(np.log10, ratio.isel(k=np.flatnonzero(inside)))
    return abs(decades).mean("k")


@door
def distances(climate: Climate, truth: Climate) -> xr.DataArray:
    """Return how far an ensemble is from the filtered DNS in each item of `BOARD`.

    Of distributions the Wasserstein distance, the mean over levels of the difference of quantiles; of spectra
    the root of the mean square difference over k; both of means over members. As in Ross et al., J. Adv.
    Model. Earth Syst. 15 (2023), e2022MS003258, in our reading.
    """
    found, wanted = _mean(climate), _mean(truth)
    rows = []
    for name in BOARD:
        difference = found[name] - wanted[name]
        spread = abs(difference).mean("quantile") if name in FIELDS else (difference**2).mean("k") ** 0.5
        rows.append(spread)
    return xr.concat(rows, "item").assign_coords(item=list(BOARD)).rename("distance")


@door
def board(climate: Climate, bare: Climate, truth: Climate) -> xr.DataArray:
    """Return the similarity ``1 - D(closure) / D(no closure)`` of each item, D from `distances`.

    1 is the filtered DNS, 0 as far as an LES without closure (``bare``), negative is farther.
    """
    return (1 - distances(climate, truth) / distances(bare, truth)).rename("similarity")


@door
def resampled(climate: Climate, draws: Annotated[int, Range(1, 10**5)], seed: Seed = 0) -> xr.Dataset:
    """Return ``draws`` ensembles of members drawn with replacement, along a dimension ``draw``.

    Members that blew up before they were seen are left out, ValueError if all did. Means over members of each
    draw give the interval of any statistic of a mean.
    """
    there = climate.isel(member=np.flatnonzero(climate["energy_spectrum"].notnull().all("k")))
    if not there.sizes["member"]:
        raise ValueError("all members of this ensemble blew up before they were seen")
    chosen = np.random.default_rng(seed).integers(there.sizes["member"], size=(draws, there.sizes["member"]))
    picked = xr.DataArray(chosen, dims=("draw", "member"))
    return there.drop_vars("member").isel(member=picked)


@door
def correlation(grid: Grid, omega_hat: Spectrum, truth_hat: Spectrum) -> Tensor:
    """Return the correlation of the vorticity of each member with the filtered DNS, shape (members,)."""
    product = spectra.mean_product(grid, omega_hat, truth_hat)
    powers = [spectra.mean_product(grid, one, one) for one in (omega_hat, truth_hat)]
    return product / (powers[0] * powers[1]).sqrt()


def _mean(climate: xr.Dataset) -> xr.Dataset:
    return climate[list(BOARD)].mean("member", keep_attrs=True)


def _about(long_name: str, units: str) -> dict[str, str]:
    return {"long_name": long_name, "units": units}
