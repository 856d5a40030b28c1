"""What every number of a study may be: refused before anything is simulated, never after hours."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

BIG = 10**12
# One line a setting: least, largest. The bounds are those of meaning (a viscosity is positive) or of what is
# beyond any use, not of taste: a study within them may still be refused by the grid, filter or forcing, or be
# too large for a machine.
RANGES: dict[str, tuple[float, float]] = {
    "flows.*.reynolds": (1e-6, 1e15),
    "flows.*.forcing_wavenumber": (0, BIG),
    "flows.*.drag": (0.0, 1e6),
    "flows.*.beta": (-1e6, 1e6),
    "flows.*.seed": (0, 2**63 - 1),
    "flows.*.runs": (1, BIG),
    "flows.*.spin_up": (0.0, 1e9),
    "cases.*.seeds": (1, 1000),
    "simulation.size": (8, 10**6),
    "simulation.cfl": (1e-3, 10.0),
    "simulation.spin_up": (0.0, 1e9),
    "simulation.interval": (1e-6, 1e9),
    "filter.size": (8, 10**6),
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


def show(value: object) -> str:
    """Return a value as a person typed it, cut when it is long; nothing that it holds can fail."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # integers of thousands of digits, tables within tables
        text = f"<{type(value).__name__} too long to show>"
    return text if len(text) <= 60 else text[:57] + "..."
