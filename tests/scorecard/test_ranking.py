"""Rankings and claims on scores whose order is known."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard.ranking import (
    chosen_layer,
    closed_gap,
    hidden_by_cc,
    layer_claims,
    rank_layers,
    rivals,
    winners,
)
from tlfourier.scorecard.statistics import single_layers, verdict_table


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


def test_the_claims_about_layers_hold_where_they_were_built_in() -> None:
    judged = verdict_table(layer_claims(sweep(), best=2))
    words = dict(zip(judged["claim"].values, judged["verdict"].values, strict=True))
    assert words["layer 2 beats no transfer"] == "supported"
    assert words["layer 2 beats the output gain"] == "supported"
    assert words["all layers beat layer 2"] == "supported"
    assert words["the shallower, the better (rank correlation of error and depth)"] == "supported"
    assert judged["effect"].sel(claim="layer 2 beats layer 3").item() == pytest.approx(0.1)


def test_the_closed_gap_is_one_for_scratch_on_all_samples_and_zero_for_no_transfer() -> None:
    assert closed_gap(sweep(), "scratch_all") == pytest.approx(1.0)
    assert closed_gap(sweep(), "none") == pytest.approx(0.0)
    assert closed_gap(sweep(), "2") == pytest.approx(0.75)


def test_the_spectrum_shows_what_the_correlation_hides() -> None:
    scores = xr.Dataset(
        {"cc": (("model", "seed"), [[0.9], [0.81]]), "spectrum_error": (("model", "seed"), [[0.1], [0.4]])},
        {"model": ["own", "none"], "seed": [0]},
    )
    # the error grows by 300 %, the correlation falls by 10 %
    np.testing.assert_allclose(hidden_by_cc(scores, "own", "none"), [3.0 - 0.1])
