"""Sets of layers by name, and the grid of a sweep."""

from dataclasses import replace

import pytest

from tlfourier.study import targets
from tlfourier.study.design import Design
from tlfourier.study.settings import CaseSpec, load
from tlfourier.study.stages.data import filter_node


@pytest.fixture(scope="module")
def design() -> Design:
    return Design(load("smoke"))


def test_a_grid_is_every_case_set_sample_and_seed_on_both_blocks(design: Design) -> None:
    nodes = targets.grid(design, ["forcing"], ["pairs"], [2, 8])
    scored = [node for node in nodes if node.inputs["network"].stage == "transfer"]
    assert len(scored) == 55 * 2 * 2 * 2  # pairs, numbers of samples, seeds, validation and test
    samples = {node.inputs["network"].inputs["few"].spec["samples"] for node in scored}
    assert samples == {2, 8}


def test_a_grid_asks_for_nothing_impossible(design: Design) -> None:
    with pytest.raises(ValueError, match="unknown case 'decayed'"):
        targets.grid(design, ["decayed"])
    with pytest.raises(ValueError, match=r"transfer\.samples=25: accepted are 1 to split\.train=24"):
        targets.grid(design, samples=[25])


def test_a_case_without_a_seed_is_left_out(design: Design) -> None:
    fewer = design.vary({"cases.jets.seeds": 0})
    assert set(design.ladders) - set(fewer.ladders) == {"jets", "jets reversed"}
    assert fewer.forward == ("decay", "reynolds", "forcing", "filter", "resolution")
    assert set(targets.book(fewer)) < set(targets.book(design))
    for case in ("jets", "jets reversed"):
        with pytest.raises(ValueError, match=f"case '{case}' has no seeds in this study"):
            fewer.network_node(case, "none")


def test_samples_of_a_beta_plane_are_not_turned(design: Design) -> None:
    """A right angle takes east to north, and only one of them has the jets."""
    turned = {
        case: design.network_node(case, [2]).spec["rotate"] for case in ("forcing", "jets", "jets reversed")
    }
    assert turned == {"forcing": True, "jets": False, "jets reversed": True}
    assert not design.network_node("jets", "gains").spec["rotate"]
    assert not design.network_node("jets", "scratch_all").spec["training"]["rotate"]
    assert not design.network_node("jets reversed", "none").spec["training"]["rotate"]
    assert not design.vary({"training.rotate": False}).network_node("forcing", [2]).spec["rotate"]


def test_training_seeds_take_the_realisations_in_turn(design: Design) -> None:
    two = design.vary({"realisations": 2})
    for seed in range(2):
        score = {name: one.score_node("forcing", [2], seed) for name, one in (("one", design), ("two", two))}
        assert (score["one"] == score["two"]) == (seed == 0)
    flows = {seed: two.score_node("forcing", "gradient", seed).inputs["pairs"] for seed in range(2)}
    first, second = (flows[seed].inputs["filtered"].inputs["trajectory"].spec["seed"] for seed in range(2))
    assert second == first + 10
    assert two.spec.of_seed(3) == two.spec.of_seed(1) and two.spec.of_seed(2) == two.spec
    # each network is scored on the realisation that it was re-trained on, and all of one seed on the same
    for model in ("none", "gain", "gains", "2", "scratch_all"):
        assert two.score_node("forcing", model, 1).inputs["pairs"] == flows[1]
    diagnosed = [node for node in targets.everything(two) if node.stage == "diagnose"]
    assert len(diagnosed) == 2 * len(design.flows)


def test_a_further_replicate_leaves_what_is_there_as_it_is(design: Design) -> None:
    few, more = (design.vary({"seeds": seeds, "cases.forcing.seeds": seeds}) for seeds in (2, 3))
    for case in design.cases:
        before, after = few.table_nodes(case), more.table_nodes(case)
        assert after[:2] == before and [node.spec["seed"] for node in after] == [0, 1, 2]
        assert more.home_nodes(case)[:2] == few.home_nodes(case)
        assert set(after[0].spec["models"]) >= set(after[2].spec["models"])  # of the pairs there are fewer


def test_networks_are_looked_into_for_as_many_replicates_as_the_settings_say(design: Design) -> None:
    some = design.vary({"seeds": 3, "cases.forcing.seeds": 3, "inside_seeds": 2, "reversed_seeds": 1})
    assert [len(some.inside_seeds(case)) for case in ("forcing", "forcing reversed")] == [2, 1]
    assert len(targets.inside(some, "forcing")) == 2 * len(
        targets.inside(some.vary({"inside_seeds": 1}), "forcing")
    )
    wider = some.vary({"seeds": 4, "cases.forcing.seeds": 4})
    assert targets.inside(wider, "forcing") == targets.inside(some, "forcing")


def test_a_flow_seen_through_another_filter_costs_no_simulation() -> None:
    spec = load("smoke")
    target = spec.flows["target"]
    own = {"box": replace(target, filter_kind="box"), "wide": replace(target, filter_width=4.0)}
    flows, cases = spec.flows | own, {name: CaseSpec("target", name) for name in own}
    design = Design(replace(spec, flows=flows, cases=cases))
    seen = {name: filter_node(design.spec, name) for name in ("target", "box", "wide")}
    assert len({node.inputs["trajectory"] for node in seen.values()}) == 1
    assert [(node.spec["kind"], node.spec["width"]) for node in seen.values()] == [
        ("gaussian", 2.0), ("box", 2.0), ("gaussian", 4.0)
    ]  # fmt: skip
    assert seen["target"] == filter_node(spec, "target")
    with pytest.raises(ValueError, match="'bax'"):
        load("smoke", {"flows.target.filter_kind": "bax"})
    with pytest.raises(ValueError, match=r"flows\.target\.filter_width=0.0: accepted are"):
        load("smoke", {"flows.target.filter_width": 0})


def test_the_book_s_grid_is_part_of_what_the_book_reads(design: Design) -> None:
    assert {node.key for node in targets.grid(design)} <= {node.key for node in targets.book(design)}


def test_the_whole_programme_is_asked_for_alone(design: Design) -> None:
    whole = targets.chosen(design, (), (), (), whole=True)
    assert whole is not None
    assert {node.key for node in whole} <= {node.key for node in targets.book(design)}
    assert targets.chosen(design, (), (), (), whole=False) is None
    with pytest.raises(ValueError, match="--programme is every case"):
        targets.chosen(design, ("forcing",), (), (), whole=True)
