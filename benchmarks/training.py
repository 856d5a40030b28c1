"""What a step costs beside its convolutions, and a sweep over all layers beside full trainings.

The contestants take turns. The limit is the rate at which this machine computes the same convolutions and
nothing else, in the better of two memory layouts.
"""

from dataclasses import asdict

import torch

from benchmarks.network import Action, Job, convolutions, training_step
from benchmarks.report import Goal, Row, Section
from benchmarks.timing import Times, compare
from tlfourier.closure.network import Network
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.flow.malloc import kept_memory

PRECISIONS = ("float32", "bfloat16")
SAMPLES, VALIDATION, STEPS, LOOKS = 36, 30, 300, 30
"""Of the laptop profile's transfer: a look at the validation samples every ten steps."""
SHARE, SWEEP = 0.6, 0.55
"""Of the convolutions' rate that a step reaches, at least; of full trainings that a sweep costs, at most."""


def measure(quick: bool = False) -> Section:
    """Compare steps with the machine's convolutions, and a sweep of transfers with full trainings."""
    size = 16 if quick else 64
    rows: list[Row] = []
    goals: list[Goal] = []
    with kept_memory():
        for channels in (4,) if quick else (16, 32, 64):
            for precision in PRECISIONS:
                part, goal = _steps(Job(channels, size, 8, precision), 2 if quick else 6)
                rows += part
                goals += [goal] if (channels, precision) in ((16, "bfloat16"), (64, "bfloat16")) else []
        part, ratio = _sweep(Job(4 if quick else 16, size), 1 if quick else 3)
    goals += [] if quick else [Goal("sweep over 11 layers: time over eleven full trainings", ratio, SWEEP)]
    settings = {
        "threads": torch.get_num_threads(),
        "job": asdict(Job(size=size)),
        "transfer": {"samples": SAMPLES, "validation": VALIDATION, "steps": STEPS, "looks": LOOKS},
    }
    title = "training: 11 layers of 5 x 5, batch 8, milliseconds; share of the convolutions' rate"
    return Section("training", title, rows + part, goals, settings=settings)


def _steps(job: Job, rounds: int) -> tuple[list[Row], Goal]:
    """Time a step and its convolutions alone."""
    names = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}
    actions = {f"convolutions, {name}": convolutions(job, layout) for name, layout in names.items()}
    times = compare({**actions, "training step": training_step(job)}, rounds)
    limit = min(times[name].median for name in actions)
    rows = [_row(name, job, one, limit / one.median) for name, one in times.items()]
    what = f"training step, {job.channels} channels, {job.precision}: share of the convolutions' rate"
    return rows, Goal(what, limit / times["training step"].median, SHARE, "at least")


def _row(name: str, job: Job, times: Times, share: float | None, rate: bool = True) -> Row:
    return {
        "contestant": name,
        "channels": job.channels,
        "precision": job.precision,
        "fastest": 1e3 * times.fastest,
        "median": 1e3 * times.median,
        "processor": 1e3 * times.processor,
        "gflop_per_s": job.flops() / times.median / 1e9 if rate else None,
        "share": share,
    }


def _sweep(job: Job, rounds: int) -> tuple[list[Row], float]:
    """Return the times of 300 steps of every layer, and the sum over eleven trainings of all layers.

    Reading, caching and the looks at the validation samples are included; the naive sweep goes forward and
    backward through all layers, whichever is updated.
    """
    network = job.network()
    everything = tuple(range(1, network.spec.layers + 1))
    sets = {f"transfer of layer {layer}": (layer,) for layer in everything} | {"all layers": everything}
    few, many = 10, 30
    actions = {
        f"{name}|{steps}": transferring(job, network, layers, steps)
        for name, layers in sets.items()
        for steps in (few, many)
    }
    measured = compare(actions, rounds, warm_up=1)
    times = {
        name: _extrapolated(measured[f"{name}|{few}"], measured[f"{name}|{many}"], few, many) for name in sets
    }
    full = times.pop("all layers")
    total = Times(
        *(sum(getattr(one, kind) for one in times.values()) for kind in ("fastest", "median", "processor"))
    )
    naive = Times(*(len(times) * getattr(full, kind) for kind in ("fastest", "median", "processor")))
    shown = {**times, "sweep over all layers, one by one": total, "as many full trainings": naive}
    return [
        _row(name, job, one, None, rate=False) for name, one in shown.items()
    ], total.median / naive.median


def transferring(
    job: Job, network: Network, layers: tuple[int, ...], steps: int, looks: int | None = None
) -> Action:
    """Return a transfer of a few steps, by default with a look every ten steps as in 300."""
    spec = TransferSpec(layers, steps, batch_size=job.batch, learning_rate=1e-3, precision=job.precision)
    given, looking = job.samples(SAMPLES), job.samples(VALIDATION)
    looks = looks or max(1, steps * LOOKS // STEPS)
    return lambda: transfer(network, *given, looking, spec, progress=False, looks=looks)


def _extrapolated(short: Times, long: Times, few: int, many: int) -> Times:
    """Return the time of all steps from a fixed part and equal steps."""

    def at_end(kind: str) -> float:
        first, last = getattr(short, kind), getattr(long, kind)
        return float(first + (STEPS - few) * (last - first) / (many - few))

    return Times(at_end("fastest"), at_end("median"), at_end("processor"))
