"""Offer kernels to draw upon: some that a reader may know by name, and some that a network has learned."""

import numpy as np
from torch import Tensor

from tlfourier.doors import door
from tlfourier.fourier.change import kernel_change
from tlfourier.fourier.synthetic import gabor, gaussian
from tlfourier.study.study import Study


@door
def made_kernels(side: int) -> dict[str, np.ndarray]:
    """Return kernels of ``side`` x ``side`` points that a reader may know by name, and one of zeros.

    Raises ValueError unless ``side`` is odd and at least 3.
    """
    if side < 3 or side % 2 == 0:
        raise ValueError(f"side={side}: accepted are odd numbers from 3")
    points = np.arange(side) - (side - 1) / 2
    grid = (points[:, None], points[None, :])
    near, zeros = np.abs(grid[0]) + np.abs(grid[1]), np.zeros((side, side))
    right = np.where(near == 1, np.sign(grid[1]) / 2, 0.0)
    return {
        "band-pass": gaussian(grid, 0.8) - gaussian(grid, 1.6),
        "identity": np.where(near == 0, 1.0, 0.0),
        "mean": zeros + 1 / side**2,
        "Gaussian": gaussian(grid, 1.0),
        "Laplacian": np.where(near == 1, 1.0, np.where(near == 0, -4.0, 0.0)),
        "derivative in x": right,
        "derivative in y": right.T,
        "Gabor, waves along x": gabor(grid, 3.5, 0.0, 0.0, 1.3),
        "Gabor, waves along the diagonal": gabor(grid, 3.5, np.pi / 4, 0.0, 1.3),
        "zeros: draw your own": zeros,
    }


@door
def learned_kernels(study: Study, case: str, layer: int, pairs: int) -> dict[str, Tensor]:
    """Return the kernels of a layer that change most when it alone is re-trained, before and after.

    ``pairs`` of them, by the norm of the change. ValueError if the case or the layer is unknown.
    """
    networks = (study.base(case), study.transferred(case, [layer]))
    before, after = (network.layer(layer).weight.detach() for network in networks)
    change = kernel_change(before, after)["delta_weight"].values
    found: dict[str, Tensor] = {}
    for place in np.argsort(-change, axis=None, kind="stable")[:pairs]:
        output, channel = np.unravel_index(place, change.shape)
        for word, weights in (("before", before), ("after", after)):
            found[f"channel {channel + 1} to {output + 1}, {word} transfer"] = weights[output, channel]
    return found
