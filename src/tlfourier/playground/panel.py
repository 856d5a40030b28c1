"""Draw a kernel, and see its spectrum, its filter type and what it does to a vorticity field.

Everything is computed where it is shown, in the browser: the panel works in a published page, with no Jupyter
behind it, as it does in JupyterLab. With W the kernel, ω the field and b the bias it shows

* ``|F(W)|`` on the wavenumbers of the field's grid, as a map and as mean and range over each shell of
  `tlfourier.fourier.activations.shells`; the wavenumber that "passes most" has the largest mean;
* the type by `tlfourier.fourier.classify`; it is *clear* if no threshold of `tlfourier.fourier.Rule` that is
  moved by `SHIFT` of itself, alone, changes it;
* ``h = W ⋆ ω + b``, by the convention of a layer: ``h(x) = sum_r W(r) ω(x + r) + b``, periodic, with r = 0 at
  the middle of the kernel; and ``g = max(h, 0)``;
* the amplitude spectra of ω, h and g, ``|F| / N**2``, as means over shells;
* which shares of the variance of h and of g (k = 0 is left out) lie at wavenumbers with
  ``|F(W)|**2 < WEAK * max |F(W)|**2``, those that the kernel all but stops; and the share of the variance
  of g that no multiple of h gives, ``1 - corr(g, h)**2``.
"""

import base64
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from matplotlib import colormaps
from matplotlib.colors import to_hex
from torch import Tensor

from tlfourier.doors import door
from tlfourier.figures.style import DIVERGING, ROLE_COLOURS
from tlfourier.fourier.filter_types import HIGH_EDGE, LOBE_RADIUS, MIDDLE_BAND, Rule
from tlfourier.fourier.kernels import as_kernels
from tlfourier.playground.presets import learned_kernels, made_kernels
from tlfourier.study.study import Study

SHIFT = 0.1
"""By how much of itself a threshold is moved to see whether a type is clear."""

WEAK = 0.1
"""A wavenumber counts as weakened where the power is less than this part of its largest value."""

LEVELS = 2**15 - 1
"""Steps from zero to the largest value of the embedded field: with those of one byte, round-off would be a
tenth of the shortest waves."""

_FOLDER = Path(__file__).parent
_SCRIPTS = ("spectra.js", "rule.js", "words.js", "drawing.js", "grid.js", "panel.js")


class KernelPlayground(anywidget.AnyWidget):
    """Show a kernel at work on the first vorticity field of a test block, and let the reader draw another.

    ``study`` gives the field, of the base flow of ``case`` in units of its standard deviation, and the
    ``pairs`` kernels of ``layer`` that change most when it alone is re-trained, before and after. The panel
    begins with the kernel named ``start``. ``kernel``, its rows from the lowest y to the highest, and
    ``bias``, in standard deviations of ``W ⋆ ω``, are what it shows now: they can be read and set. ValueError
    if the case, the layer or ``start`` is unknown, or a kernel has another shape.
    """

    _esm = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = _FOLDER / "panel.css"
    kernel = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    bias = traitlets.Float(0.0).tag(sync=True)
    preset = traitlets.Unicode().tag(sync=True)
    presets = traitlets.List(traitlets.Dict()).tag(sync=True)
    field = traitlets.Unicode().tag(sync=True)
    field_unit = traitlets.Float().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    rule = traitlets.Dict().tag(sync=True)
    colours = traitlets.Dict().tag(sync=True)

    def __init__(
        self, study: Study, case: str | None = None, start: str = "band-pass", layer: int = 2, pairs: int = 4
    ) -> None:
        name = case or study.cases[0]
        omega = study.tensors(study.case(name).base)[0][0, 1]
        made = made_kernels(study.spec.network.kernel_size)
        learned = learned_kernels(study, name, layer, pairs)
        offered: list[dict[str, Any]] = [
            {"group": group, "name": label, "weights": weights.tolist()}
            for group, kernels in (("made", made), (f"learned: layer {layer}, case {name}", learned))
            for label, weights in kernels.items()
        ]
        chosen = [one["weights"] for one in offered if one["name"] == start]
        if not chosen:
            raise ValueError(f"start={start!r}: accepted are {', '.join(one['name'] for one in offered)}")
        coded, unit = packed(omega)
        bands = {"middle_band": list(MIDDLE_BAND), "high_edge": HIGH_EDGE, "lobe_radius": LOBE_RADIUS}
        super().__init__(
            presets=offered, preset=start, kernel=chosen[0], field=coded, field_unit=unit, size=len(omega),
            rule=asdict(Rule()) | bands | {"shift": SHIFT, "weak": WEAK}, colours=colours(),
        )  # fmt: skip

    @traitlets.validate("kernel")
    def _check(self, proposal: dict[str, Any]) -> list[list[float]]:
        """Accept kernels of the presets' shape only: the panel could draw no other."""
        kernel = as_kernels(np.asarray(proposal["value"]))
        side = len(self.presets[0]["weights"]) if self.presets else kernel.shape[-1]
        if kernel.shape != (side, side):
            raise ValueError(f"kernel of shape {tuple(kernel.shape)}: accepted is ({side}, {side})")
        found: list[list[float]] = kernel.tolist()
        return found


@door
def packed(field: Tensor) -> tuple[str, float]:
    """Return a field as 16-bit integers in base64, little endian, and the value of one step."""
    unit = float(field.abs().max()) / LEVELS or 1.0
    counts = torch.round(field.detach().double() / unit).numpy().astype("<i2")
    return base64.b64encode(counts.tobytes()).decode(), unit


def colours() -> dict[str, Any]:
    """Return the book's colours: both maps at equal distances, and a colour for each line."""
    maps = {"signed": (DIVERGING, 33), "amplitude": ("cividis", 33)}
    drawn = {
        name: [to_hex(colormaps[known](part)) for part in np.linspace(0, 1, count)]
        for name, (known, count) in maps.items()
    }
    return drawn | {"before": ROLE_COLOURS["base"], "after": ROLE_COLOURS["transferred"]}
