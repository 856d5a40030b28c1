"""What an artifact will cost: the work that its recipe asks for, times what such work took before.

Work counts the leading operations of a stage (multiplications of the convolutions, points of the transforms),
so that one rate per stage carries from one size to another. Rates come from the manifests of what a store
holds, where there are none from the report that the package brings; both are seconds of one thread.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from tlfourier.closure.network import NetworkSpec
from tlfourier.flow.steppers import STEPPERS
from tlfourier.io.paths import PERFORMANCE
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.store import Store

_LOOKS = 30  # validations of a transfer

Rates = Mapping[str, float]
"""Seconds per unit of work, by stage."""


def work(node: Node) -> float:
    """Return the leading operations that a node asks for, 0 for a stage that is unknown."""
    return _WORK[node.stage](node) if node.stage in _WORK else 0.0


def rates(store: Store, nodes: Iterable[Node]) -> dict[str, float]:
    """Return the median rate of every stage over the artifacts that are there, else the shipped one."""
    seen: dict[str, list[float]] = {}
    for node in {node.key: node for node in nodes}.values():
        folder = store.local(node)
        if folder is not None and work(node) > 0:
            seen.setdefault(node.stage, []).append(float(read_manifest(folder)["seconds"]) / work(node))
    return shipped_rates() | {stage: statistics.median(values) for stage, values in seen.items()}


def shipped_rates(path: Path = PERFORMANCE) -> dict[str, float]:
    """Return the rates measured by ``make bench``, empty where nothing was measured."""
    if not path.is_file():
        return {}
    sections = json.loads(path.read_text())["sections"]
    return {
        str(k): float(v) for k, v in sections.get("sweep", {}).get("settings", {}).get("rates", {}).items()
    }


def seconds(node: Node, known: Rates) -> float:
    """Estimate the seconds of one thread that making a node takes; NaN for a stage without a rate."""
    return work(node) * known.get(node.stage, math.nan)


def multiplications(network: NetworkSpec, first: int = 1) -> int:
    """Return the multiplications per point of one forward pass through the layers from ``first`` on."""
    widths = list(pairwise(network.widths()))[first - 1 :]
    return network.kernel_size**2 * sum(before * after for before, after in widths)


def _simulate(node: Node) -> float:
    spec = node.spec
    size, runs = spec["size"], spec.get("runs", 1)
    duration = runs * spec["spin_up"] + spec["interval"] * spec["snapshots"]
    steps = duration * size / spec["cfl"]
    precision = 2 if spec["dtype"] == "float64" else 1
    return float(steps * STEPPERS[spec["stepper"]].evaluations * precision * size**2 * math.log2(size))


def _snapshots(node: Node) -> float:
    spec = node.inputs["trajectory"].spec
    return float(spec["snapshots"] * spec["size"] ** 2 * math.log2(spec["size"]))


def _pairs(node: Node) -> float:
    filtered = node.inputs["filtered"]
    return float(filtered.inputs["trajectory"].spec["snapshots"] * filtered.spec["size"] ** 2)


def _points(pairs: Node) -> int:
    """Return the points of one sample."""
    return int(pairs.inputs["filtered"].spec["size"]) ** 2


def _samples(pairs: Node) -> int:
    """Return the number of samples of a block."""
    return int(pairs.spec["samples"] or pairs.spec[pairs.spec["split"]])


def _scales(node: Node) -> float:
    return float(_samples(node.inputs["train"]) * _points(node.inputs["train"]))


def _train(node: Node) -> float:
    passes = multiplications(NetworkSpec(**node.spec["network"]))
    looks = _samples(node.inputs["validation"])
    each = 3 * node.spec["training"]["samples"] + looks
    return float(node.spec["training"]["epochs"] * each * passes * _points(node.inputs["train"]))


def _transfer(node: Node) -> float:
    network = NetworkSpec(**node.inputs["base"].spec["network"])
    first, points = min(node.spec["layers"]), _points(node.inputs["few"])
    steps = 3 * node.spec["steps"] * node.spec["batch_size"]
    looks = _LOOKS * _samples(node.inputs["validation"])
    prefix = 4 * _samples(node.inputs["few"]) * (multiplications(network) - multiplications(network, first))
    return float(((steps + looks) * multiplications(network, first) + prefix) * points)


def _forward(node: Node) -> float:
    """Return the multiplications of one pass of a network over the test block."""
    network = node.inputs["base"] if "base" in node.inputs else node.inputs["network"]
    passes = multiplications(NetworkSpec(**network.spec["network"]))
    samples = min(node.spec.get("samples", math.inf), _samples(node.inputs["pairs"]))
    return float(samples * _points(node.inputs["pairs"]) * passes)


def _kernels(node: Node) -> float:
    network = node.inputs["base"] if "base" in node.inputs else node.inputs["network"]
    return float(multiplications(NetworkSpec(**network.spec["network"])))


_WORK: dict[str, Callable[[Node], float]] = {
    "simulate": _simulate,
    "diagnose": _snapshots,
    "filter": _snapshots,
    "pairs": _pairs,
    "scales": _scales,
    "train": _train,
    "transfer": _transfer,
    "score": _forward,
    "census": _kernels,
    "change": _kernels,
    "activations": _forward,
    "mask": _forward,
    "putback": _forward,
}
