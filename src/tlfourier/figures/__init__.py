"""Draw the book's figures: arrays in, figures out, no files; one style for all of them."""

from tlfourier.figures import (
    change,
    closure,
    fields,
    flows,
    kernels,
    ladder,
    layers,
    oceans,
    online,
    opening,
    performance,
    propagation,
    scorecard,
    spectra,
    style,
    subgrid,
    verification,
)

# fmt: off
__all__ = [
    "change", "closure", "fields", "flows", "kernels", "ladder", "layers", "oceans", "online",
    "opening", "performance", "propagation", "scorecard", "spectra", "style", "subgrid", "verification",
]
