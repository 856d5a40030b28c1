"""Does lower precision cost skill? The same small networks trained in both precisions, over several seeds.

The unit is the training seed: a difference that another seed makes as well is no difference.
"""

import statistics
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.empty import empty_study
from benchmarks.report import Goal, Row, Section
from tlfourier.closure.network import Network, predict
from tlfourier.closure.training import TrainingSpec, train
from tlfourier.study import settings
from tlfourier.study.study import Study

FLOW = "small_scale"
SIZES = {"split.train": 96, "split.validation": 16, "split.test": 32, "training.samples": 96}
EPOCHS = 25


def measure(quick: bool = False) -> Section:
    """Return the relative error on the test block for every seed in both precisions, and the difference."""
    seeds = range(2 if quick else 8)
    overrides = {} if quick else SIZES
    epochs = 2 if quick else EPOCHS
    with tempfile.TemporaryDirectory() as folder:
        study = empty_study(settings.load("smoke", overrides), Path(folder))
        blocks = {name: study.tensors(FLOW, name) for name in ("train", "validation", "test")}
    rows: list[Row] = []
    for seed in seeds:
        full, half = (_error(study, blocks, precision, seed, epochs) for precision in ("float32", "bfloat16"))
        rows.append(
            {
                "seed": f"seed {seed}",
                "error_float32": full,
                "error_bfloat16": half,
                "difference": half - full,
            }
        )
    differences = [float(row["difference"] or 0) for row in rows]
    spread = statistics.stdev(float(row["error_float32"] or 0) for row in rows)
    rows += [_summary("mean", rows, statistics.fmean), _summary("standard deviation", rows, statistics.stdev)]
    what = "bfloat16 against float32: mean difference of the error over its standard deviation over seeds"
    goals = [] if quick else [Goal(what, abs(statistics.fmean(differences)) / spread, 1.0)]
    about = {"flow": FLOW, "profile": "smoke", "overrides": overrides, "epochs": epochs}
    title = "relative error of Π on the test block by training seed and precision"
    return Section("skill", title, rows, goals, settings=about)


def _summary(name: str, rows: list[Row], of: object) -> Row:
    columns = ("error_float32", "error_bfloat16", "difference")
    assert callable(of)
    return {"seed": name, **{column: of([float(row[column] or 0) for row in rows]) for column in columns}}


def _error(
    study: Study, blocks: dict[str, tuple[Tensor, Tensor]], precision: str, seed: int, epochs: int
) -> float:
    """Train one network and return ``norm(P - T) / norm(T)`` on the test block."""
    network = Network(study.spec.network, seed=seed)
    samples = len(blocks["train"][0])
    spec = TrainingSpec(samples, epochs, 8, 3e-3, "one-cycle", precision, seed=seed)
    train(network, *blocks["train"], blocks["validation"], spec, progress=False)
    inputs, truth = blocks["test"]
    return (torch.linalg.norm(predict(network, inputs) - truth) / torch.linalg.norm(truth)).item()
