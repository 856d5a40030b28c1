"""Choose which layers to re-train in a live notebook: known sets are shown at once, others on demand."""

import base64
from html import escape
from itertools import compress
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from tlfourier.closure.models import model_name
from tlfourier.figures import kernels, layers
from tlfourier.fourier.change import strongest_changes
from tlfourier.io.extras import need
from tlfourier.io.words import one_line
from tlfourier.study.study import Study

need("book", "ipywidgets")
import ipywidgets  # noqa: E402

SCORES = {label: name for name, (label, _, _) in layers.PANELS.items()}
KERNELS_SHOWN = 6
SEED = 0
"""A set that a reader asks for is re-trained from the base network of this seed."""


class Chooser:
    """Show scores and kernels of the layers that the reader picks, and re-train them if nobody has.

    Every method that a widget calls can be called without a browser; ``panel`` is what a notebook displays.
    It begins with ``case``, the first of the study by default, and the layers ``chosen``. ValueError if the
    case is unknown.
    """

    def __init__(self, study: Study, case: str | None = None, chosen: tuple[int, ...] = (2,)) -> None:
        start = case or study.cases[0]
        study.case(start)
        self.study = study
        self._scores: dict[str, xr.Dataset] = {}
        # While several controls are set at once, nothing is drawn in between.
        self._quiet = False
        self.case = ipywidgets.Dropdown(options=study.cases, value=start, description="case")
        self.score = ipywidgets.Dropdown(options=SCORES, description="score")
        self.toggles = [_toggle(layer, layer in chosen) for layer in study.layers]
        self.kernels_of = ipywidgets.Dropdown(options=chosen or study.layers, description="kernels of")
        self.button = ipywidgets.Button(description="re-train now", button_style="primary")
        self.status, self.chart, self.gallery = (ipywidgets.HTML() for _ in range(3))
        self.progress = ipywidgets.Output()
        self.panel = self._arrange()
        self._watch()
        self.refresh()

    def _arrange(self) -> ipywidgets.Widget:
        first = [self.case, self.score, self.kernels_of]
        second = [ipywidgets.Label("re-train"), *self.toggles, self.button]
        rows = [ipywidgets.HBox(row, layout={"flex_flow": "row wrap"}) for row in (first, second)]
        return ipywidgets.VBox([*rows, self.status, self.progress, self.chart, self.gallery])

    def _watch(self) -> None:
        for control in (self.case, self.score, *self.toggles):
            control.observe(lambda change: self.refresh(), names="value")
        self.kernels_of.observe(lambda change: self._show_gallery(), names="value")
        self.button.on_click(lambda button: self.retrain())

    # ---- what is chosen

    @property
    def chosen(self) -> tuple[int, ...]:
        """Return the layers that are switched on."""
        return tuple(compress(self.study.layers, [toggle.value for toggle in self.toggles]))

    @property
    def label(self) -> str:
        """Return the name of the chosen set in a table of scores: ``"2"`` or ``"2+5"``."""
        return model_name(self.chosen) if self.chosen else ""

    def choose(self, *chosen: int) -> None:
        """Switch exactly these layers on."""
        self._quiet = True
        for layer, toggle in zip(self.study.layers, self.toggles, strict=True):
            toggle.value = layer in chosen
        self._quiet = False
        self.refresh()

    @property
    def known(self) -> bool:
        """Tell whether the chosen set was re-trained before, so that it can be shown at once."""
        return bool(self.chosen) and self.study.has_score(self.case.value, self.chosen, SEED)

    # ---- what is shown

    def table(self) -> xr.Dataset:
        """Return the scores of the case over (model, seed), with the chosen set if it is known."""
        case = self.case.value
        if case not in self._scores:
            self._scores[case] = self.study.table(case, models=self.study.design.singles)
        table = self._scores[case]
        if not self.known or self.label in table["model"].values:
            return table
        # A set of the reader's own has one seed: the others stay empty, and no error bar is drawn.
        own = self.study.score(case, self.chosen, SEED).mean("snapshot")
        row = own.expand_dims(model=[self.label], seed=[SEED])
        return xr.concat([table, row], dim="model", join="outer", combine_attrs="override")

    def figure(self) -> Figure:
        """Draw the score against the re-trained layer, with the chosen set shaded."""
        table = self.table()
        return layers.layer_scores(table, [self.score.value], highlight=[self.label] if self.known else [])

    def kernels(self) -> Figure:
        """Draw the kernels of one re-trained layer that changed most, before and after."""
        layer = self.kernels_of.value
        before = self.study.base(self.case.value, SEED).layer(layer).weight
        after = self.study.transferred(self.case.value, self.chosen, SEED).layer(layer).weight
        return kernels.changed_kernels(*strongest_changes(before, after, KERNELS_SHOWN))

    def refresh(self) -> None:
        """Bring everything that is shown up to date with what is chosen."""
        if self._quiet:
            return
        if self.chosen and self.kernels_of.options != self.chosen:
            self._quiet = True
            self.kernels_of.options = self.chosen
            self._quiet = False
        self.button.disabled = self.known or not self.chosen
        self._say(self._report())
        self.chart.value = picture(self.figure(), f"{self.score.label} against the re-trained layer")
        self._show_gallery()

    def _show_gallery(self) -> None:
        if self._quiet:
            return
        alt = f"kernels of layer {self.kernels_of.value} before and after re-training, and their spectra"
        self.gallery.value = picture(self.kernels(), alt) if self.known else ""

    def _report(self) -> str:
        """Say in a sentence or two where the chosen set stands."""
        if not self.chosen:
            return "Choose at least one layer."
        if not self.known:
            wait = "the button does it in half a minute at most"
            return f"Layers {self.label} were not re-trained yet: {wait}."
        name, table = self.score.value, self.table()
        value = float(table[name].sel(model=self.label, seed=SEED))
        none, every = (float(table[name].sel(model=model, seed=SEED)) for model in ("none", "all"))
        return (
            f"Layers {self.label}, seed {SEED}: {self.score.label} {value:.3f}; "
            f"without transfer {none:.3f}, with all layers {every:.3f}."
        )

    def _say(self, sentence: str) -> None:
        self.status.value = f'<p role="status">{escape(sentence)}</p>'

    # ---- what is done

    def retrain(self) -> None:
        """Re-train the chosen set with the same few samples and the same steps as every other, and show it.

        What goes wrong (a full disk, a training that diverges, an interrupt) is said in the panel in one
        sentence.
        """
        self.button.disabled = True
        self._say(f"Re-training layers {self.label} ...")
        self.progress.clear_output()
        problem = ""
        with self.progress:
            try:  # within: in a kernel the widget prints what leaves the block, and goes on
                self.study.make.score(self.case.value, self.chosen, SEED)
            except Exception as error:
                problem = f"This did not work: {one_line(error, longest=1000)}"
            except KeyboardInterrupt:
                problem = "Stopped: what was finished is kept, and the button goes on with the rest"
        if problem:
            self._say(f"{problem.removesuffix('.')}.")
            self.button.disabled = False
            return
        self.progress.clear_output()
        self.refresh()


def picture(figure: Any, alt: str) -> str:
    """Return a figure as an HTML image that holds its own data, with alternative text."""
    coded = base64.b64encode(figure._repr_png_()).decode()
    return f'<img alt="{escape(alt)}" style="max-width: 100%" src="data:image/png;base64,{coded}">'


def _toggle(layer: int, on: bool) -> ipywidgets.ToggleButton:
    """Return a small button that switches one layer on or off."""
    about = {"description": f"layer {layer}", "tooltip": f"re-train layer {layer}"}
    made = ipywidgets.ToggleButton(value=on, **about, layout={"width": "6.2em"})

    def look(value: bool) -> None:
        made.button_style, made.icon = ("info", "check") if value else ("", "")

    made.observe(lambda change: look(change["new"]), names="value")
    look(on)
    return made
