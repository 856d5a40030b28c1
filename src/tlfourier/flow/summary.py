"""Put a flow's diagnostics into a few numbers, and flows beside each other."""

import math
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import numpy as np
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.statistics import integral_time
from tlfourier.limits import Holds, Range
from tlfourier.shapes import Ordered, Positive

# name: (long name, units), in the order of the table.
NUMBERS = {
    "energy": ("kinetic energy E, time mean", "length^2 time^-2"),
    "enstrophy": ("enstrophy Z, time mean", "time^-2"),
    "vorticity_rms": ("root-mean-square vorticity sqrt(2 Z)", "time^-1"),
    "energy_wavenumber": ("sqrt(Z / E), where the energy is", "length^-1"),
    "enstrophy_wavenumber": ("sqrt(P / Z), where the enstrophy is", "length^-1"),
    "enstrophy_beyond": ("share of enstrophy beyond the cut-off", "1"),
    "flatness": ("<ω^4> / <ω^2>^2, three for a normal distribution", "1"),
    "decorrelation_time": ("time until the autocorrelation of vorticity is 1/e", "time"),
    "resolution": ("k_max / k_d, time mean", "1"),
    "energy_drift": ("energy of the second half over that of the first, minus one", "1"),
}


Diagnosed: TypeAlias = Annotated[
    xr.Dataset,
    Holds("energy", "enstrophy", "palinstrophy", "resolution", "k", "enstrophy_spectrum"),
]
Driven: TypeAlias = Annotated[
    xr.Dataset, Holds("k", "energy_flux", "enstrophy_flux", "energy_injection", "enstrophy_injection")
]
Resolved: TypeAlias = Annotated[xr.Dataset, Holds("k", "enstrophy_spectrum", "resolution")]
Energetic: TypeAlias = Annotated[xr.Dataset, Holds("energy")]
Spectral: TypeAlias = Annotated[xr.Dataset, Holds("k", "energy_spectrum")]
OverK: TypeAlias = Annotated[xr.DataArray, Holds("k")]


@door
def summarise(diagnostics: Diagnosed, k_cutoff: float) -> xr.Dataset:
    """Reduce the diagnostics of a flow to the scalars of `NUMBERS`.

    ``diagnostics`` are from `tlfourier.flow.diagnostics.diagnose`; ``k_cutoff`` is the positive wavenumber
    beyond which the enstrophy counts as ``enstrophy_beyond``; ValueError if it is not positive.
    """
    if not (math.isfinite(k_cutoff) and k_cutoff > 0):
        raise ValueError(f"k_cutoff={k_cutoff}: it must be a positive wavenumber")
    mean = {name: float(diagnostics[name].mean()) for name in ("energy", "enstrophy", "palinstrophy")}
    spectrum = diagnostics["enstrophy_spectrum"]
    beyond = spectrum.where(diagnostics["k"] > k_cutoff, 0.0).sum() / spectrum.sum()
    first, second = np.array_split(diagnostics["energy"].values, 2)
    numbers = {
        "energy": mean["energy"],
        "enstrophy": mean["enstrophy"],
        "vorticity_rms": math.sqrt(2 * mean["enstrophy"]),
        "energy_wavenumber": math.sqrt(mean["enstrophy"] / mean["energy"]),
        "enstrophy_wavenumber": math.sqrt(mean["palinstrophy"] / mean["enstrophy"]),
        "enstrophy_beyond": float(beyond),
        "flatness": _flatness(diagnostics["pdf"]),
        "decorrelation_time": float(diagnostics["decorrelation_time"]),
        "resolution": float(diagnostics["resolution"].mean()),
        "energy_drift": float(second.mean() / first.mean() - 1),
    }
    return xr.Dataset({n: ((), numbers[n], {"long_name": t, "units": u}) for n, (t, u) in NUMBERS.items()})


@door
def compare(flows: Mapping[str, Diagnosed], k_cutoff: float) -> xr.Dataset:
    """Summarise several flows, along the dimension ``flow``.

    ``flows``: name of each flow and its diagnostics; ``k_cutoff`` as in `summarise`.
    """
    _check_some(flows)
    rows = [summarise(diagnostics, k_cutoff) for diagnostics in flows.values()]
    table = xr.concat(rows, dim="flow", combine_attrs="override")
    return table.assign_coords(flow=list(flows))


@door
def palinstrophy_spectrum(
    diagnostics: Annotated[xr.Dataset, Holds("k", "enstrophy_spectrum")],
) -> xr.DataArray:
    """Return ``P(k) = k**2 Z(k)``: where it peaks the viscosity acts, so a resolved flow has its fall inside.

    ``diagnostics`` is from `tlfourier.flow.diagnostics.diagnose`, ``enstrophy_spectrum`` over k.
    """
    spectrum = diagnostics["k"] ** 2 * diagnostics["enstrophy_spectrum"]
    return spectrum.rename("palinstrophy_spectrum").assign_attrs(units="length^-2 time^-2")


@door
def resolution(flows: Mapping[str, Resolved], k_max: Positive) -> xr.Dataset:
    """Return how well flows are resolved, judged by ``k_max / k_d`` and by their palinstrophy spectra.

    ``flows`` are the name and diagnostics of each, ``k_max`` the largest wavenumber that is kept in every
    direction. Returns over ``flow``: ``resolution``, k_max / k_d; ``peak``, the wavenumber of the maximum of
    P(k); ``end``, the mean of P over the last 5 % below k_max, over its maximum; ``last_octave``, the share
    of palinstrophy beyond k_max / 2.
    """
    _check_some(flows)
    rows = []
    for diagnostics in flows.values():
        spectrum = palinstrophy_spectrum(diagnostics)
        fine = spectrum.where(spectrum["k"] > k_max / 2).sum() / spectrum.sum()
        numbers = {
            "resolution": diagnostics["resolution"].mean(),
            "peak": spectrum.idxmax("k"),
            "end": spectrum.sel(k=slice(0.95 * k_max, k_max)).mean() / spectrum.max(),
            "last_octave": fine,
        }
        rows.append(xr.Dataset({name: float(number) for name, number in numbers.items()}))
    return xr.concat(rows, "flow").assign_coords(flow=list(flows))


@door
def independent_samples(flows: Mapping[str, Energetic], interval: Positive, time: Positive) -> xr.Dataset:
    """Return how many independent samples of each flow's energy a block of some length holds.

    ``flows`` are the name and diagnostics of each, one run without a trend, ``interval`` the time between
    snapshots, ``time`` the length of the block. Returns over ``flow``: ``integral_time`` τ of the energy, as
    of `tlfourier.flow.statistics.integral_time`, and ``samples``, time / (2 τ).
    """
    _check_some(flows)
    tau = [integral_time(one["energy"].values, interval) for one in flows.values()]
    rows = {"integral_time": ("flow", tau), "samples": ("flow", [time / (2 * one) for one in tau])}
    return xr.Dataset(rows, {"flow": list(flows)})


@door
def flux_extremes(diagnostics: Driven, k_below: Ordered, k_above: Ordered) -> xr.Dataset:
    """Return how much of the energy input goes upscale, and of the enstrophy input downscale.

    ``diagnostics`` are from `tlfourier.flow.diagnostics.diagnose`; energy is looked at for ``k < k_below``,
    enstrophy for ``k > k_above``. Returns ``energy_upscale``, ``-min(energy_flux)`` there over the energy
    input; ``enstrophy_downscale``, ``max(enstrophy_flux)`` there over the enstrophy input. Infinite without
    forcing.
    """
    k = diagnostics["k"]
    upscale = -float(diagnostics["energy_flux"].where(k < k_below).min())
    downscale = float(diagnostics["enstrophy_flux"].where(k > k_above).max())
    energy, enstrophy = (float(diagnostics[f"{name}_injection"].mean()) for name in ("energy", "enstrophy"))
    shares = (upscale / energy if energy else math.inf, downscale / enstrophy if enstrophy else math.inf)
    return xr.Dataset({"energy_upscale": shares[0], "enstrophy_downscale": shares[1]})


@door
def log_ratio(after: OverK, before: OverK) -> xr.DataArray:
    """Return ``log10(after / before)`` over k > 0.

    Both are positive and over the same ``k``, else ValueError, and any further common dimensions.

    Examples
    --------
    >>> k = xr.DataArray([1.0, 10.0, 1000.0], dims="k", coords={"k": [0, 1, 2]})
    >>> log_ratio(k, xr.ones_like(k)).values.tolist()
    [1.0, 3.0]
    """
    if not np.array_equal(after["k"], before["k"]):
        raise ValueError(f"after has {after.sizes['k']} wavenumbers, before {before.sizes['k']}: they differ")
    # Where one is zero or missing there is no ratio: NaN, without a warning.
    quotient = (after / before.where(before > 0)).where(after > 0)
    ratio = quotient.copy(data=np.log10(quotient.values)).rename("log_ratio")
    return ratio.sel(k=ratio["k"] > 0).assign_attrs(long_name="log10 (after / before)", units="1")


@door
def spectral_shift(base: Spectral, target: Spectral, k_cutoff: Annotated[float, Range(1e-30)]) -> xr.Dataset:
    """Return by how many powers of ten the energy spectrum changes from base to target.

    ``base`` and ``target`` are from `tlfourier.flow.diagnostics.diagnose`, on the same grid; wavenumbers from
    the first shell to below ``k_cutoff`` are compared. Returns ``shift`` (k), ``log10(E_target / E_base)``;
    ``mean_size``, the mean of its magnitude; ``k_largest``, where its magnitude is largest.
    """
    shift = log_ratio(target["energy_spectrum"], base["energy_spectrum"])
    shift = shift.sel(k=shift["k"] < k_cutoff)
    size = abs(shift)
    return xr.Dataset({"shift": shift, "mean_size": size.mean(), "k_largest": size.idxmax("k")})


def _flatness(pdf: xr.DataArray) -> float:
    """Return the fourth moment over the squared second one of a density over ``sigma``."""
    second, fourth = (float((pdf * pdf["sigma"] ** power).sum() / pdf.sum()) for power in (2, 4))
    return fourth / second**2


def _check_some(flows: Mapping[str, xr.Dataset]) -> None:
    if not flows:
        raise ValueError("flows={}: at least one flow is needed")
