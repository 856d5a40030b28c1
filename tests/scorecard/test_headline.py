"""The story of a case, told on scores that were made up so that it is known."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard.headline import headline, in_words

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
    assert in_words(headline(scores, scores).gap_layer) == "no measurable part"
    assert in_words(0.666) == "67 %"
