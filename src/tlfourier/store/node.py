"""A node: one artifact to be, named by the hash of its recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, eq=False)
class Node:
    """One artifact to be: a stage, its version, its settings and what it reads; equal if the recipes are."""

    stage: str
    version: int
    spec: Mapping[str, Any]
    inputs: Mapping[str, Node] = field(default_factory=dict)

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that decides the artifact's content, ready for JSON."""
        keys = {name: node.key for name, node in self.inputs.items()}
        return {"stage": self.stage, "version": self.version, "spec": dict(self.spec), "inputs": keys}

    @cached_property
    def key(self) -> str:
        """SHA-256 of the recipe in canonical JSON (sorted keys, no spaces)."""
        return key_of(self.recipe)

    @property
    def name(self) -> str:
        """Name of the artifact inside a store: ``stage/first 16 digits of the key``."""
        return f"{self.stage}/{self.key[:16]}"

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Node) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)


def tree(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes and all that they are made from, each once, every node after what it needs."""
    seen: set[Node] = set()

    def below(node: Node) -> Iterator[Node]:
        if node not in seen:
            seen.add(node)
            for child in node.inputs.values():
                yield from below(child)
            yield node

    for node in nodes:
        yield from below(node)


def key_of(recipe: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a recipe in canonical JSON; ValueError for a number that is not finite."""
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
