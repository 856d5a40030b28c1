"""The causal test of which kernels a transfer needs: put some back to what they were, see what is lost."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

import numpy as np
import xarray as xr
from torch import nn

from tlfourier.doors import door
from tlfourier.fourier.change import network_change, put_back
from tlfourier.fourier.kernels import check_plain, conv_layers
from tlfourier.limits import Range
from tlfourier.shapes import Seed

SHARES = (0.02, 0.05, 0.1, 0.25, 0.5)


@door
def put_back_curve(
    base: nn.Module,
    transferred: nn.Module,
    layers: Iterable[int],
    error: Callable[[nn.Module], float],
    shares: Sequence[float] = SHARES,
    draws: Annotated[int, Range(most=10**6)] = 5,
    seed: Seed = 0,
) -> xr.Dataset:
    """Put the most changed kernels back to their base weights, and as many random ones, and count the loss.

    ``loss = error(with kernels put back) - error(transferred)``. Biases stay as they were re-trained, so that
    ``everything``, the loss with all kernels put back, is a test of the kernels alone.

    Raises ValueError: a share outside (0, 1], no draw, layers without kernels, or weights that are computed
    from others.

    Parameters
    ----------
    base, transferred : nn.Module
        Networks of one architecture; both are left as they are.
    layers : iterable of int
        The re-trained layers, counted from one: the kernels among which to choose.
    error : callable
        A network's error, lower is better.
    shares : sequence of float
        Parts of the kernels to put back, in (0, 1]; at least one kernel each.
    draws : int
        Random choices of as many kernels, at least one.
    seed : int
        Of these choices.

    Returns
    -------
    Dataset
        ``most`` (share) and ``random`` (share, draw), losses; ``kernels`` (share), how many were put back;
        ``everything``, the loss with all of them put back; ``transferred``, the error with none.

    Examples
    --------
    >>> before, after = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)
    >>> def error(layer):
    ...     return (layer.weight - after.weight).norm().item()
    >>> curve = put_back_curve(before, after, {1}, error, shares=(0.25, 1.0))
    >>> curve.kernels.values.tolist(), bool((curve.most >= curve.random).all())
    ([4, 16], True)
    """
    if draws < 1 or not all(0 < share <= 1 for share in shares):
        raise ValueError(f"shares={list(shares)}, draws={draws}: shares lie in (0, 1], with at least 1 draw")
    names = {str(layer) for layer in layers}
    for name, layer in conv_layers(transferred).items():
        check_plain(layer, name)
    change = network_change(base, transferred)
    position = {name: str(i + 1) for i, name in enumerate(dict.fromkeys(change["layer"].values.tolist()))}
    if beyond := names - set(position.values()):
        raise ValueError(f"layers={sorted(beyond)}: this network has layers 1..{len(position)}")
    chosen = change.isel(kernel=[position[name] in names for name in change["layer"].values.tolist()])
    count = chosen.sizes["kernel"]
    if count == 0:
        raise ValueError(f"layers=[]: name at least one of 1..{len(position)}")
    order = np.argsort(-chosen["delta_weight"].values, kind="stable")
    random = np.random.default_rng(seed)
    start = error(transferred)

    def loss(which: np.ndarray) -> float:
        network = copy.deepcopy(transferred)
        put_back(network, base, chosen.isel(kernel=which))
        return error(network) - start

    kernels = [max(1, round(share * count)) for share in shares]
    most = [loss(order[:number]) for number in kernels]
    drawn = [[loss(random.permutation(count)[:number]) for _ in range(draws)] for number in kernels]
    return xr.Dataset(
        {
            "most": ("share", most),
            "random": (("share", "draw"), drawn),
            "kernels": ("share", kernels),
            "everything": loss(order),
            "transferred": start,
        },
        {"share": list(shares), "draw": np.arange(draws)},
    )
