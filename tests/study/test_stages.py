"""Every stage is whole: a recipe, a maker, a cost, a description, a reader; and its keys are golden."""

from __future__ import annotations

import json
import math
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tlfourier.store.node import Node, tree
from tlfourier.store.stage import Stage
from tlfourier.study import online, targets
from tlfourier.study.design import Design
from tlfourier.study.settings import load
from tlfourier.study.stages.data import (
    diagnose_node,
    filter_node,
    pairs_node,
    scales_node,
    scaling_node,
    simulate_node,
)
from tlfourier.study.verdicts import STAGES, verdicts_node

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


def one_of_each(profile: str) -> dict[str, Node]:
    """Return a node of every stage, made by the functions that a study makes it by."""
    design = Design(load(profile))
    spec, case = design.spec, "forcing"
    nodes = [
        simulate_node(spec, "target"),
        diagnose_node(spec, "target"),
        filter_node(spec, "target"),
        pairs_node(spec, "target", "train", spec.transfer.samples),
        scales_node(spec, "target"),
        scaling_node("dimensional", scales_node(spec, "small_scale"), scales_node(spec, "target")),
        design.network_node(case, "none"),
        design.network_node(case, [2, 5]),
        design.score_node(case, "gain"),
        design.network_node(case, "scales 2"),
        design.score_node(case, "gradient"),
        design.table_nodes(case, design.models(case))[0],
        design.census_node(case, "none", 0),
        design.activations_node(case, [2], 0, on="base"),
        design.change_node(case, 2, 0, null=True),
        design.put_back_node(case, 2, 0),
        design.mask_node(case, 2, 0),
        design.importance_node(case, 0),
        online.node(design, case, "2"),
        online.film(design, case),
        verdicts_node(spec),
    ]
    return {node.stage: node for node in nodes}


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_every_stage_can_be_sent_to_another_process(stage: Stage) -> None:
    assert stage.name.encode() in pickle.dumps(stage)


@pytest.fixture(scope="module")
def smoke() -> dict[str, Node]:
    return one_of_each("smoke")


def test_every_stage_is_tried(smoke: dict[str, Node]) -> None:
    assert list(smoke) == list(STAGES)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_no_stage_lacks_a_part(stage: Stage, smoke: dict[str, Node]) -> None:
    node = smoke[stage.name]
    assert STAGES[stage.name] is stage
    assert (node.stage, node.version) == (stage.name, stage.version)
    assert all(map(callable, (stage.node, stage.make, stage.read, stage.work, stage.describe)))
    assert stage.rate > 0
    assert stage.make.__doc__


def test_every_node_of_a_study_has_a_cost_and_a_line() -> None:
    design = Design(load("smoke"))
    for node in tree([*targets.book(design), verdicts_node(design.spec)]):
        stage = STAGES[node.stage]
        assert 0 < stage.work(node) < math.inf
        line = stage.describe(node)
        assert line.strip() == line != "" and line.isprintable()


def test_what_runs_for_hours_goes_on_where_it_was_killed() -> None:
    assert {stage.name for stage in STAGES.values() if stage.resumable} == {"simulate", "train"}


@pytest.mark.parametrize("profile", ["smoke", "paper"])
def test_golden_keys(profile: str) -> None:
    """A key may change only on purpose, with its stage's version: it is the address of somebody's results."""
    names = {stage: node.name.partition("/")[2] for stage, node in one_of_each(profile).items()}
    assert names == GOLDEN[profile]


def manifests() -> Iterator[tuple[str, float]]:
    """Yield the shipped artifacts by name with the seconds that they took."""
    for path in REFERENCE.glob("*/*/manifest.json"):
        yield f"{path.parent.parent.name}/{path.parent.name}", json.loads(path.read_text())["seconds"]
    for archive in REFERENCE.glob("*.zip"):
        with zipfile.ZipFile(archive) as content:
            for entry in content.namelist():
                if entry.endswith("/manifest.json"):
                    name = f"{archive.stem.partition('-')[0]}/{entry.partition('/')[0]}"
                    yield name, json.loads(content.read(entry))["seconds"]


def test_the_rates_are_those_of_the_shipped_artifacts() -> None:
    """They are what a first forecast is made of: within a factor of five, as machines differ."""
    design = Design(load("laptop"))
    nodes = {node.name: node for node in tree([*targets.book(design), verdicts_node(design.spec)])}
    seen: dict[str, list[float]] = {}
    for name, seconds in manifests():
        if node := nodes.get(name):
            seen.setdefault(node.stage, []).append(seconds / STAGES[node.stage].work(node))
    assert len(seen) >= 11
    ratios = {stage: STAGES[stage].rate / median(rates) for stage, rates in seen.items()}
    assert {stage: ratio for stage, ratio in ratios.items() if not 1 / 5 < ratio < 5} == {}


GOLDEN = {
    "smoke": {
        "simulate": "ed6f6e6f3d579993",
        "diagnose": "6eb0e81f09d6cf51",
        "filter": "1d44fda02bbb3225",
        "pairs": "4c85d7f68bcf4fed",
        "scales": "6f4b5811282278dc",
        "scaling": "fd450577c4425003",
        "train": "abb4619b496355bc",
        "transfer": "d286e4c6a50f5338",
        "score": "fbcf2ead6e88e9fc",
        "repair": "c08469cc3118c539",
        "gradient": "a3d7bf4925fce704",
        "table": "f899e5d5c82c63b4",
        "census": "18117d2d2372c4cf",
        "activations": "a39866127aa3ffc1",
        "change": "84e64af9711fe14b",
        "putback": "60eff4b14b9b809d",
        "mask": "bd959235649de3ac",
        "importance": "65857590cf751e8b",
        "online": "fca357e6d2f66b07",
        "film": "be88a1b98ab853dc",
        "verdicts": "931aebb160e00ee2",
    },
    "paper": {
        "simulate": "09afb0e59672895b",
        "diagnose": "722291bd8530ee2d",
        "filter": "8767d21b12f91c03",
        "pairs": "d3330d6b32328d6e",
        "scales": "84619f496ca659db",
        "scaling": "19de19dfb8023e6d",
        "train": "cfb14d2d8c94c943",
        "transfer": "2f9d848c4a505dae",
        "score": "b90a85f4db232060",
        "repair": "14138978e12692b7",
        "gradient": "054b9fa030805a40",
        "table": "c1c0e2f80e34a61c",
        "census": "00858faf7bf3b53d",
        "activations": "f209fa75e2468a5f",
        "change": "f8c21d599d1875ff",
        "putback": "85236c93ec044ca4",
        "mask": "951e7669fe96e603",
        "importance": "2c598a08b794ab4e",
        "online": "aac7e0ca0fa32837",
        "film": "dfb250d51cce37ed",
        "verdicts": "2f634b6d320fc595",
    },
}
