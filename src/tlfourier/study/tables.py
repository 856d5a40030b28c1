"""Put tables of one replicate each together."""

from collections.abc import Sequence

import xarray as xr

from tlfourier.store.node import Node
from tlfourier.study.design import Results


def read(study: Results, nodes: Sequence[Node]) -> xr.Dataset:
    """Return tables of a seed each over (model, seed); NaN where a seed lacks one of the first one's models.

    The first seed has every model: where the budget asks for fewer replicates, the later seeds are left out.
    """
    rows = [study.read(node) for node in nodes]
    models = rows[0]["model"].values
    whole = xr.concat([row.reindex(model=models) for row in rows], "seed")
    return whole.transpose("model", "seed", ...)
