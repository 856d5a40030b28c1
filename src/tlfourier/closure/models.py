"""Sets of layers: checked, and read from text."""

from __future__ import annotations

from collections.abc import Iterable


def check_layers(layers: object, count: int | None = None) -> tuple[int, ...]:
    """Return the layers sorted, or say in one sentence what is wrong with them.

    Parameters
    ----------
    layers : iterable of int
        Layers counted from one, each once.
    count : int, optional
        Number of layers of the network; None leaves the upper end unchecked.

    Raises
    ------
    ValueError
        No layer, a layer twice, something that is not an integer, or a layer that the network does not have.

    Examples
    --------
    >>> check_layers({5, 2}, count=11)
    (2, 5)
    >>> check_layers({12}, count=11)
    Traceback (most recent call last):
    ValueError: layers={12}: this network has layers 1..11
    """
    there = "from 1 on" if count is None else f"1..{count}"
    if isinstance(layers, str | bytes) or not isinstance(layers, Iterable):
        raise ValueError(
            f"layers={layers!r}: accepted is a set of layer numbers {there}, such as {{2}} or {{2, 5}}"
        )
    named = list(layers)
    written = "{" + ", ".join(map(repr, named)) + "}"
    if not named:
        raise ValueError(f"layers={written}: name at least one layer, this network has layers {there}")
    found = [layer for layer in named if isinstance(layer, int) and not isinstance(layer, bool)]
    if len(found) < len(named):
        raise ValueError(f"layers={written}: layers are integers, this network has layers {there}")
    if len(set(found)) < len(found):
        raise ValueError(f"layers={written}: each layer may be named once, this network has layers {there}")
    if min(found) < 1 or (count is not None and max(found) > count):
        raise ValueError(f"layers={written}: this network has layers {there}")
    return tuple(sorted(found))


def parse_layers(text: str, count: int) -> tuple[int, ...]:
    """Read ``"2"``, ``"2,5"`` or ``"all"`` as layers of a network with ``count`` layers.

    Raises
    ------
    ValueError
        As `check_layers`.
    """
    if text.strip() == "all":
        return tuple(range(1, count + 1))
    parts = [part.strip() for part in text.split(",")]
    return check_layers([int(part) if part.isdecimal() else part for part in parts if part], count)
