"""A film of vorticity, played in the browser: several flows side by side from the same moment.

A frame is of whole numbers of one byte and is drawn by the browser, so that a film of minutes of computing is
smaller than a picture. Nothing moves before the reader asks for it.
"""

import base64
from pathlib import Path

import anywidget
import numpy as np
import traitlets
import xarray as xr

from tlfourier.figures.style import DIVERGING, colour_bytes

STEPS = 127
"""The largest count of a frame, the end of the colours."""
_FOLDER = Path(__file__).parent


class Film(anywidget.AnyWidget):
    """Show fields that change in time side by side, with a button that plays them and a slider.

    ``frames``: ``omega`` over (panel, time, y, x), whole numbers from -127 to 127, as
    the node `tlfourier.study.online.film` holds it; ``alt``: what a reader who sees none of it is told.
    ValueError for other dimensions or numbers.
    """

    _esm = _FOLDER / "film.js"
    _css = _FOLDER / "film.css"
    frames = traitlets.Unicode().tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    times = traitlets.List(traitlets.Float()).tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    colours = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def __init__(self, frames: xr.Dataset, alt: str) -> None:
        omega = frames["omega"]
        if set(omega.dims) != {"panel", "time", "y", "x"} or omega.dtype != np.int8:
            found = f"{omega.dtype} over {', '.join(map(str, omega.dims))}"
            raise ValueError(f"frames of {found}: accepted is int8 over panel, time, y, x")
        # rows from the top of the picture downwards, as a canvas has them
        counts = omega.transpose("panel", "time", "y", "x").values[:, :, ::-1]
        super().__init__(
            frames=base64.b64encode(np.ascontiguousarray(counts).tobytes()).decode(),
            titles=[str(name) for name in frames["panel"].values],
            times=[float(time) for time in frames["time"].values],
            size=frames.sizes["x"], colours=colour_bytes(DIVERGING), alt=alt,
        )  # fmt: skip
