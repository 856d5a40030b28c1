"""A node: one artifact to be, named by the hash of its recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Node:
    """One artifact to be: a stage, its version, its settings and the artifacts it reads."""

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
        """Folder of the artifact inside a store: ``stage/first 16 digits of the key``."""
        return f"{self.stage}/{self.key[:16]}"

    def tree(self) -> Iterator[Node]:
        """Yield the node and everything that it is made from, some of it more than once."""
        yield self
        for child in self.inputs.values():
            yield from child.tree()


def key_of(recipe: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a recipe in canonical JSON.

    Raises
    ------
    ValueError
        A number in it is not finite: it has no JSON.
    """
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
