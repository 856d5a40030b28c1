"""What every number of a study may be: refused before anything is simulated, never after hours."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

BIG = 10**12
# Bounds of meaning (a viscosity is positive) or beyond any use, not of taste: a study within them may be
# refused by the grid, filter or forcing, or be too large for a machine.
_SETTINGS: dict[tuple[float, float], str] = {
    (1e-6, 1e15): "flows.*.reynolds",
    (0, BIG): "flows.*.forcing_wavenumber",
    (0.0, 1e6): "flows.*.drag simulation.damping",
    (1e-6, 1e12): "flows.*.deformation_radius simulation.side simulation.step",
    (1e-6, 1e6): "flows.*.thickness_ratio filter.width flows.*.filter_width",
    (-1e6, 1e6): "flows.*.beta",
    (0, 2**63 - 1): "flows.*.seed training.seed",
    (1, BIG): (
        "flows.*.runs split.train split.validation split.test split.gap network.channels network.inputs "
        "network.outputs training.samples training.epochs training.batch_size transfer.samples "
        "transfer.steps transfer.batch_size transfer.scratch_steps transfer.looks scored"
    ),
    (0.0, 1e9): "flows.*.spin_up simulation.spin_up simulation.early online.spin_up online.duration",
    (0, 1000): "cases.*.seeds variant_seeds",
    (
        1,
        1000,
    ): "online.members online.seeds realisations seeds reversed_seeds inside_seeds pair_seeds curve_seeds",
    (8, 10**6): "simulation.size simulation.early_size filter.size",
    (1e-3, 10.0): "simulation.cfl online.cfl",
    (1e-6, 1e9): "simulation.interval online.interval",
    (2, 99): "network.layers",
    (1, 999): "network.kernel_size",
    (1e-12, 1e3): "training.learning_rate transfer.learning_rate",
}
RANGES = {name: limits for limits, names in _SETTINGS.items() for name in names.split()}


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
