"""Choose what to re-train, in a live notebook or in a published page: what is known is shown at once."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from tlfourier.closure.models import BASELINES, layers_of, model_name, of_size
from tlfourier.figures import kernels, ladder, layers
from tlfourier.figures.style import DIVERGING, colour_bytes
from tlfourier.fourier.change import strongest_changes
from tlfourier.io.extras import need
from tlfourier.io.words import one_line
from tlfourier.study import atlas
from tlfourier.study.atlas import SEED
from tlfourier.study.study import Study
from tlfourier.sweep.backends.aside import STOPPED, Aside
from tlfourier.sweep.plan import plan
from tlfourier.sweep.progress import duration

need("book", "anywidget", "ipywidgets")
import anywidget  # noqa: E402
import ipywidgets  # noqa: E402
import traitlets  # noqa: E402

MEAN = -1
"""In the place of a replicate: the mean of all."""
RUNGS = {"gradient": "gradient model"} | ladder.RUNGS
RUNGS |= {"none": "untouched", "random": "random weights", "scales": "scaled kernels"}
RUNGS |= {"scratch_few": "scratch, few", "scratch_all": "scratch, all"}
"""What a reader sees of each rung of the ladder; in the place of "layer" there is every single one."""
UNITS = {"own": "own (papers)", "dimensional": "consistent"}
"""What a reader chooses among for the units in which networks are given the target."""


class _View(anywidget.AnyWidget):
    """What a reader sees: drawn in the browser from ``atlas``, so that it needs no kernel.

    ``own`` are the sets of layers that this kernel knows besides. Under ``offer`` a kernel says of the set
    that is chosen whether it can be re-trained; the rest tells how that goes.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    atlas = traitlets.Dict().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    case = traitlets.Unicode().tag(sync=True)
    scaling = traitlets.Unicode("own").tag(sync=True)
    score = traitlets.Unicode("rmse").tag(sync=True)
    replicate = traitlets.Int(MEAN).tag(sync=True)
    model = traitlets.Unicode().tag(sync=True)
    own = traitlets.Dict().tag(sync=True)
    offer = traitlets.Dict().tag(sync=True)
    training = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Unicode().tag(sync=True)
    ending = traitlets.Unicode().tag(sync=True)


@dataclass
class _Training:
    """A set of layers that is being re-trained, and the event loop that hears of it."""

    key: str
    label: str
    aside: Aside
    loop: asyncio.AbstractEventLoop | None = None


class Chooser:
    """Show scores, fields and kernels of what the reader picks, and re-train layers if nobody has.

    Every method that the panel calls can be called without a browser; ``panel`` is what a notebook displays,
    and ``view``, in it, what is chosen and known.
    It begins with ``case``, the first of the study by default, and the layers ``chosen``. ValueError if the
    case is unknown.
    """

    def __init__(self, study: Study, case: str | None = None, chosen: tuple[int, ...] = (2,)) -> None:
        start = case or study.cases[0]
        study.case(start)
        self.study = study
        self._tables: dict[tuple[str, str], xr.Dataset] = {}
        self._training: _Training | None = None
        known = atlas.gather(study, start)
        self.view = _View(atlas=known, words=_words(), case=start, model=self._named(chosen))
        self.panel = ipywidgets.VBox([self.view])  # hears, as the view does not, that a kernel is gone
        self.view.observe(lambda change: self._try(self.refresh), names=["case", "scaling", "model"])
        self.view.on_msg(self._told)
        self.refresh()

    def _told(self, panel: _View, said: dict[str, Any], buffers: list[Any]) -> None:
        if action := {"start": self.start, "stop": self.stop}.get(said.get("do", "")):
            self._try(action)

    def _try(self, action: Callable[[], None]) -> None:
        """Do what a control asks for, and say what goes wrong: else only the kernel's log would know."""
        try:
            action()
        except Exception as error:
            self.view.ending = f"This did not work: {one_line(error, longest=1000).removesuffix('.')}."

    # ---- what is chosen

    @property
    def chosen(self) -> tuple[int, ...]:
        """Return the layers that are re-trained whole: none for a rung below a layer, or from scratch."""
        return tuple(self.study.layers) if self.label == "all" else layers_of(self.label)

    @property
    def label(self) -> str:
        """Return the name of what is chosen in a table of scores: ``"2"``, ``"2+5"`` or ``"gains"``."""
        return str(self.view.model)

    def choose(self, *chosen: int) -> None:
        """Choose exactly these layers; without any, the untouched network. ValueError for an unknown one."""
        self.show(model=self._named(chosen))

    def show(self, **chosen: Any) -> None:
        """Choose a ``case``, ``scaling``, ``score``, ``replicate`` (or `MEAN`), ``model`` (a rung or layers).

        ValueError for an unknown one, and nothing is chosen.
        """
        seeds = self.study.seeds_of(chosen.get("case", self.view.case))
        known: dict[str, tuple[Any, ...]] = {"replicate": (MEAN, *seeds), "score": tuple(layers.PANELS)}
        known |= {"case": self.study.ladders, "scaling": ladder.LADDERS}
        for name, value in chosen.items():
            if name == "model" and value not in RUNGS:
                chosen["model"] = self._named(layers_of(value))
            elif name != "model" and value not in known.get(name, ()):
                raise ValueError(
                    f"{name}={value!r}: accepted are {', '.join(map(str, known.get(name, known)))}"
                )
        if self.view.replicate not in known["replicate"]:
            chosen.setdefault("replicate", MEAN)
        with self.view.hold_trait_notifications():
            for name, value in chosen.items():
                setattr(self.view, name, value)

    def _named(self, chosen: tuple[int, ...]) -> str:
        if not chosen:
            return "none"
        every = self.study.layers
        return "all" if set(chosen) == set(every) else model_name(chosen, len(every))

    @property
    def known(self) -> bool:
        """Tell whether what is chosen has a score, so that it is shown at once."""
        known = self.view.atlas["cases"][self.view.case]["scores"].get(self.view.scaling, {})
        return self.label in known or self._key in self.view.own

    # ---- what is shown

    def table(self) -> xr.Dataset:
        """Return the scores of the case over (model, seed), with a set of the reader's own if it is known."""
        case, scaling = str(self.view.case), str(self.view.scaling)
        if (case, scaling) not in self._tables:
            self._tables[case, scaling] = atlas.ladder(self.study, case, scaling)
        table = self._tables[case, scaling]
        if self._key not in self.view.own or self.label in table["model"].values:
            return table
        # A set of the reader's own has one seed: the others stay empty, and no error bar is drawn.
        own = self._varied().score(case, self.chosen, SEED)[list(atlas.SCORES)].mean("snapshot")
        row = own.expand_dims(model=[self.label], seed=[SEED])
        return xr.concat([table, row], dim="model", join="outer", combine_attrs="override")

    def figure(self) -> Figure:
        """Draw the score against the re-trained layer, with the chosen set shaded."""
        table = self.table()
        there = [str(name) for name in table["model"].values]
        shown = [*(name for name in BASELINES if name in there), *of_size(there, 1)]
        marked = [self.label] if self.label in there and layers_of(self.label) else []
        return layers.layer_scores(
            table.sel(model=list(dict.fromkeys([*shown, *marked]))), [self.view.score], highlight=marked
        )

    def kernels(self, layer: int | None = None) -> Figure:
        """Draw the kernels of one re-trained layer that changed most, the first chosen one by default.

        ValueError if it is not among those that are chosen.
        """
        number = self.chosen[0] if layer is None and self.chosen else layer
        if number not in self.chosen:
            raise ValueError(f"layer={layer}: re-trained are {', '.join(map(str, self.chosen)) or 'none'}")
        varied, case = self._varied(), str(self.view.case)
        before = varied.base(case, SEED).layer(number).weight
        after = varied.transferred(case, self.chosen, SEED).layer(number).weight
        return kernels.changed_kernels(*strongest_changes(before, after, atlas.KERNELS))

    def refresh(self) -> None:
        """Look for what is chosen in the store, and say whether it can be re-trained."""
        if not self.known and layers_of(self.label):
            found = atlas.own(self.study, str(self.view.case), str(self.view.scaling), self.chosen)
            if found:
                self.view.own = {**self.view.own, self._key: found}
        self.view.offer = self._offer()

    def _offer(self) -> dict[str, Any]:
        """Say in a sentence what the button would do for a set that nobody has re-trained."""
        if self.known or not layers_of(self.label):
            return {}
        now = self._training
        if now and now.key == self._key:
            text = "It is being re-trained; look at others meanwhile, or stop it."
        else:
            wait = f"once layers {now.label} are done" if now else f"in about {duration(self._forecast())}"
            text = f"The button does it {wait}."
        return {"key": self._key, "text": text, "able": now is None}

    def _forecast(self) -> float:
        """Return the seconds that the chosen set will probably take, with all that it needs."""
        study = self._varied()
        node = study.design.score_node(str(self.view.case), self.chosen, SEED)
        return max(1.0, plan(study.store, [node]).total())

    @property
    def _key(self) -> str:
        return f"{self.view.case}|{self.view.scaling}|{self.label}"

    def _varied(self) -> Study:
        return self.study.vary({"transfer.scaling": str(self.view.scaling)})

    # ---- what is done

    def start(self) -> None:
        """Begin to re-train the chosen set as every other, in a process of its own: the kernel stays free.

        What comes of it is said in the panel. Nothing happens while another set is being re-trained.
        """
        if self._training or self.known or not self.chosen:
            return
        study = self._varied()
        aside = Aside(study.store, study.design.score_node(str(self.view.case), self.chosen, SEED))
        self._training = _Training(self._key, self.label, aside)
        with contextlib.suppress(RuntimeError):  # without a kernel's event loop `wait` hears
            self._training.loop = asyncio.get_running_loop()
            self._training.loop.add_reader(aside.fileno(), lambda: self._try(self._hear))
        self.view.training, self.view.progress, self.view.ending = self.label, "", ""
        self.refresh()

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
            self.view.progress = now.aside.progress
            return
        if now.loop:
            now.loop.remove_reader(now.aside.fileno())
        self._training = None
        self.view.training, self.view.progress = "", ""
        self.view.ending = _ending(now.label, now.aside.outcome)
        self.refresh()


def _words() -> dict[str, Any]:
    """Return what the panel calls things, and its two maps of colours as bytes in base64."""
    better = {name: {"label": label, "better": way} for name, (label, way, _) in layers.PANELS.items()}
    return {
        "rungs": [[name, text, ladder.PHRASES.get(name, text.capitalize())] for name, text in RUNGS.items()],
        "scores": better,
        "units": UNITS,
        "scalings": {name: ladder.UNITS[name][2] for name in ladder.LADDERS},
        "colours": [colour_bytes(name) for name in (DIVERGING, "cividis")],
    }


def _ending(label: str, outcome: str) -> str:
    """Return a sentence that says why a set was not re-trained, nothing if it was."""
    if not outcome:
        return ""
    failed = f"this did not work: {outcome.removesuffix('.')}"
    return (
        f"Layers {label}: {'stopped; what was finished before it is kept' if outcome == STOPPED else failed}."
    )
