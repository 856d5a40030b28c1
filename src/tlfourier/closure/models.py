"""The one vocabulary of models: baselines by their names, re-trained layers as ``"2"`` or ``"2+5"``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, TypeAlias

from tlfourier.closure.network import NetworkSpec
from tlfourier.closure.scalings import SCALINGS
from tlfourier.doors import door
from tlfourier.limits import Range

BASELINES = ("none", "gain", "all", "scratch_few", "scratch_all")
"""What stands beside every transfer: nothing, one output factor, all layers, two networks from nothing."""
RUNGS = ("gradient", "gains", "biases", "solved")
"""Beside these, for the ladder: the gradient model, not trained; a factor for each input and output; all
biases; the last layer by least squares. `rung` knows further names, with a number behind. A scaling's name is
the untouched network that is given the target in these units, see `tlfourier.closure.scalings`."""
NAMED_SETS = ("singles", "pairs", "prefixes", "suffixes", "all")

Layers: TypeAlias = tuple[int, ...]
Model: TypeAlias = str | Iterable[int]
"""A name, as tables have it, or the layers that are re-trained."""


@door
def check_layers(layers: object, count: int | None = None) -> Layers:
    """Return the layers sorted, or say in one sentence what is wrong with them.

    Layers are counted from one, each once; ``count`` is the number of layers of the network, None leaves the
    upper end unchecked. Raises ValueError for no layer, a layer twice, something that is not an integer, or a
    layer that the network does not have.

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
        raise ValueError(f"layers={layers!r}: accepted is a set of layer numbers {there}, such as {{2, 5}}")
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


@door
def parse_layers(text: str, count: Annotated[int, Range(1, 10**6)]) -> Layers:
    """Read ``"2"``, ``"2,5"``, ``"2+5"`` or ``"all"`` as layers of a network with ``count`` layers.

    Raises ValueError as `check_layers`.
    """
    if text.strip() == "all":
        return tuple(range(1, count + 1))
    parts = [part.strip() for part in text.replace("+", ",").split(",")]
    return check_layers([int(part) if part.isdecimal() else part for part in parts if part], count)


@door
def model_name(model: Model, count: int | None = None) -> str:
    """Return how tables call a model: a baseline's name, ``"gains"``, ``"2"``, ``"2+5"``.

    ``model`` is a name, or a set of layers counted from one, ``count`` as in `check_layers`. Raises
    ValueError for a name that is none of these, or as `check_layers`.
    """
    if not isinstance(model, str):
        return "+".join(map(str, check_layers(model, count)))
    if model in (*BASELINES, *RUNGS, *SCALINGS) or _NUMBERED.fullmatch(model):
        return model
    if not layers_of(model):
        known = ", ".join((*BASELINES, *RUNGS, *SCALINGS, "scales 2", "random 0"))
        raise ValueError(f"unknown model {model!r}: accepted are {known} or a set of layers")
    return model_name(layers_of(model), count)


@door
@dataclass(frozen=True)
class Rung:
    """A repair by less than whole layers: what of which layers is trained.

    ``repair`` is one of `tlfourier.closure.repairs.REPAIRS`, or ``"least squares"``; of random weights
    ``count`` are, chosen by ``draw``.
    """

    repair: str
    layers: Layers
    count: int | None = None
    draw: int = 0


_NUMBERED = re.compile(r"(scales|random) (0|[1-9]\d*)", re.ASCII)


@door
def rung(name: str, spec: NetworkSpec) -> Rung | None:
    """Return what a name stands for between a gain and a layer, None where it is a model of another kind.

    ``gains``, ``biases``, ``solved``; ``scales 2``: a factor for each kernel of layer 2 and a constant for
    each of its channels; ``random 0``: as many weights of layer 2, chosen at random, as the last layer of a
    network of this shape has, the first draw. Raises ValueError for scales of a layer that there is not.

    Examples
    --------
    >>> rung("random 3", NetworkSpec(channels=16))
    Rung(repair='random weights', layers=(2,), count=401, draw=3)
    """
    last = spec.layers
    simple = {
        "gains": Rung("gains", (1, last)),
        "biases": Rung("biases", tuple(range(1, last + 1))),
        "solved": Rung("least squares", (last,)),
    }
    if not (found := _NUMBERED.fullmatch(name)):
        return simple.get(name)
    kind, number = found[1], int(found[2])
    if kind == "scales":
        return Rung("kernel scales", check_layers([number], last))
    return Rung("random weights", (2,), spec.outputs * (spec.channels * spec.kernel_size**2 + 1), number)


@door
def layers_of(name: str) -> Layers:
    """Return the layers that a model's name says are re-trained: (2, 5) for ``"2+5"``, () for a baseline."""
    parts = str(name).split("+")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


@door
def of_size(names: Iterable[str], size: int) -> list[str]:
    """Return the names that re-train ``size`` layers, shallow ones first: 1 for singles, 2 for pairs."""
    return sorted((str(name) for name in names if len(layers_of(name)) == size), key=layers_of)


@door
def layer_sets(names: Iterable[str], count: Annotated[int, Range(1, 1000)]) -> list[Layers]:
    """Return the sets of layers that words and numbers mean, for a network of ``count`` layers.

    ``singles`` is every layer alone, ``pairs`` every two, ``prefixes`` {1..l} and ``suffixes`` {l..count} for
    every l, ``all`` the whole network; ``2,5`` is that set. Raises ValueError for another word, or a layer
    that the network does not have.
    """
    every = range(1, count + 1)
    known: dict[str, list[Layers]] = {
        "singles": [(layer,) for layer in every],
        "pairs": list(combinations(every, 2)),
        "prefixes": [tuple(range(1, last + 1)) for last in every],
        "suffixes": [tuple(range(first, count + 1)) for first in every],
    }
    found = [one for name in names for one in (known.get(name) or [_numbers(name, count)])]
    return list(dict.fromkeys(found))


def _numbers(text: str, count: int) -> Layers:
    try:
        return parse_layers(text, count)
    except ValueError as error:
        raise ValueError(
            f"layers {text!r}: accepted are {', '.join(NAMED_SETS)} or as 2,5 ({error})"
        ) from None
