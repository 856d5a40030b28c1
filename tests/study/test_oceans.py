"""The study of the ocean: its settings, its nodes beside those of one layer, and all of it in small."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tlfourier.closure.layered_scales import LayeredScales
from tlfourier.closure.layered_scores import of_layer
from tlfourier.flow.oceans import OCEANS
from tlfourier.store.node import tree
from tlfourier.study import targets
from tlfourier.study.design import Design
from tlfourier.study.oceans import OceanSpec
from tlfourier.study.settings import StudySpec, load
from tlfourier.study.stages.data import pairs_node, scales_node, simulate_node, system_of
from tlfourier.study.stages.ocean import build_equation, layers_of
from tlfourier.study.study import Study, begin
from tlfourier.study.systems import SYSTEMS, load_system, spec_from
from tlfourier.study.verdicts import STAGES

CASES = ("larger_eddies", "three_jets", "four_jets")
WHOLE: dict[str, Any] = {"inside": True, "back": True, "seeds": None}
"""What the papers' sizes compute of a case: the smaller profiles leave some of it out."""
TINY: dict[str, Any] = {
    "seeds": 1, "reversed_seeds": 1,
    "cases": {name: WHOLE for name in CASES},
    "simulation": {"size": 32, "early": 8.64e5, "early_size": 16, "spin_up": 8.64e5},
    "split": {"train": 7, "validation": 3, "test": 4, "gap": 1},
    "network": {"layers": 3, "channels": 4},
    "training": {"samples": 7, "epochs": 2, "batch_size": 2},
    "transfer": {"samples": 4, "steps": 4, "batch_size": 2, "scratch_steps": 2, "learning_rate": 3e-3},
    **{f"flows.{name}.runs": 4 for name in OCEANS},
}  # fmt: skip


@pytest.fixture(scope="module")
def study() -> Study:
    return begin("smoke", TINY, system="ocean").make


# ---- settings


def test_the_flows_are_the_paper_s() -> None:
    spec = load_system("ocean", "paper")
    assert spec == OceanSpec() == SYSTEMS["ocean"]
    assert {name: layers_of(simulate_node(spec, name).spec) for name in spec.flows} == dict(OCEANS)
    parameters = sum((a * spec.network.kernel_size**2 + 1) * b for a, b in pairwise(spec.network.widths()))
    assert parameters == 624_450
    assert (spec.simulation.size, spec.filter.size, spec.network.layers) == (256, 64, 8)


@pytest.mark.parametrize("profile", ["smoke", "laptop", "paper"])
def test_profiles_change_sizes_never_topology(profile: str) -> None:
    spec, paper = load_system("ocean", profile), OceanSpec()
    for name in ("layers", "kernel_size", "inputs", "outputs", "padding"):
        assert getattr(spec.network, name) == getattr(paper.network, name)
    assert set(spec.cases) == set(paper.cases) and set(spec.flows) == set(paper.flows)
    for flow in spec.flows.values():
        each = spec.split.total // flow.runs
        assert all(spec.split.indices(block).start % each == 0 for block in ("train", "validation", "test"))


@pytest.mark.parametrize("profile", ["smoke", "laptop", "paper"])
def test_settings_come_back_from_a_recipe(profile: str) -> None:
    for spec in (load_system("ocean", profile, {"flows.eddies.beta": 2e-11, "cases.four_jets.seeds": 1}),
                 load(profile)):  # fmt: skip
        found = spec_from(json.loads(json.dumps(spec.as_data)))
        assert found == spec and type(found) is type(spec) and hash(found) == hash(spec)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"flows.eddies.reynolds": 1e3}, ["'flows.eddies.reynolds'", "deformation_radius"]),
        ({"flows.eddies.deformation_radius": -1.0}, ["flows.eddies.deformation_radius=-1.0"]),
        ({"flows.eddies.runs": 7}, ["flows.eddies.runs=7", "divide the 48 snapshots"]),
        ({"simulation.dissipation": "none"}, ["'none'", "filter, hyperviscosity"]),
        ({"simulation.step": 5e4}, ["simulation.spin_up=864000", "a multiple of the step, 50000 s"]),
        ({"simulation.early": 1e5}, ["simulation.early=100000", "a multiple of the step, 28800 s"]),
        ({"flows.eddies.spin_up": 1.0}, ["flows.eddies.spin_up=1", "a multiple of the step, 14400 s"]),
        ({"simulation.early_size": 64}, ["simulation.early_size=64", "8 to 32"]),
        ({"transfer.weighting": "mine"}, ["'mine'", "own, scaling"]),
        ({"seen": "u w"}, ["seen='u w'", "u, v, psi, q"]),
        ({"seen": "u"}, ["seen='u' of two layers needs 2 and 2"]),
        ({"network.outputs": 1}, ["network.outputs=1", "needs 4 and 2"]),
        ({"filter.size": 64}, ["64", "32"]),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(overrides: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        load_system("ocean", "smoke", overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_an_unknown_system_is_named() -> None:
    with pytest.raises(ValueError, match="unknown system 'sky': accepted are vorticity, ocean"):
        begin("smoke", system="sky")


# ---- nodes


def test_one_machinery_makes_both_systems_and_they_share_no_artifact() -> None:
    both = []
    for system in SYSTEMS:
        design = Design(load_system(system, "smoke"))
        nodes = set(tree(targets.judged(design)))
        assert {node.stage for node in nodes} <= set(STAGES)
        assert {system_of(node).recipe.__module__ for node in nodes if node.stage == "filter"} == {
            f"tlfourier.study.stages.{system}"
        }
        both.append({node.key for node in nodes})
    assert not both[0] & both[1]


def test_every_node_of_an_ocean_has_a_cost_and_a_line() -> None:
    for node in tree(targets.judged(Design(load_system("ocean", "laptop")))):
        assert STAGES[node.stage].work(node) > 0
        assert STAGES[node.stage].describe(node).isprintable()


def test_the_design_of_the_ocean() -> None:
    design = Design(load_system("ocean", "smoke", {"cases": {name: WHOLE for name in CASES}}))
    assert design.cases == ("larger_eddies", "three_jets", "four_jets")
    assert "gradient" not in design.rungs("three_jets")
    with pytest.raises(ValueError, match="'gradient' is a formula for one layer"):
        design.score_node("three_jets", "gradient")
    pairs = [name for name in design.models("three_jets") if name.count("+") == 1]
    assert {"1+2", "1+3", "1+4", "2+3", "2+4", "3+4"} < set(pairs)
    assert len(pairs) < 28, "of eight layers not every pair is tried"
    assert "1+2+3" in design.models("three_jets") and "3+4" not in design.models("four_jets")
    assert not design.network_node("three_jets", "none").spec["training"]["rotate"], "u and v are a vector"
    assert not design.network_node("three_jets", [2]).spec["rotate"]


def test_a_loss_is_weighed_only_where_units_and_weights_differ() -> None:
    design = Design(load_system("ocean", "smoke"))
    for scaling, weighting, weighed in (
        ("own", "own", False), ("dimensional", "own", True), ("dimensional", "scaling", False),
        ("base", "own", True),
    ):  # fmt: skip
        varied = design.vary({"transfer.scaling": scaling, "transfer.weighting": weighting})
        node = varied.network_node("three_jets", [2])
        assert ("own" in node.inputs) == weighed
        assert ("own" in varied.network_node("three_jets", "gains").inputs) == weighed
        assert "own" not in varied.network_node("three_jets", "solved").inputs
        home = varied.network_node("three_jets", "none")
        assert home == design.network_node("three_jets", "none"), "base networks are shared"


def test_what_a_network_sees_is_in_the_recipe_of_its_scales_alone() -> None:
    one, other = (load_system("ocean", "smoke", {"seen": seen}) for seen in ("u v", "psi q"))
    assert pairs_node(one, "eddies", "train") == pairs_node(other, "eddies", "train")
    assert scales_node(one, "eddies") != scales_node(other, "eddies")
    assert "seen" not in scales_node(load("smoke"), "target").spec


def test_golden_keys() -> None:
    """A key may change only on purpose, with its stage's version: it is the address of somebody's results."""
    for profile, expected in GOLDEN.items():
        design = Design(load_system("ocean", profile))
        score = design.vary({"transfer.scaling": "dimensional"}).score_node("three_jets", [2])
        found = {node.stage: node.name.partition("/")[2] for node in tree([score])}
        assert found == expected


@pytest.mark.parametrize("kind", ["filter", "hyperviscosity"])
def test_the_equation_of_a_recipe(kind: str) -> None:
    spec = load_system("ocean", "smoke", {"simulation.dissipation": kind})
    equation = build_equation(simulate_node(spec, "four_jets").spec)
    assert (equation.step_filter is None) == (kind == "hyperviscosity") == (equation.hyperviscosity > 0)
    assert equation.layers == OCEANS["four_jets"] and equation.grid.length == 1e6


# ---- all of it in small


def test_from_simulation_to_scores_of_each_layer(study: Study) -> None:
    data = study.pairs("three_jets", "train")
    assert dict(data["q"].sizes) == {"time": 7, "layer": 2, "y": 16, "x": 16}
    scales = study.scales("three_jets")
    assert isinstance(scales, LayeredScales) and scales.channels == ("u1", "u2", "v1", "v2")
    inputs, outputs = study.tensors("three_jets", "train")
    assert inputs.shape == (7, 4, 16, 16) and outputs.shape == (7, 2, 16, 16)
    deviations = torch.cat((inputs, outputs), 1).std((0, 2, 3), correction=0)
    torch.testing.assert_close(deviations, torch.ones(6), rtol=1e-3, atol=0)

    base, moved = study.base("three_jets"), study.transferred("three_jets", [2])
    assert (base.spec.inputs, base.spec.outputs, base.spec.layers) == (4, 2, 3)
    same = [torch.equal(base.layer(n).weight, moved.layer(n).weight) for n in (1, 2, 3)]
    assert same == [True, False, True]
    found = study.score("three_jets", [2])
    assert found["rmse"].dims == ("snapshot",) and found["rmse_of_layer"].dims == ("layer", "snapshot")
    np.testing.assert_allclose(found["rmse"] ** 2, (found["rmse_of_layer"] ** 2).mean("layer"), rtol=1e-6)
    assert {"rmse", "cc", "spectrum", "spectrum_error", "enstrophy_transfer"} <= set(of_layer(found, 2))

    diagnosed = study.diagnostics("three_jets")
    assert diagnosed.sizes["layer"] == 2 and (diagnosed["energy"] > 0).all()
    assert (diagnosed["energy_filter"] <= 0).all()


def test_runs_are_independent_and_blocks_are_whole_runs(study: Study) -> None:
    blocks = [study.pairs("eddies", name)["time"].values for name in ("train", "validation", "test")]
    apart = [later[0] - earlier[-1] for earlier, later in pairwise(blocks)]
    spec = study.spec.simulation
    assert apart == [spec.spin_up + 2 * spec.interval] * 2
    # runs that begin with other eddies are unlike each other
    fields = study.pairs("eddies", "train")["q"].sel(layer=1)
    first, second = fields[0].values.ravel(), fields[4].values.ravel()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.7


def test_units_and_weights_make_other_networks(study: Study) -> None:
    found = {}
    for scaling, weighting in (("own", "own"), ("dimensional", "own"), ("dimensional", "scaling")):
        varied = study.vary({"transfer.scaling": scaling, "transfer.weighting": weighting})
        found[scaling, weighting] = varied.transferred("three_jets", [2]).layer(2).weight
    weights = list(found.values())
    assert not any(torch.equal(one, other) for one, other in pairwise(weights))


def test_tables_hold_both_layers(study: Study) -> None:
    table = study.table("three_jets", models=["none", "dimensional", "gain", "gains", "2", "all"])
    assert table["rmse"].dims == ("model", "seed")
    assert table["rmse_of_layer"].dims == ("model", "seed", "layer")
    assert np.isfinite(table["rmse_of_layer"]).all()
    assert not table["rmse"].sel(model="gain").equals(table["rmse"].sel(model="none"))


def test_every_claim_is_judged_that_an_ocean_can_decide(study: Study) -> None:
    found = study.verdicts("own", study.ladders)
    assert found["case"].values.tolist() == list(study.ladders)
    said = found["verdict"].sel(case="three_jets").to_series()
    # one replicate decides nothing; the toy has neither a learning curve of all cases nor a gap to speak of
    assert set(said) == {"undecided", "not run"}
    assert set(said.index[said == "undecided"]) > {
        "C1",
        "C3",
        "C7.chance",
        "C8",
        "C9.layer 2",
        "C12.units",
        "C19",
        "C22",
    }


def test_one_layer_s_settings_have_no_part_in_the_ocean() -> None:
    assert StudySpec.system == "vorticity" and "system" not in StudySpec().as_data
    assert "system" not in simulate_node(load("smoke"), "target").spec
    assert system_of(simulate_node(load("smoke"), "target")).recipe.__module__.endswith("vorticity")


GOLDEN = {
    "smoke": {
        "simulate": "4facc1e22c610dca",
        "diagnose": "cf581738c5d107b6",
        "filter": "c43c6c35bb233cbe",
        "pairs": "f0ea333bbe15de91",
        "scales": "243fad9ad6c625c1",
        "scaling": "45f13a86e6f45261",
        "train": "a7e168c0b0aa3d9b",
        "transfer": "d153c5c0175b9dbc",
        "score": "b2a518408b4cc00b",
    },
    "paper": {
        "simulate": "0d49593202c05e65",
        "diagnose": "a72f314e524c0346",
        "filter": "f271d94be217623e",
        "pairs": "898634bb817ebea0",
        "scales": "d190f28767368500",
        "scaling": "b4af94cb1bdccc9f",
        "train": "36c8f2c2bca55d7f",
        "transfer": "db2e2e9661a08e04",
        "score": "39398d2ae386038d",
    },
}
