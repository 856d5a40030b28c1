"""Our training against the published recipe: Keras, the full graph, float32, Adam on the mean squared error.

The recipe (Subel et al., doi:10.1093/pnasnexus/pgad015) pads with zeros and freezes layers by
``trainable = False``; everything else is the same network, data and number of steps. Ours is in bfloat16 with
the prefix cached and includes its looks at the validation samples, the recipe's does not.
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
from tlfourier.closure.heap import kept_memory

EPOCH = -(-SAMPLES // 8)
"""Steps in one epoch of the transfer's samples."""
FASTER = 4.0


def measure(quick: bool = False) -> Section:
    """Compare seconds per step: base training, and the transfer of single layers."""
    job = Job(4, 16) if quick else Job()
    layers = (2,) if quick else tuple(range(1, 12))
    try:
        recipe = Recipe(job)
    except ModuleNotFoundError as error:
        skipped = [f"the published recipe ({error}; install the extra 'recipe')"]
        return Section("recipe", "the published recipe", [], skipped=skipped)
    actions: dict[str, Action] = {
        "base, recipe": recipe.epoch(None),
        "base, ours": _steps(training_step(job, SAMPLES), EPOCH),
    }
    for layer in layers:
        actions[f"layer {layer}, recipe"] = recipe.epoch(layer)
        for epochs in (2, 6):
            move = transferring(job, job.network(), (layer,), epochs * EPOCH)
            actions[f"layer {layer}, ours, {epochs}"] = move
    with kept_memory():
        times = compare(actions, rounds=1 if quick else 4, warm_up=1)
    rows = [_row("base training", times["base, recipe"], times["base, ours"])]
    for layer in layers:
        ours = _slope(times[f"layer {layer}, ours, 2"], times[f"layer {layer}, ours, 6"])
        rows.append(_row(f"transfer of layer {layer}", times[f"layer {layer}, recipe"], ours))
    sums = [sum(float(row[name] or 0) for row in rows[1:]) for name in ("recipe", "ours")]
    rows.append(
        {"work": "sweep over these layers", "recipe": sums[0], "ours": sums[1], "faster": sums[0] / sums[1]}
    )
    goals = (
        []
        if quick
        else [
            Goal(
                "sweep over 11 layers: the published recipe's time over ours",
                sums[0] / sums[1],
                FASTER,
                "at least",
            )
        ]
    )
    title = f"milliseconds per step, {job.channels} channels, {job.size}², batch {job.batch}"
    settings = {
        "threads": torch.get_num_threads(),
        "samples": SAMPLES,
        "ours": job.precision,
        "recipe": "float32",
    }
    return Section("recipe", title, rows, goals, settings=settings | recipe.versions)


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

    def epoch(self, layer: int | None) -> Action:
        """Return one epoch of training."""
        network = self.network(layer)
        return lambda: network.fit(self.inputs, self.outputs, batch_size=self.job.batch, epochs=1, verbose=0)


def _steps(step: Action, count: int) -> Action:
    def run() -> None:
        for _ in range(count):
            step()

    return run


def _slope(short: Times, long: Times) -> Times:
    """Return the time of one epoch from two and six: what a transfer costs once is not a step's."""
    return Times(
        *((getattr(long, kind) - getattr(short, kind)) / 4 for kind in ("fastest", "median", "processor"))
    )


def _row(work: str, recipe: Times, ours: Times) -> Row:
    """Return milliseconds per step; the fastest turns, which other processes disturb least."""
    theirs, mine = 1e3 * recipe.fastest / EPOCH, 1e3 * ours.fastest / EPOCH
    return {"work": work, "recipe": theirs, "ours": mine, "faster": theirs / mine}
