"""The oceans of Darman et al. by name: two layers, a square of 1000 km, metres and seconds."""

from collections.abc import Mapping
from types import MappingProxyType

from tlfourier.doors import door
from tlfourier.flow.layers import Layers, two_layers

SIDE = 1e6
"""Side of the square, in metres."""
STEP = 3600.0
"""Step of the published runs on 256² points, in seconds."""

OCEANS: Mapping[str, Layers] = MappingProxyType(
    {
        "eddies": two_layers(15e3, 0.25, beta=1.5e-11, drag=5.787e-7),
        "larger_eddies": two_layers(20e3, 0.25, beta=1.5e-11, drag=5.787e-7),
        "three_jets": two_layers(15e3, 0.05, beta=5e-12, drag=3.5e-8),
        "four_jets": two_layers(15e3, 0.1, beta=1e-11, drag=7e-8),
    }
)
"""Deformation radius, thickness ratio, beta and drag of each flow; the upper layer is 500 m deep and moves at
2.5 cm/s. The first is pyqg's default and the base of all transfers. The beta of the last is 2/3 of the
first's, as in the code of Darman et al. and in Ross et al. (2023); that code's description says 2/5.

Source: Darman, Hassanzadeh, Zanna and Chattopadhyay, arXiv 2504.15487 (2025), and its code."""


@door
def ocean(name: str) -> Layers:
    """Return the layers of one of `OCEANS`; ValueError for another name.

    Examples
    --------
    >>> ocean("larger_eddies").deformation_radii().round().tolist()
    [20000.0]
    """
    if name not in OCEANS:
        raise ValueError(f"name={name!r}: choose one of {', '.join(OCEANS)}")
    return OCEANS[name]
