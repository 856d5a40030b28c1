"""Offline scores of a predicted subgrid term; never the correlation alone, it is blind to amplitude."""

import math

import torch
import xarray as xr
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.grid import Grid
from tlfourier.flow.spectra import cross_density, shell_sum, wavenumbers
from tlfourier.modules import check_finite
from tlfourier.shapes import Scalars

FIELDS = ("truth", "prediction")
_AT_ONCE = 64  # snapshots that are in memory in float64, with their spectra


@door
def score(
    prediction: Scalars,
    truth: Scalars,
    psi: Scalars | None = None,
    omega: Scalars | None = None,
    length: float = math.tau,
) -> xr.Dataset:
    """Score predicted subgrid terms P against the true ones T, snapshot by snapshot.

    ``cc = <P'T'> / (sd(P) sd(T))`` with ``'`` the deviation from the snapshot's mean, ``rmse = ||P - T|| /
    ||T||``, ``sd_ratio = sd(P) / sd(T)``, ``bias = (<P> - <T>) / sd(T)``. They are tied by
    ``rmse**2 * <T**2> / sd(T)**2 = 1 + sd_ratio**2 - 2 sd_ratio cc + bias**2``, which is
    ``rmse**2 = 1 + s**2 - 2 s cc`` where both means vanish, as for a subgrid term.

    Raises ValueError for arrays of other or different shapes, not finite, or a true snapshot that is
    constant.

    Parameters
    ----------
    prediction, truth : Tensor, shape (snapshots, N, N)
        Subgrid term Π, in the same units.
    psi, omega : Tensor, shape (snapshots, N, N), optional
        Filtered streamfunction and vorticity: add the transfers and the split into forward and backscatter.
    length : float
        Side of the domain, sets the wavenumbers.

    Returns
    -------
    xr.Dataset
        Over ``snapshot``: ``cc`` (0 for a constant prediction), ``rmse``, ``sd_ratio``, ``bias``; with
        ``omega`` also ``cc_forward`` and ``cc_backward``, the correlation over the points where the truth
        gives enstrophy to the subgrid scales (omega T > 0) or takes it from them (< 0), means removed within
        these points. Over (``field``, ``k``), k = 1..N/2 - 1: ``spectrum``, the mean of ``|Π_hat| / N**2``
        over the angles and the snapshots. ``spectrum_error`` = mean over k of ``|P(k) - T(k)| / T(k)`` of
        these spectra. Over (``field``, ``snapshot``): ``energy_transfer`` ``<psi Π>`` and
        ``enstrophy_transfer`` ``<omega Π>``, positive towards the subgrid scales; ``..._spectrum`` over
        (``field``, ``k``) resolves their snapshot mean. ``field`` is "truth" or "prediction".

    Notes
    -----
    The spectrum error is what Darman et al. (arXiv 2504.15487) call spectrum RMSE, in our reading.

    Examples
    --------
    >>> truth = torch.cos(Grid(16).x + Grid(16).y)[None]
    >>> found = score(0.5 * truth, truth)  # a perfect correlation hides that half is missing
    >>> {name: round(float(found[name][0]), 3) for name in ("cc", "rmse", "sd_ratio")}
    {'cc': 1.0, 'rmse': 0.5, 'sd_ratio': 0.5}
    """
    given = {"prediction": prediction, "truth": truth, "psi": psi, "omega": omega}
    fields = {name: field.detach().cpu() for name, field in given.items() if field is not None}
    _check(fields)
    grid = Grid(truth.shape[-1], length=length, dtype=torch.float64)
    parts = [
        _columns(grid, {name: field[start : start + _AT_ONCE].double() for name, field in fields.items()})
        for start in range(0, len(truth), _AT_ONCE)
    ]
    columns = _together(parts)
    columns["spectrum_error"] = _spectrum_error(columns["spectrum"])
    k = wavenumbers(grid)[1 : grid.size // 2]
    coordinates = {
        "snapshot": ("snapshot", list(range(len(truth)))),
        "field": ("field", list(FIELDS)),
        "k": ("k", k, {"long_name": "wavenumber", "units": "length^-1"}),
    }
    return xr.Dataset(columns, coords=coordinates)


def _columns(grid: Grid, fields: dict[str, Tensor]) -> dict[str, xr.Variable]:
    """Return the scores of a few snapshots."""
    p, t = fields["prediction"], fields["truth"]
    columns = {**_pointwise(p, t), **_spectra(grid, p, t)}
    for name, quantity, power in (("psi", "energy", "length^2 time^-3"), ("omega", "enstrophy", "time^-3")):
        if name in fields:
            columns |= _transfer(grid, fields[name], p, t, quantity, power)
    if "omega" in fields:
        columns |= _directions(p, t, fields["omega"])
    return columns


def _together(parts: list[dict[str, xr.Variable]]) -> dict[str, xr.Variable]:
    """Put columns over ``snapshot`` one after the other and average the others over all snapshots."""
    if len(parts) == 1:
        return parts[0]
    counts = torch.tensor([part["cc"].size for part in parts]).numpy()
    columns = {}
    for name, first in parts[0].items():
        each = [part[name] for part in parts]
        if "snapshot" in first.dims:
            columns[name] = xr.Variable.concat(each, "snapshot").transpose(*first.dims)
        else:
            mean = sum(one.values * count for one, count in zip(each, counts, strict=True)) / counts.sum()
            columns[name] = xr.Variable(first.dims, mean, first.attrs)
    return columns


def _check(fields: dict[str, Tensor]) -> None:
    wanted = tuple(fields["truth"].shape)
    if len(wanted) != 3 or wanted[1] != wanted[2] or wanted[0] < 1:
        raise ValueError(f"truth of shape {wanted}: accepted is (snapshots, N, N) with at least one snapshot")
    for name, field in fields.items():
        if tuple(field.shape) != wanted:
            raise ValueError(f"{name} of shape {tuple(field.shape)}: accepted is that of the truth, {wanted}")
        check_finite(name, field)
    spread = fields["truth"].flatten(1)
    constant = (spread.amax(1) == spread.amin(1)).nonzero()
    if len(constant):
        raise ValueError(f"the truth of snapshot {constant[0].item()} is constant: nothing to score")


def _correlation(p: Tensor, t: Tensor, points: Tensor) -> Tensor:
    """Correlate over the points where ``points`` is 1, per snapshot; 0 where either does not vary."""
    count = points.sum((-2, -1)).clamp(min=1)[:, None, None]
    p, t = (points * (field - (field * points).sum((-2, -1), keepdim=True) / count) for field in (p, t))
    product = (p.square().sum((-2, -1)) * t.square().sum((-2, -1))).sqrt()
    return torch.where(product > 0, (p * t).sum((-2, -1)) / product.clamp(min=1e-300), 0.0)


def _pointwise(p: Tensor, t: Tensor) -> dict[str, xr.Variable]:
    sd_p, sd_t = (field.std((-2, -1), correction=0) for field in (p, t))
    rmse = (p - t).square().sum((-2, -1)).sqrt() / t.square().sum((-2, -1)).sqrt()
    return {
        "cc": _column(_correlation(p, t, torch.ones_like(t)), "correlation"),
        "rmse": _column(rmse, "relative root-mean-square error ‖P − T‖/‖T‖"),
        "sd_ratio": _column(sd_p / sd_t, "standard deviation, predicted over true"),
        "bias": _column((p - t).mean((-2, -1)) / sd_t, "mean error in true standard deviations"),
    }


def _directions(p: Tensor, t: Tensor, omega: Tensor) -> dict[str, xr.Variable]:
    exchange = omega * t
    forward, backward = (exchange > 0).double(), (exchange < 0).double()
    return {
        "cc_forward": _column(_correlation(p, t, forward), "correlation where the true transfer is forward"),
        "cc_backward": _column(_correlation(p, t, backward), "correlation where the truth is backscatter"),
    }


def _spectra(grid: Grid, p: Tensor, t: Tensor) -> dict[str, xr.Variable]:
    weight = torch.full_like(grid.k_squared, 2.0)
    # rfft2 stores these columns whole, the others for their conjugates too.
    weight[:, 0] = weight[:, -1] = 1.0
    modes = shell_sum(grid, weight)[1 : grid.size // 2]
    both = []
    for field in (t, p):
        amplitude = (grid.to_spectral(field).abs() / grid.size**2).mean(0)
        both.append(shell_sum(grid, weight * amplitude)[1 : grid.size // 2] / modes)
    about = {"long_name": "amplitude of the subgrid term, mean over angles and snapshots", "units": "of Π"}
    return {"spectrum": xr.Variable(("field", "k"), torch.stack(both).numpy(), about)}


def _spectrum_error(spectrum: xr.Variable) -> xr.Variable:
    """Return ``mean_k |P(k) - T(k)| / T(k)`` of the mean spectra."""
    true, predicted = torch.as_tensor(spectrum.values)
    error = ((predicted - true).abs() / true).mean().item()
    return xr.Variable((), error, {"long_name": "spectrum error", "units": "1"})


def _transfer(
    grid: Grid, resolved: Tensor, p: Tensor, t: Tensor, quantity: str, units: str
) -> dict[str, xr.Variable]:
    mean = torch.stack([(resolved * field).mean((-2, -1)) for field in (t, p)])
    resolved_hat = grid.to_spectral(resolved)
    densities = [cross_density(grid, resolved_hat, grid.to_spectral(field)).mean(0) for field in (t, p)]
    shells = torch.stack([shell_sum(grid, density)[1 : grid.size // 2] for density in densities])
    text = f"{quantity} given to the subgrid scales"
    about = {"long_name": text, "units": units}
    spectrum = {"long_name": f"{text}, per shell of wavenumbers", "units": units}
    return {
        f"{quantity}_transfer": xr.Variable(("field", "snapshot"), mean.numpy(), about),
        f"{quantity}_transfer_spectrum": xr.Variable(("field", "k"), shells.numpy(), spectrum),
    }


def _column(values: Tensor, text: str) -> xr.Variable:
    return xr.Variable("snapshot", values.numpy(), {"long_name": text, "units": "1"})
