"""Sets of layers by name, and the grid of a sweep."""

import pytest

from tlfourier.study import targets
from tlfourier.study.design import Design
from tlfourier.study.settings import load


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


def test_the_book_s_grid_is_part_of_what_the_book_reads(design: Design) -> None:
    assert {node.key for node in targets.grid(design)} <= {node.key for node in targets.book(design)}


def test_the_whole_programme_is_asked_for_alone(design: Design) -> None:
    whole = targets.chosen(design, (), (), (), whole=True)
    assert whole is not None
    assert {node.key for node in whole} <= {node.key for node in targets.book(design)}
    assert targets.chosen(design, (), (), (), whole=False) is None
    with pytest.raises(ValueError, match="--programme is every case"):
        targets.chosen(design, ("forcing",), (), (), whole=True)
