"""Hold the one figure style of the book: sizes, colour by role, signed fields, marked wavenumbers.

Every drawing function of `tlfourier.figures` follows one contract: arrays in, a `Figure` out, no files.
It draws under this style whatever the caller's settings are (`styled`), on a figure that pyplot does not
own, so that a notebook shows it once, as the value of the cell, and nothing has to be closed. A function
with one panel takes ``ax`` to draw into a panel of a larger figure. Its docstring says what is shown: the
page's alt text starts from that sentence and adds what the reader should see in it.
"""

import base64
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from tlfourier.doors import door

Layout = Literal["constrained", "compressed"]
STYLE_FILE = Path(__file__).with_name("book.mplstyle")
WIDTH = 7.5
"""Width of the book's text column in inches."""

DIVERGING = "RdBu_r"
"""The map of every signed field: white is zero, red is positive."""

ROLE_COLOURS = {
    "base": "#0072B2", "transferred": "#D55E00", "scratch": "#009E73", "target": "#000000",
    "truth": "#000000", "gain": "#E69F00", "all": "#CC79A7", "null": "#767676",
}  # fmt: skip
"""Colour of each role (Okabe and Ito's colour-blind safe set; grey for null models)."""

ROLE_LABELS = {role: role for role in ROLE_COLOURS} | {
    "scratch": "from scratch", "gain": "output gain", "all": "all layers", "null": "null model",
}  # fmt: skip
"""What a legend calls each role."""

styled = matplotlib.style.context(STYLE_FILE)
"""Decorator that draws under the book's style and puts the caller's settings back."""


@door
class BookFigure(Figure):
    """Show itself in a notebook although pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        """Return the figure as PNG for IPython's display."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.05)
        return buffer.getvalue()


def use() -> None:
    """Make the book's style the session's default, for drawings of the reader's own."""
    matplotlib.style.use(STYLE_FILE)


@door
def role_colour(role: str) -> str:
    """Return the colour of a role, a key of `ROLE_COLOURS`; ValueError if it is none."""
    if role not in ROLE_COLOURS:
        raise ValueError(f"role={role!r}: the roles are {', '.join(ROLE_COLOURS)}")
    return ROLE_COLOURS[role]


@door
def colour_bytes(name: str) -> str:
    """Return 256 colours of a map, red, green and blue from its low end to its high one, in base64.

    A page that draws by itself needs no more of it; `DIVERGING` is one name.
    """
    shades = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    return base64.b64encode(shades.tobytes()).decode()


@door
def label_of(name: str) -> str:
    """Return what a reader sees for a role, or for any other name: ``small_scale`` becomes small scale."""
    return ROLE_LABELS.get(name, name.replace("_", " "))


@door
def line_style(name: str) -> dict[str, Any]:
    """Return the keywords of a line called ``name``: a role's colour and label, or the next neutral colour.

    ``name``: a role, or any label of something that has no role (a stepper, a filter, a flow of its own).
    """
    return {"label": label_of(name)} | ({"color": ROLE_COLOURS[name]} if name in ROLE_COLOURS else {})


@door
def new_figure(
    rows: int = 1, columns: int = 1, height: float = 3.0, layout: Layout = "constrained", **grid: Any
) -> tuple[BookFigure, NDArray[Any]]:
    """Make a figure of the book's width and its axes as an array of shape (rows, columns).

    ``rows``, ``columns``: number of panels. ``height``: height of the whole figure in inches. ``layout``,
    "constrained" or "compressed": the second draws panels of fixed aspect (fields) close together.
    ``**grid``: passed on to `Figure.subplots` (``sharex``, ``sharey``, ``width_ratios``, ...).
    """
    figure = BookFigure(figsize=(WIDTH, height), layout=layout)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


@door
def new_panel(height: float) -> tuple[BookFigure, Axes]:
    """Make a figure of the book's width, ``height`` inches high, with one panel."""
    figure, axes = new_figure(1, 1, height)
    return figure, axes[0, 0]


@door
def own_axes(ax: Axes | None, height: float = 3.2, width: float = WIDTH) -> Axes:
    """Return ``ax``, or the only axes of a new figure of ``width`` x ``height`` inches."""
    return BookFigure(figsize=(width, height)).subplots() if ax is None else ax


@door
def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds ``ax``, also where ``ax`` lies in a subfigure; ValueError if none does."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax: these axes were removed from their figure, give axes that belong to one")
    return figure


@door
def symmetric_limit(*fields: ArrayLike, percentile: float = 99.8) -> float:
    """Return the limit c of a signed colour scale (-c, c) shared by all ``fields``.

    c is the largest ``percentile`` of ``|field|``, so that one extreme vortex does not bleach the picture.

    ``*fields``: any shapes, one unit, finite (else ValueError). ``percentile``: in percent; 100 is the
    maximum.
    """
    magnitudes = [np.abs(np.asarray(field, dtype=float)) for field in fields]
    if not all(np.isfinite(magnitude).all() for magnitude in magnitudes):
        raise ValueError("field holds NaN or infinity: only finite fields can be drawn")
    return max([float(np.percentile(one, percentile)) for one in magnitudes] + [float(np.finfo(float).tiny)])


@door
def draw_signed(
    ax: Axes, field: ArrayLike, limit: float | None = None, length: float = 2 * np.pi
) -> AxesImage:
    """Draw a signed periodic field with white at zero and the box marked in units of pi.

    ``ax``: where to draw. ``field``: (y, x), else ValueError; y is upwards. ``limit``: the colours' c of (-c,
    c), by default `symmetric_limit`. ``length``: side of the box.
    """
    values = np.asarray(field, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"field has shape {values.shape}: a picture needs (y, x)")
    limit = symmetric_limit(values) if limit is None else limit
    extent = (0.0, length, 0.0, length)
    image = ax.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, extent=extent, origin="lower")
    box_ticks(ax, length)
    return image


@door
def box_ticks(ax: Axes, length: float = 2 * np.pi) -> None:
    """Put ticks at the corners and the middle of a periodic box, in units of pi where they are such."""
    ticks = [0.0, length / 2, length]
    for set_ticks in (ax.set_xticks, ax.set_yticks):
        set_ticks(ticks, [_pi_label(tick) for tick in ticks])


def _pi_label(value: float) -> str:
    """Write 0, pi, 2pi as a reader does, any other number with three digits."""
    multiple = value / np.pi
    if value == 0 or not np.isclose(multiple, round(multiple)):
        return f"{value:.3g}"
    return r"$\pi$" if round(multiple) == 1 else rf"${round(multiple)}\pi$"


@door
def mark_wavenumber(ax: Axes, k: float, label: str, colour: str = "#767676") -> None:
    """Mark the wavenumber k by a thin line with a label above, ``"$k_f$"`` (forcing) or ``"$k_c$"`` (LES)."""
    ax.axvline(k, color=colour, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
    above = ax.get_xaxis_transform()
    ax.text(k, 1.01, label, color=colour, transform=above, ha="center", va="bottom", fontsize=9)


@door
def panel_letters(axes: Iterable[Axes], letters: Sequence[str] = "abcdefghijklmnop") -> None:
    """Put (a), (b), ... at the left above each of the axes, so that a caption can name them."""
    for ax, letter in zip(axes, letters, strict=False):
        ax.set_title(f"({letter})", loc="left")
