"""Measure what a gradient step costs and what caching saves: ``python -m benchmarks.training``.

Prints two tables and writes them to ``build/bench/training.json``. The contestants take turns, so that a busy
machine is as busy for each of them; beside the time on the clock stands the processor time over all threads,
which other processes disturb less. Sizes are those of the laptop profile: 16 channels, 64 x 64 points and
batches of 8.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlfourier.closure.network import Network, NetworkSpec, layer_name
from tlfourier.closure.transfer import TransferSpec, transfer

OUTPUT = Path("build/bench/training.json")
CHANNELS, SIZE, BATCH = 16, 64, 8
SAMPLES, STEPS = 40, 300
"""Of the laptop profile's transfer."""

Times = dict[str, float]


def main() -> int:
    """Run both comparisons."""
    steps, moves = training_steps(rounds=5), transfers(rounds=2)
    report = {"threads": torch.get_num_threads(), "milliseconds_per_sample": steps, "transfer_seconds": moves}
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(report, indent=2) + "\n")
    print(table(steps, "training, ms per sample"))
    print(table(moves, f"transfer of {STEPS} steps, seconds"))
    return 0


def training_steps(rounds: int) -> dict[str, Times]:
    """Return the milliseconds per sample of a whole step for every padding and precision."""
    paddings = {"circular, ours": ours("circular"), "circular, PyTorch's": pytorchs(), "zeros": ours("zeros")}
    actions = {
        f"{name}, {precision}": stepping(network, precision == "bfloat16")
        for precision in ("float32", "bfloat16")
        for name, network in paddings.items()
    }
    return {
        name: {kind: 1e3 * seconds / BATCH for kind, seconds in times.items()}
        for name, times in compare(actions, rounds).items()
    }


def ours(padding: str) -> Network:
    """Return the network of the laptop profile."""
    return Network(NetworkSpec(channels=CHANNELS, padding=padding))


def pytorchs() -> Network:
    """Return the same network with PyTorch's own circular padding."""
    network = ours("circular")
    for number, name in enumerate(network.layer_names(), start=1):
        old = network.layer(number)
        new = nn.Conv2d(old.in_channels, old.out_channels, 5, padding=2, padding_mode="circular")
        setattr(network, name, new)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def stepping(network: Network, rounded: bool) -> Callable[[], None]:
    """Return a step of Adam on one batch."""
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    inputs, outputs = samples(BATCH)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            prediction = network(inputs)
        adam.zero_grad()
        functional.mse_loss(prediction.float(), outputs).backward()
        adam.step()

    return step


def transfers(rounds: int) -> dict[str, Times]:
    """Return the seconds that a transfer of 300 steps takes, from its fixed part and its steps."""
    network = ours("circular")
    everything = tuple(range(1, network.spec.layers + 1))
    few, many = 2, 6
    actions, names = {}, []
    for layers in ((1,), (2,), (6,), (11,), everything):
        for cache_bytes in (2**31, 0) if layers[0] > 1 else (0,):
            name = "all layers" if layers == everything else layer_name(layers[0])
            names.append(
                f"{name}, cached" if cache_bytes else f"{name}, recomputed" if layers[0] > 1 else name
            )
            for steps in (few, many):
                actions[f"{names[-1]}|{steps}"] = transferring(network, layers, steps, cache_bytes)
    times = compare(actions, rounds)
    result = {}
    for name in names:
        short, long = times[f"{name}|{few}"], times[f"{name}|{many}"]
        slope = {kind: (long[kind] - short[kind]) / (many - few) for kind in short}
        result[name] = {kind: short[kind] + (STEPS - few) * slope[kind] for kind in short}
    return result


def transferring(
    network: Network, layers: tuple[int, ...], steps: int, cache_bytes: int
) -> Callable[[], None]:
    """Return a transfer of a few steps."""
    spec = TransferSpec(layers, steps, batch_size=BATCH, learning_rate=3e-4, precision="bfloat16")
    given, looking = samples(SAMPLES), samples(BATCH)

    def run() -> None:
        transfer(network, *given, looking, spec, progress=False, cache_bytes=cache_bytes)

    return run


def samples(count: int) -> tuple[Tensor, Tensor]:
    """Return noise: what a step costs does not depend on what it learns."""
    inputs = torch.randn(count, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return inputs, inputs[:, :1] * inputs[:, 1:]


def compare(actions: dict[str, Callable[[], None]], rounds: int) -> dict[str, Times]:
    """Time every action in turn, the first turn thrown away; seconds, clock and processor."""
    clock: dict[str, list[float]] = {name: [] for name in actions}
    processor: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 1):
        for name, action in actions.items():
            before = time.perf_counter(), time.process_time()
            action()
            if turn > 0:
                clock[name].append(time.perf_counter() - before[0])
                processor[name].append(time.process_time() - before[1])
    return {
        name: {"fastest": min(clock[name]), "processor": statistics.median(processor[name])}
        for name in actions
    }


def table(rows: dict[str, Times], title: str) -> str:
    """Lay out the times as text."""
    lines = [f"{title:<34}{'fastest':>10}{'processor':>11}"]
    lines += [f"{name:<34}{row['fastest']:>10.2f}{row['processor']:>11.2f}" for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
