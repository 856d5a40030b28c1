"""When the blocks of pairs begin and end, and what a flow looks like to a network in one of them."""

import dataclasses
from collections.abc import Mapping

import xarray as xr

from tlfourier.closure.pairs import SPLITS, Pairs, Scales, Split, pair_spectra
from tlfourier.doors import door
from tlfourier.flow.summary import log_ratio
from tlfourier.shapes import Ordered


@door
def block_times(split: Split, interval: Ordered) -> dict[str, tuple[float, float]]:
    """Return the times of the first and last snapshot of every block, which are an interval apart."""
    blocks = {name: split.indices(name) for name in SPLITS}
    return {name: (block.start * interval, (block.stop - 1) * interval) for name, block in blocks.items()}


@door
def gap_time(split: Split, interval: Ordered) -> float:
    """Return the time between the last snapshot of a block and the first of the next."""
    return (split.gap + 1) * interval


@door
def seen_spectra(pairs: Pairs, scales: Scales) -> xr.Dataset:
    """Return the power spectra of ψ, ω and Π in the units in which a network sees them.

    ``spectrum(k) / scale**2``: what is left when every variable has the standard deviation 1. ``pairs`` are
    ``psi``, ``omega``, ``sgs`` over (time, y, x), the ``scales`` those of the same flow.
    """
    return pair_spectra(pairs) / xr.Dataset(dataclasses.asdict(scales)) ** 2


@door
def scale_table(scales: Mapping[str, Scales]) -> xr.Dataset:
    """Put the standard deviations of several flows side by side, along ``flow``; ValueError for none."""
    if not scales:
        raise ValueError("scales={}: at least one flow is needed")
    rows = [xr.Dataset(dataclasses.asdict(one)) for one in scales.values()]
    return xr.concat(rows, dim="flow").assign_coords(flow=list(scales))


@door
def spectral_differences(
    cases: Mapping[str, tuple[str, str]], spectra: Mapping[str, xr.Dataset]
) -> xr.Dataset:
    """Return by how much the spectra of each variable differ between the base and the target of each case.

    ``cases`` are the name of each case and its flows, base and target; ``spectra`` those of each flow over k,
    as from `seen_spectra`, of which k = 0 is left out. Returns over (case, variable): ``size``, the mean over
    k of ``|log10(target / base)|``; ``mean``, that with its sign; ``k``, where the size is largest. Raises
    ValueError without cases, or for flows of which there are no spectra.
    """
    missing = {flow for case in cases.values() for flow in case} - set(spectra)
    if not cases or missing:
        raise ValueError(f"cases={dict(cases)!r:.200}: at least one is needed, of the flows {list(spectra)}")
    rows = []
    for base, target in cases.values():
        below, above = (spectra[flow].to_dataarray("variable") for flow in (base, target))
        ratio = log_ratio(above, below)
        size = abs(ratio)
        rows.append(xr.Dataset({"size": size.mean("k"), "mean": ratio.mean("k"), "k": size.idxmax("k")}))
    return xr.concat(rows, "case").assign_coords(case=list(cases))
