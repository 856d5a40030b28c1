"""What every number of a study may be: refused before anything is simulated, never after hours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

BIG = 10**12
# One line a setting: least, largest. The bounds are those of meaning (a viscosity is positive) or of what is
# beyond any use, not of taste: a study within them may still be refused by the grid, filter or forcing.
RANGES: dict[str, tuple[float, float]] = {
    "flows.*.reynolds": (1e-6, 1e15),
    "flows.*.forcing_wavenumber": (0, BIG),
    "flows.*.drag": (0.0, 1e6),
    "flows.*.beta": (-1e6, 1e6),
    "flows.*.seed": (0, 2**63 - 1),
    "flows.*.runs": (1, BIG),
    "flows.*.spin_up": (0.0, 1e9),
    "cases.*.seeds": (1, 1000),
    "simulation.size": (8, BIG),
    "simulation.cfl": (1e-3, 10.0),
    "simulation.spin_up": (0.0, 1e9),
    "simulation.interval": (1e-6, 1e9),
    "filter.size": (8, BIG),
    "filter.width": (1e-6, 1e6),
    "split.train": (1, BIG),
    "split.validation": (1, BIG),
    "split.test": (1, BIG),
    "split.gap": (1, BIG),
    "network.layers": (2, 99),
    "network.channels": (1, BIG),
    "network.kernel_size": (1, 999),
    "network.inputs": (1, BIG),
    "network.outputs": (1, BIG),
    "training.samples": (1, BIG),
    "training.epochs": (1, BIG),
    "training.batch_size": (1, BIG),
    "training.learning_rate": (1e-12, 1e3),
    "training.seed": (0, 2**63 - 1),
    "transfer.samples": (1, BIG),
    "transfer.steps": (1, BIG),
    "transfer.batch_size": (1, BIG),
    "transfer.learning_rate": (1e-12, 1e3),
    "transfer.scratch_steps": (1, BIG),
    "seeds": (1, 1000),
    "reversed_seeds": (1, 1000),
    "pair_seeds": (1, 1000),
    "curve_seeds": (1, 1000),
    "variant_seeds": (1, 1000),
}
MEMORY = 2**40  # bytes: a terabyte, more than a machine or an accelerator of today gives to one run
DISK = 10**15  # bytes: a petabyte
STOPS = 10**7


def numbers(spec: Any, where: str = "") -> Iterator[tuple[str, str, float]]:
    """Yield every number of a study: its place in `RANGES`, its full name and its value."""
    named = spec if isinstance(spec, dict) else {f.name: getattr(spec, f.name) for f in fields(spec)}
    for key, value in named.items():
        if is_dataclass(value) or isinstance(value, dict):
            yield from numbers(value, f"{where}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            name = f"{where}{key}"
            parts = name.split(".")
            yield f"{parts[0]}.*.{parts[-1]}" if parts[0] in ("flows", "cases") else name, name, value


def check_numbers(spec: Any) -> None:
    """Raise ValueError for the first number of a study that is not finite or out of its range."""
    for place, name, value in numbers(spec):
        low, high = RANGES[place]
        if not low <= value <= high:  # false for NaN as well
            raise ValueError(f"{name}={show(value)}: accepted are numbers from {low:g} to {high:g}")


def check_sizes(spec: Any) -> None:
    """Raise ValueError when a study needs more memory, disk or stops than there is anywhere.

    The estimates are lower bounds: what the stage cannot do without, so that nothing possible is refused.
    """
    fine, coarse, split = spec.simulation.size, spec.filter.size, spec.split
    item = 8 if spec.simulation.dtype == "float64" else 4
    for names, bytes_needed, limit in (
        # state, four stages of the stepper, four transforms
        (f"simulation.size={fine}", 9 * fine**2 * item, MEMORY),
        (f"split of {split.total} snapshots of filter.size={coarse}", 12 * split.total * coarse**2, MEMORY),
        (f"split of {split.total} snapshots of simulation.size={fine}", 4 * split.total * fine**2, DISK),
        (_network_name(spec), 16 * _weights(spec.network), MEMORY),
        (_batch_name(spec), _activations(spec, coarse), MEMORY),
    ):
        if bytes_needed > limit:
            raise ValueError(
                f"{names} needs at least {_size(bytes_needed)}: at most {_size(limit)} is accepted, more "
                "than any machine gives to one run"
            )
    stops = split.total + spec.simulation.spin_up / spec.simulation.interval
    if stops > STOPS:
        raise ValueError(
            f"simulation.spin_up={spec.simulation.spin_up:g} in steps of "
            f"simulation.interval={spec.simulation.interval:g}, and {split.total} snapshots: at most {STOPS} "
            "looks at a flow are accepted"
        )


def _network_name(spec: Any) -> str:
    network = spec.network
    return f"network.channels={network.channels} (inputs {network.inputs}, outputs {network.outputs})"


def _batch_name(spec: Any) -> str:
    largest = max(spec.training.batch_size, spec.transfer.batch_size)
    return f"a batch of {largest} samples through network.channels={spec.network.channels}"


def _weights(network: Any) -> int:
    """Count the weights; each has its gradient and two moments beside it."""
    inner = (network.layers - 2) * network.channels**2
    return int(network.kernel_size**2 * (inner + network.channels * (network.inputs + network.outputs)))


def _activations(spec: Any, size: int) -> int:
    """Return the bytes that a batch leaves for its gradient: float32, one field a channel and layer."""
    training, transfer = spec.training, spec.transfer
    # A batch is never more than the samples.
    batch = max(min(one.batch_size, one.samples) for one in (training, transfer))
    return int(4 * batch * size**2 * spec.network.channels * (spec.network.layers - 1))


def _size(count: int) -> str:
    """Return a number of bytes for reading."""
    power = min(int(math.log10(max(count, 1)) // 3), 8)
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB')[power]}"


def show(value: object) -> str:
    """Return a value as a person typed it, cut when it is long; nothing that it holds can fail."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # integers of thousands of digits, tables within tables
        text = f"<{type(value).__name__} too long to show>"
    return text if len(text) <= 60 else text[:57] + "..."
