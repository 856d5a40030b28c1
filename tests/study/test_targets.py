"""Sets of layers by name, and the grid of a sweep."""

import pytest

from tlfourier.study import targets
from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def study() -> Study:
    return begin("smoke")


def test_a_grid_is_every_case_set_sample_and_seed_on_both_blocks(study: Study) -> None:
    nodes = targets.grid(study, ["forcing"], ["pairs"], [2, 8])
    scored = [node for node in nodes if node.inputs["network"].stage == "transfer"]
    assert len(scored) == 55 * 2 * 2 * 2  # pairs, numbers of samples, seeds, validation and test
    samples = {node.inputs["network"].inputs["few"].spec["samples"] for node in scored}
    assert samples == {2, 8}


def test_a_grid_asks_for_nothing_impossible(study: Study) -> None:
    with pytest.raises(ValueError, match="unknown case 'decayed'"):
        targets.grid(study, ["decayed"])
    with pytest.raises(ValueError, match=r"transfer\.samples=25: accepted are 1 to split\.train=24"):
        targets.grid(study, samples=[25])


def test_the_book_s_grid_is_part_of_what_the_book_reads(study: Study) -> None:
    assert {node.key for node in targets.grid(study)} <= {node.key for node in study.leaves()}


def test_the_whole_programme_is_asked_for_alone(study: Study) -> None:
    whole = targets.chosen(study, (), (), (), whole=True)
    assert {node.key for node in whole} <= {node.key for node in study.leaves()}
    assert targets.chosen(study, (), (), (), whole=False) == study.leaves()
    with pytest.raises(ValueError, match="--programme is every case"):
        targets.chosen(study, ("forcing",), (), (), whole=True)
