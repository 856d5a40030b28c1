"""The story of a case, told on scores that were made up so that it is known."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.closure.headline import headline, in_words, paper_claims, papers_table
from tlfourier.closure.verdicts import verdict_table

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


def test_claims_hold_where_they_were_made_to_hold_and_fail_where_not() -> None:
    shallow = verdict_table(paper_claims(made_up(SHALLOW), made_up(SHALLOW)))
    deep = verdict_table(paper_claims(made_up(DEEP), made_up(DEEP)))
    words = dict(zip(shallow.claim.values, shallow.verdict.values, strict=True))
    assert words.pop("the best layer equals all layers") == "refuted"
    assert set(words.values()) == {"supported"}
    assert deep.verdict.sel(claim="the shallower the layer, the better") == "refuted"
    assert deep.verdict.sel(claim="layer 2 beats the last layer") == "refuted"


def test_a_layer_as_good_as_all_is_equal_within_the_margin() -> None:
    scores = made_up([0.41, *SHALLOW[1:]])
    claims = paper_claims(scores, scores)
    np.testing.assert_allclose(claims["the best layer equals all layers"], 0.05 * 0.45 - 0.01, atol=1e-3)


def test_cases_stand_side_by_side() -> None:
    scores = {"one": made_up(SHALLOW), "other": made_up(DEEP)}
    table = papers_table(scores, scores)
    words = table.verdict.sel(claim="layer 2 beats the last layer", case=["one", "other"])
    assert words.values.tolist() == ["supported", "refuted"]


def test_parts_of_a_gap_that_is_not_there_are_not_given_in_percent() -> None:
    scores = made_up(SHALLOW, 0.0)
    scores["rmse"].loc[{"model": "scratch_all"}] = 0.8
    assert in_words(headline(scores, scores).gap_layer) == "no measurable part"
    assert in_words(0.666) == "67 %"
