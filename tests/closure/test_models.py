"""Models have one name each, and layer sets are checked in one place."""

import math

import pytest

from tlfourier.closure.models import (
    BASELINES,
    NAMED_SETS,
    RUNGS,
    Rung,
    layer_sets,
    layers_of,
    model_name,
    of_size,
    rung,
)
from tlfourier.closure.network import NetworkSpec
from tlfourier.closure.scalings import SCALINGS


@pytest.mark.parametrize(
    ("model", "name"), [((2,), "2"), ([5, 2], "2+5"), ("2+5", "2+5"), ("5+2", "2+5"), ({11}, "11")]
)
def test_a_set_of_layers_has_one_name_however_it_is_written(model: object, name: str) -> None:
    assert model_name(model, 11) == name  # type: ignore[arg-type]
    assert model_name(layers_of(name), 11) == name


def test_baselines_are_their_own_names_and_re_train_no_set() -> None:
    for name in (*BASELINES, *SCALINGS):
        assert model_name(name) == name
        assert layers_of(name) == ()


def test_rungs_are_their_own_names_and_say_what_is_trained() -> None:
    spec = NetworkSpec(channels=16)
    for name in (*RUNGS, "scales 2", "scales 11", "random 0", "random 12"):
        assert model_name(name) == name
        assert layers_of(name) == ()
    assert rung("gains", spec) == Rung("gains", (1, 11))
    assert rung("scales 5", spec) == Rung("kernel scales", (5,))
    assert rung("random 2", spec) == Rung("random weights", (2,), 401, 2)
    assert [rung(name, spec) for name in ("2", "none", "gradient", "all", "2+5")] == [None] * 5
    with pytest.raises(ValueError, match=r"layers=\{12\}: this network has layers 1\.\.11"):
        rung("scales 12", spec)


@pytest.mark.parametrize(
    "model", ["nothing", "", "2+", "2 5", "+2", "scales", "random -1", "scales 02", "gains 2"]
)
def test_an_unknown_name_is_refused_with_the_known_ones(model: str) -> None:
    with pytest.raises(ValueError, match=r"unknown model .*: accepted are none, gain, .* or a set of layers"):
        model_name(model)


@pytest.mark.parametrize("model", ["12", "2+2", "0", (2, 12), (2, 2)])
def test_layers_that_are_not_there_are_refused_by_name_as_by_number(model: object) -> None:
    with pytest.raises(ValueError, match=r"1\.\.11"):
        model_name(model, 11)  # type: ignore[arg-type]


def test_names_are_told_apart_by_how_many_layers_they_re_train() -> None:
    names = ["none", "10", "2+5", "2", "all", "1+2+3", "2+10", "gains"]
    assert of_size(names, 1) == ["2", "10"]
    assert of_size(names, 2) == ["2+5", "2+10"]
    assert of_size(names, 3) == ["1+2+3"]


def test_named_sets_have_the_size_that_combinatorics_says() -> None:
    sizes = {name: len(layer_sets([name], 11)) for name in NAMED_SETS}
    assert sizes == {"singles": 11, "pairs": math.comb(11, 2), "prefixes": 11, "suffixes": 11, "all": 1}
    assert layer_sets(["5,2", "all"], 3 + 2) == [(2, 5), (1, 2, 3, 4, 5)]


def test_a_set_is_chosen_once_however_often_it_is_named() -> None:
    assert len(layer_sets(["singles", "2", "prefixes", "all"], 11)) == 11 + 10


@pytest.mark.parametrize("name", ["12", "single", "", "1,1", "0", "2,x"])
def test_other_words_are_refused_with_the_accepted_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"accepted are singles, pairs, prefixes, suffixes, all or as 2,5"):
        layer_sets([name], 11)
