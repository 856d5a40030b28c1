"""A stage: everything that is known of one kind of artifact, in one object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tlfourier.io.paths import Readable
from tlfourier.store.node import Node

Folder: TypeAlias = Readable
"""Where the files of an artifact are read: a folder of its own, or one inside an archive."""
Get: TypeAlias = Callable[[Node], Folder]
"""Finds the folder of a node."""


@dataclass(frozen=True)
class Stage:
    """One kind of artifact; ``name`` is the first part of its artifacts' names.

    ``version`` is raised when ``make`` computes something else than before: all its keys change then.
    ``node`` goes from settings to the `Node` of an artifact. ``make(node, folders of the inputs, folder)``
    writes the artifact's files, and does nothing else; if ``resumable``, it goes on from what a killed run
    has left in the folder, otherwise it gets an empty one. ``read(node, get)`` returns what the artifact
    holds, in memory; ``get`` finds the folders of nodes. ``work`` counts the leading operations that a node
    asks for (multiplications, points of transforms), ``rate`` is the seconds of one thread per operation
    where a store has nothing of the kind to measure them by: the median of the shipped artifacts.
    ``describe`` says what a node is, in a few words and the settings by which people tell such nodes apart.
    """

    name: str
    version: int
    node: Callable[..., Node]
    make: Callable[[Node, Mapping[str, Folder], Path], None]
    read: Callable[[Node, Get], Any]
    work: Callable[[Node], float]
    rate: float
    describe: Callable[[Node], str]
    resumable: bool = False

    def of(self, spec: Mapping[str, Any], inputs: Mapping[str, Node] | None = None) -> Node:
        """Return the node of this stage with these settings and inputs."""
        return Node(self.name, self.version, spec, inputs or {})


Stages: TypeAlias = Mapping[str, Stage]
"""By name."""
