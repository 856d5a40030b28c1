"""What the subgrid term takes from the resolved flow and what it gives back."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr

from tlfourier.closure.pairs import Pairs
from tlfourier.doors import door

_TRANSFERS = {
    "enstrophy": ("omega", "enstrophy given to the subgrid scales ⟨ω̄Π⟩", "time^-3"),
    "energy": ("psi", "energy given to the subgrid scales ⟨ψ̄Π⟩", "length^2 time^-3"),
}


@door
def scatter(pairs: Pairs) -> xr.Dataset:
    """Measure the transfer of enstrophy and energy between resolved and subgrid scales.

    ``enstrophy = mean_xy(omega * sgs)``, ``energy = mean_xy(psi * sgs)``: positive is forward transfer, out
    of the resolved flow; negative is backscatter. ``*_back`` is the share of all exchange that points back,
    ``sum(max(-p, 0)) / sum(|p|)`` with ``p`` the product at each point.

    ``pairs``: ``psi``, ``omega``, ``sgs`` over (time, y, x). Returns ``enstrophy``, ``energy``,
    ``enstrophy_back``, ``energy_back`` over ``time``. The share for energy depends on the choice of ψ̄ with
    mean zero; the mean transfer does not, for Π has no mean.
    """
    result = {}
    for name, (variable, long_name, units) in _TRANSFERS.items():
        product = (pairs[variable] * pairs["sgs"]).astype(np.float64)
        back = (-product).clip(min=0).sum(("y", "x")) / abs(product).sum(("y", "x"))
        result[name] = product.mean(("y", "x")).assign_attrs(long_name=long_name, units=units)
        share = f"share of the {name} exchange that is backscatter"
        result[f"{name}_back"] = back.assign_attrs(long_name=share, units="1")
    return xr.Dataset(result)


@door
def scatter_table(flows: Mapping[str, Pairs]) -> xr.Dataset:
    """Average `scatter` over time, along ``flow``.

    ``flows``: name of each flow and its pairs, at least one, else ValueError.
    """
    if not flows:
        raise ValueError("flows={}: at least one flow is needed")
    rows = {flow: scatter(pairs).mean("time") for flow, pairs in flows.items()}
    table = xr.concat(rows.values(), dim="flow", combine_attrs="override")
    return table.assign_coords(flow=list(rows))


@door
def exchange(pair: Pairs, variable: Literal["psi", "omega", "sgs"] = "omega") -> xr.DataArray:
    """Return the exchange with the subgrid scales at every point, ``pair[variable] * sgs``."""
    return (pair[variable] * pair["sgs"]).rename("exchange")


@door
def direction(transfer: float) -> str:
    """Name the direction of a mean transfer: ``"forward"`` if positive, else ``"backscatter"``."""
    return "forward" if transfer > 0 else "backscatter"
