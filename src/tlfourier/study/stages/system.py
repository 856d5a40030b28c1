"""What the stages of data ask of a kind of flow: one object for each system, as one for each stage.

Stages, design, store and sweep are the same for all systems. A simulation's recipe names its system, the
vorticity equation's does not (it was there before there was a choice, and its artifacts keep their names);
what is made of a simulation learns from it which system it is of.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import xarray as xr

from tlfourier.closure.filters import Filter
from tlfourier.flow.pseudospectral import Equation
from tlfourier.store.node import Node

Recipe: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class System:
    """One kind of flow.

    ``recipe(settings of a study, flow)`` is what decides the bits of a simulation; all others are given
    recipes: ``equation`` is what it solves, ``simulate`` writes its trajectory, ``diagnose`` describes a
    trajectory, ``pair_blocks`` filters one between two equations, ``work`` counts the points of its
    transforms, ``describe`` says what it is.
    """

    recipe: Callable[[Any, str], dict[str, Any]]
    equation: Callable[[Recipe], Equation]
    simulate: Callable[[Recipe, Path], None]
    diagnose: Callable[[xr.Dataset, Recipe], xr.Dataset]
    pair_blocks: Callable[[xr.Dataset, Filter, Any, Any], Iterator[xr.Dataset]]
    work: Callable[[Recipe], float]
    describe: Callable[[Recipe], str]


def simulation_of(node: Node) -> Recipe:
    """Return the recipe of the simulation that a node of data is made from."""
    while node.stage != "simulate":
        node = next(
            node.inputs[name]
            for name in ("trajectory", "filtered", "train", "target", "diagnostics")
            if name in node.inputs
        )
    return node.spec
