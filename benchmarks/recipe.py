"""Our training against the published recipe: Keras, the full graph, float32, Adam on the mean squared error.

The recipe (Subel et al., doi:10.1093/pnasnexus/pgad015) pads with zeros; everything else is the same network,
data and number of steps. It re-trains a layer either through the full graph, as all of them, or with
``trainable = False`` for the others, for which TensorFlow leaves out what no gradient needs. Ours is in
bfloat16 with the prefix cached. Gradient steps only, on both sides: no look at the validation samples.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from benchmarks.network import Action, Job, training_step
from benchmarks.report import Goal, Row, Section
from benchmarks.timing import Times, compare
from benchmarks.training import SAMPLES, transferring
from tlfourier.flow.malloc import kept_memory

FEW, MANY = 10, 30
FASTER = 4.0
_KINDS = ("fastest", "median", "processor")


def measure(quick: bool = False) -> Section:
    """Compare milliseconds per step: base training, and the transfer of single layers."""
    job = Job(4, 16) if quick else Job()
    layers = (2,) if quick else tuple(range(1, 12))
    try:
        recipe = Recipe(job)
    except ModuleNotFoundError as error:
        skipped = [f"the published recipe ({error}; install the extra 'recipe')"]
        return Section("recipe", "the published recipe", [], skipped=skipped)
    actions: dict[str, Action] = {"base, recipe": recipe.step(None), "base, ours": training_step(job)}
    for layer in layers:
        actions[f"{layer}, recipe"] = recipe.step(layer)
        for steps in (FEW, MANY):
            actions[f"{layer}, {steps}"] = transferring(job, job.network(), (layer,), steps, looks=1)
    with kept_memory():
        times = compare(actions, rounds=1 if quick else 4, warm_up=1)
    full = times["base, recipe"]
    rows = [_row("base training", full, full, times["base, ours"])]
    for layer in layers:
        ours = _slope(times[f"{layer}, {FEW}"], times[f"{layer}, {MANY}"])
        rows.append(_row(f"transfer of layer {layer}", full, times[f"{layer}, recipe"], ours))
    total = _total(rows[1:])
    what = "sweep over 11 layers: the published recipe's time (full graph) over ours"
    goals = [] if quick else [Goal(what, float(total["full_over_ours"] or 0), FASTER, "at least")]
    title = f"milliseconds per gradient step, {job.channels} channels, {job.size}², batch {job.batch}"
    settings = {
        "threads": torch.get_num_threads(),
        "samples": SAMPLES,
        "ours": job.precision,
        "recipe": "float32",
        **recipe.versions,
    }
    return Section("recipe", title, [*rows, total], goals, settings=settings)


class Recipe:
    """The published recipe on noise of a job's shape, one Keras network for each layer to re-train.

    Raises
    ------
    ModuleNotFoundError
        TensorFlow or Keras is not installed.
    """

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(torch.get_num_threads())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        import keras

        self.keras, self.job = keras, job
        self.versions = {"tensorflow": tensorflow.__version__, "keras": keras.__version__}
        inputs, outputs = job.samples(SAMPLES)
        self.inputs, self.outputs = (
            np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy()) for x in (inputs, outputs)
        )

    def network(self, layer: int | None) -> Any:
        """Return the compiled network with one layer, or with all of them, trainable."""
        layers = self.keras.layers
        network = self.keras.Sequential([self.keras.Input((self.job.size, self.job.size, 2))])
        for number in range(1, 12):
            last = number == 11
            network.add(
                layers.Conv2D(
                    1 if last else self.job.channels,
                    5,
                    padding="same",
                    activation=None if last else "relu",
                    trainable=layer in (None, number),
                )
            )
        network.compile(self.keras.optimizers.Adam(5e-5), loss="mse")
        return network

    def step(self, layer: int | None) -> Action:
        """Return one gradient step; its data are tensors already, ``fit`` would only add waiting."""
        import tensorflow

        network, size = self.network(layer), self.job.batch
        given, wanted = tensorflow.constant(self.inputs[:size]), tensorflow.constant(self.outputs[:size])
        return lambda: network.train_on_batch(given, wanted)


def _slope(short: Times, long: Times) -> Times:
    """Return the time of a step: what a transfer costs once is not a step's."""
    return Times(*((getattr(long, kind) - getattr(short, kind)) / (MANY - FEW) for kind in _KINDS))


def _row(work: str, full: Times, frozen: Times, ours: Times) -> Row:
    """Return milliseconds per step of the median turns."""
    values = (1e3 * full.median, 1e3 * frozen.median, 1e3 * ours.median)
    return _ratios(work, *values)


def _total(rows: list[Row]) -> Row:
    full, frozen, ours = (sum(float(row[name] or 0) for row in rows) for name in ("full", "frozen", "ours"))
    return _ratios("sweep over these layers", full, frozen, ours)


def _ratios(work: str, full: float, frozen: float, ours: float) -> Row:
    return {
        "work": work,
        "full": full,
        "frozen": frozen,
        "ours": ours,
        "full_over_ours": full / ours,
        "frozen_over_ours": frozen / ours,
    }
