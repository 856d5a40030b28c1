"""Stages that write a line of text: what a store and a sweep do is the same with any stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tlfourier.store.node import Node
from tlfourier.store.stage import Folder, Get, Stage
from tlfourier.store.store import Store

Make: TypeAlias = Callable[[Node, Mapping[str, Folder], Path], None]


def stages(*resumable: str, rate: float = 1.0, **makers: Make) -> dict[str, Stage]:
    """Return a stage for each maker, by name; a node of it is one unit of work of ``rate`` seconds."""
    return {name: _stage(name, make, rate, name in resumable) for name, make in makers.items()}


def _stage(name: str, make: Make, rate: float, resumable: bool) -> Stage:
    return Stage(
        name,
        1,
        node=partial(Node, name, 1),
        make=make,
        read=read_value,
        work=unit,
        rate=rate,
        describe=called,
        resumable=resumable,
    )


def read_value(node: Node, get: Get) -> str:
    """Read the artifact's one line."""
    return (get(node) / "value.txt").read_text()


def unit(node: Node) -> float:
    """Return the work of every node."""
    return 1.0


def called(node: Node) -> str:
    """Return what a node is called in a report."""
    return node.stage


def made(store: Store, node: Node) -> Path:
    """Return the folder of an artifact that is the store's own, and no part of an archive."""
    folder = store.get(node)
    assert isinstance(folder, Path)
    return folder
