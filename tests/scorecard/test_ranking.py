"""Rankings and the story of a case, told on scores whose order is known."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard.ranking import (
    chosen_layer,
    closed_gap,
    headline,
    part_in_words,
    rank_layers,
    rivals,
    samples_to_catch_up,
    winners,
)
from tlfourier.scorecard.statistics import single_layers


def over_layers(values: np.ndarray) -> xr.DataArray:
    layers, seeds = values.shape
    return xr.DataArray(values, {"layer": np.arange(1, layers + 1), "seed": np.arange(seeds)})


def test_the_layer_is_chosen_on_validation_and_reported_on_test() -> None:
    validation = over_layers(np.array([[0.5, 0.6], [0.4, 0.3], [0.45, 0.2]]))
    test = over_layers(np.array([[0.1, 0.2], [0.7, 0.9], [0.3, 0.3]]))
    ranking = rank_layers(validation, test)
    assert ranking["rank"].values.tolist() == [3, 2, 1]
    assert chosen_layer(ranking) == 3
    assert ranking["best"].values.tolist() == [2, 3]
    np.testing.assert_allclose(ranking["mean"], [0.15, 0.8, 0.3])
    np.testing.assert_allclose(ranking["sd"][0], np.std([0.1, 0.2], ddof=1))


def sweep() -> xr.DataArray:
    """Return errors of three layers and all baselines, alike in three seeds but for a common shift."""
    errors = {"none": 0.8, "gain": 0.6, "all": 0.45, "scratch_few": 0.7, "scratch_all": 0.4}
    errors |= {"1": 0.51, "2": 0.5, "3": 0.6}
    shift = np.array([0.0, 0.1, 0.3])
    return xr.DataArray(
        [error + shift for error in errors.values()], {"model": list(errors), "seed": [0, 1, 2]}
    )


def test_a_rival_is_a_layer_that_is_not_shown_to_be_worse() -> None:
    layers = single_layers(sweep())
    noise = xr.DataArray([[0.0] * 3, [0.0] * 3, [0.3, -0.4, 0.1]], layers.coords)
    assert rivals(layers, best=2) == []
    assert rivals(layers + noise, best=2) == [3]


def test_winners_are_shown_to_beat_a_baseline() -> None:
    assert winners(sweep(), "none") == [1, 2, 3]
    noise = xr.DataArray([[0.0] * 3] * 7 + [[0.1, -0.1, 0.05]], sweep().coords)
    assert winners(sweep() + noise, "gain") == [1, 2]


def test_layers_are_asked_as_one_family() -> None:
    """Nine layers that nobody can tell apart raise the bar for the one that stands out a little."""
    random = np.random.default_rng(2)
    names = [str(layer) for layer in range(1, 11)]
    errors = np.concatenate([[[1.0] * 4], [[0.9, 0.86, 0.8, 0.94]], 1 + random.normal(0, 0.1, (9, 4))])
    scores = xr.DataArray(errors, {"model": ["gain", *names], "seed": range(4)}, ("model", "seed"))
    assert winners(scores.sel(model=["gain", "1"]), "gain") == [1]
    assert winners(scores, "gain") == []


def test_the_closed_gap_is_one_for_scratch_on_all_samples_and_zero_for_no_transfer() -> None:
    assert closed_gap(sweep(), "scratch_all") == pytest.approx(1.0)
    assert closed_gap(sweep(), "none") == pytest.approx(0.0)
    assert closed_gap(sweep(), "2") == pytest.approx(0.75)


LAYERS = [str(layer) for layer in range(1, 12)]
MODELS = ["none", "gain", "all", "scratch_few", "scratch_all", *LAYERS]


def made_up(single: list[float], noise: float = 1e-4) -> xr.Dataset:
    rmse = np.array([0.8, 0.7, 0.4, 0.6, 0.35, *single])
    random = np.random.default_rng(0).normal(scale=noise, size=(len(MODELS), 3, 4))
    values = {
        "rmse": rmse[:, None, None] + random,
        "cc": np.sqrt(1 - 0.5 * rmse**2)[:, None, None] + random,
        "spectrum_error": 3 * rmse[:, None, None] ** 3 + random,
    }
    dims = ("model", "seed", "snapshot")
    return xr.Dataset(
        {name: (dims, array) for name, array in values.items()}, {"model": MODELS, "seed": range(3)}
    )


SHALLOW = [0.5 + 0.02 * layer for layer in range(11)]
DEEP = SHALLOW[::-1]


def test_headline_reads_the_numbers_that_were_put_in() -> None:
    found = headline(made_up(SHALLOW, noise=0.0), made_up(SHALLOW, noise=0.0))
    assert (int(found.best_layer), int(found.worst_layer), int(found.rank_2)) == (1, 11, 2)
    assert float(found.best) == pytest.approx(0.5) and float(found.none) == pytest.approx(0.8)
    assert float(found.gap_layer) == pytest.approx((0.8 - 0.5) / (0.8 - 0.35))
    assert float(found.gap_gain) == pytest.approx((0.8 - 0.7) / (0.8 - 0.35))
    assert float(found.depth) == pytest.approx(1)


def test_the_layer_is_chosen_on_validation_and_scored_on_test() -> None:
    test, validation = made_up(SHALLOW, 0.0), made_up(DEEP, 0.0)
    found = headline(test, validation)
    assert int(found.best_layer) == 11
    assert float(found.best) == pytest.approx(SHALLOW[-1])


def test_parts_of_a_gap_that_is_not_there_are_not_given_in_percent() -> None:
    scores = made_up(SHALLOW, 0.0)
    scores["rmse"].loc[{"model": "scratch_all"}] = 0.8
    assert part_in_words(headline(scores, scores).gap_layer) == "no measurable part"
    assert part_in_words(0.666) == "67 %"


@pytest.mark.parametrize(
    ("errors", "found"),
    [([0.3, 0.3, 0.3], 1), ([0.6, 0.5, 0.3], 10), ([0.4, 0.6, 0.3], 100), ([0.4, 0.4, 0.6], None)],
    ids=["always", "equal counts", "for good, not once", "never for good"],
)
def test_a_model_has_caught_up_where_it_stays_ahead(errors: list[float], found: int | None) -> None:
    rmse = np.stack([errors, np.full(3, 0.5)], axis=1)[..., None]
    curve = xr.Dataset(
        {"rmse": (("percent", "model", "seed"), rmse), "samples": ("percent", [1, 10, 100])},
        {"model": ["new", "old"]},
    )
    assert samples_to_catch_up(curve, "new", "old") == found
