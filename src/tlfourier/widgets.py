"""Choose which layers to re-train in a live notebook: known sets are shown at once, others on demand."""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from tlfourier.closure.models import model_name
from tlfourier.figures import kernels, layers
from tlfourier.fourier.change import strongest_changes
from tlfourier.io.extras import need
from tlfourier.io.words import one_line
from tlfourier.study.study import Study
from tlfourier.sweep.backends.aside import STOPPED, Aside
from tlfourier.sweep.plan import plan
from tlfourier.sweep.progress import duration

need("book", "anywidget", "ipywidgets")
import anywidget  # noqa: E402
import ipywidgets  # noqa: E402
import traitlets  # noqa: E402

SCORES = {label: name for name, (label, _, _) in layers.PANELS.items()}
KERNELS_SHOWN = 6
SEED = 0
"""A set that a reader asks for is re-trained from the base network of this seed."""


class _LayerToggles(anywidget.AnyWidget):
    """A button for each of ``layers``, pressed or not, and a sentence where no kernel answers."""

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    layers = traitlets.List(traitlets.Int()).tag(sync=True)
    chosen = traitlets.List(traitlets.Int()).tag(sync=True)


@dataclass
class _Training:
    """A set of layers that is being re-trained, and the event loop that hears of it."""

    case: str
    label: str
    aside: Aside
    loop: asyncio.AbstractEventLoop | None = None


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
        look = {
            "layout": {"width": "auto", "margin": "2px 16px 2px 2px"},
            "style": {"description_width": "initial"},
        }
        self.case = ipywidgets.Dropdown(options=study.cases, value=start, description="case", **look)
        self.score = ipywidgets.Dropdown(options=SCORES, description="score", **look)
        known = [layer for layer in study.layers if layer in chosen]
        self.toggles = _LayerToggles(layers=list(study.layers), chosen=known)
        layers_shown = chosen or study.layers
        self.kernels_of = ipywidgets.Dropdown(options=layers_shown, description="kernels of", **look)
        self.button = ipywidgets.Button(description="re-train now", button_style="primary")
        self.stop_button = ipywidgets.Button(description="stop", disabled=True)
        self.status, self.progress, self.chart, self.gallery = (ipywidgets.HTML() for _ in range(4))
        self._training: _Training | None = None
        self.panel = self._arrange()
        self._watch()
        self.refresh()

    def _arrange(self) -> ipywidgets.Widget:
        what = [self.case, self.score, self.kernels_of]
        which = [ipywidgets.Label("re-train", layout={"flex": "none"}), self.toggles]
        # where the panel is narrow the lists go on in a second line; the toggles do so by themselves
        rows = [
            ipywidgets.HBox(what, layout={"flex_flow": "row wrap"}),
            ipywidgets.HBox(which),
            ipywidgets.HBox([self.button, self.stop_button]),
        ]
        return ipywidgets.VBox([*rows, self.status, self.progress, self.chart, self.gallery])

    def _watch(self) -> None:
        for control, name in ((self.case, "value"), (self.score, "value"), (self.toggles, "chosen")):
            control.observe(lambda change: self._try(self.refresh), names=name)
        self.kernels_of.observe(lambda change: self._try(self._show_gallery), names="value")
        self.button.on_click(lambda button: self._try(self.start))
        self.stop_button.on_click(lambda button: self._try(self.stop))

    def _try(self, action: Callable[[], None]) -> None:
        """Do what a control asks for, and say what goes wrong: else only the kernel's log would know."""
        try:
            action()
        except Exception as error:
            self.chart.value = self.gallery.value = ""
            self._say(f"This did not work: {one_line(error, longest=1000).removesuffix('.')}.")

    # ---- what is chosen

    @property
    def chosen(self) -> tuple[int, ...]:
        """Return the layers that are switched on."""
        return tuple(sorted(self.toggles.chosen))

    @property
    def label(self) -> str:
        """Return the name of the chosen set in a table of scores: ``"2"`` or ``"2+5"``."""
        return model_name(self.chosen) if self.chosen else ""

    def choose(self, *chosen: int) -> None:
        """Switch exactly these layers on."""
        self._quiet = True
        self.toggles.chosen = [layer for layer in self.study.layers if layer in chosen]
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
        self._enable()
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
            return self._report_unknown()
        name, table = self.score.value, self.table()
        value = float(table[name].sel(model=self.label, seed=SEED))
        none, every = (float(table[name].sel(model=model, seed=SEED)) for model in ("none", "all"))
        return (
            f"Layers {self.label}, seed {SEED}: {self.score.label} {value:.3f}; "
            f"without transfer {none:.3f}, with all layers {every:.3f}."
        )

    def _report_unknown(self) -> str:
        """Say the same of a set that nobody has re-trained."""
        now = self._training
        if now and (now.case, now.label) == (self.case.value, self.label):
            return f"Layers {self.label} are being re-trained; look at others meanwhile, or stop it."
        wait = f"once layers {now.label} are done" if now else f"in about {duration(self._forecast())}"
        return f"Layers {self.label} were not re-trained yet: the button does it {wait}."

    def _forecast(self) -> float:
        """Return the seconds that the chosen set will probably take, with all that it needs."""
        node = self.study.design.score_node(self.case.value, self.chosen, SEED)
        return max(1.0, plan(self.study.store, [node]).total())

    def _say(self, sentence: str) -> None:
        self.status.value = f'<p role="status">{escape(sentence)}</p>'

    # ---- what is done

    def start(self) -> None:
        """Begin to re-train the chosen set as every other, in a process of its own: the kernel stays free.

        What comes of it is said in the panel. Nothing happens while another set is being re-trained.
        """
        if self._training or self.known or not self.chosen:
            return
        case = self.case.value
        aside = Aside(self.study.store, self.study.design.score_node(case, self.chosen, SEED))
        self._training = _Training(case, self.label, aside)
        with contextlib.suppress(RuntimeError):  # without a kernel's event loop `wait` hears
            self._training.loop = asyncio.get_running_loop()
            self._training.loop.add_reader(aside.fileno(), lambda: self._try(self._hear))
        self.progress.value = ""
        self._enable()
        self._say(self._report())

    def stop(self) -> None:
        """Stop re-training; what was finished before it is kept, and the button begins again."""
        if self._training:
            self._training.aside.stop()

    def retrain(self) -> None:
        """Re-train the chosen set and wait for the end, as `start` and `wait` do."""
        self.start()
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is being re-trained; an interrupt stops that as well."""
        try:
            while self._training:
                self._hear()
        except KeyboardInterrupt:
            self.stop()
            self.wait()
            raise

    def _hear(self) -> None:
        """Show what the training says, and at its end what has come of it."""
        if (now := self._training) is None:
            return
        now.aside.hear()
        if now.aside.outcome is None:
            self.progress.value = f"<pre>{escape(now.aside.progress)}</pre>"
            return
        if now.loop:
            now.loop.remove_reader(now.aside.fileno())
        self._training = None
        self.progress.value = _ending(now.label, now.aside.outcome)
        self.refresh()

    def _enable(self) -> None:
        """Let those buttons be pressed that would do something."""
        self.button.disabled = bool(self._training) or self.known or not self.chosen
        self.stop_button.disabled = not self._training


def picture(figure: Any, alt: str) -> str:
    """Return a figure as an HTML image that holds its own data, with alternative text."""
    coded = base64.b64encode(figure._repr_png_()).decode()
    return f'<img alt="{escape(alt)}" style="max-width: 100%" src="data:image/png;base64,{coded}">'


def _ending(label: str, outcome: str) -> str:
    """Return a paragraph that says why a set was not re-trained, nothing if it was."""
    if not outcome:
        return ""
    failed = f"this did not work: {outcome.removesuffix('.')}"
    stopped = "stopped; what was finished before it is kept"
    return f'<p role="status">Layers {label}: {escape(stopped if outcome == STOPPED else failed)}.</p>'
