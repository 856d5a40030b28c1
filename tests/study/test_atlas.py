"""What a page shows without a kernel is what the study knows: its scores, and fields within half a step."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from tlfourier.closure.network import predict
from tlfourier.closure.pairs import Scales
from tlfourier.fourier.change import strongest_changes
from tlfourier.fourier.filter_types import classify
from tlfourier.scorecard.statistics import decide
from tlfourier.study import atlas
from tlfourier.study.study import Study, begin

CASE = "reynolds"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Open the shipped study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("atlas")))
        patch.delenv("TLFOURIER_REFERENCE", raising=False)
        return begin("laptop")


@pytest.mark.parametrize("scaling", ["own", "dimensional"])
def test_scores_are_those_of_the_ladder_with_the_interval_of_the_scorecard(
    study: Study, scaling: str
) -> None:
    table = study.ladder(CASE, scaling)
    found = atlas.scores(atlas.ladder(study, CASE, scaling))
    assert {"none", "gains", "2", "all", "scratch_few", "gradient", "dimensional"} <= set(found)
    for model in ("none", "3", "scratch_all"):
        for score in atlas.SCORES:
            mean, low, high, *seeds = found[model][score]
            values = table[score].sel(model=model).values
            (expected,) = decide([values])
            assert [mean, *seeds] == pytest.approx([values.mean(), *values], rel=1e-5)
            assert [low, high] == pytest.approx([expected.low, expected.high], rel=1e-4)


def test_random_weights_are_the_mean_over_the_draws(study: Study) -> None:
    draws = [f"random {draw}" for draw in range(3)]
    values = study.table(CASE)["rmse"].sel(model=draws).mean("model")
    found = atlas.scores(atlas.ladder(study, CASE, "own"))
    assert found["random"]["rmse"][3:] == pytest.approx(values.values.tolist(), rel=1e-5)
    assert not set(draws) & set(found)


def test_a_set_without_all_replicates_says_which_it_has(study: Study) -> None:
    mean, low, high, *seeds = atlas.scores(atlas.ladder(study, "forcing", "own"))["1+4"]["rmse"]
    there = [value for value in seeds if value is not None]
    assert 1 < len(there) < len(seeds) and low < mean < high
    assert mean == pytest.approx(np.mean(there), rel=1e-5)


def test_a_field_is_that_of_the_network_within_half_a_step(study: Study) -> None:
    target = study.case(CASE).target
    shown = atlas.snapshot(study, target)
    kept = atlas.picture(study, CASE, "2", shown)
    inputs, _ = study.tensors(target)
    middle = study.pairs(target).sizes["time"] // 2
    output = predict(study.transferred(CASE, [2]), inputs[middle : middle + 1])[0, 0].numpy()
    scales = study.scales(target)
    assert isinstance(scales, Scales)
    expected = output.astype(float) * scales.sgs
    step = kept["field"][0]
    field = atlas.decoded(kept["field"]).reshape(expected.shape)
    assert np.abs(field - expected).max() <= 0.501 * step
    assert step == pytest.approx(np.abs(expected).max() / atlas.LEVELS)
    truth = shown["sgs"].values[0]
    error = np.linalg.norm(expected - truth) / np.linalg.norm(truth)
    assert kept["error"] == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("model", ["none", "dimensional", "gain", "gains", "all", "scratch_all", "gradient"])
def test_the_error_of_what_is_shown_is_that_which_was_scored(study: Study, model: str) -> None:
    """`Study.score` takes another way to the same field, in physical units."""
    target = study.case(CASE).target
    shown = atlas.snapshot(study, target)
    kept = atlas.picture(study, CASE, model, shown)
    scored = study.score(CASE, model)
    middle = scored.sizes["snapshot"] // 2
    assert kept["error"] == pytest.approx(float(scored["rmse"][middle]), rel=1e-3)
    truth, field = shown["sgs"].values[0].ravel(), atlas.decoded(kept["field"])
    error = np.linalg.norm(field - truth) / np.linalg.norm(truth)
    assert error == pytest.approx(kept["error"], abs=0.02)
    spectrum = scored["spectrum"].sel(field="prediction").values
    assert kept["spectrum"] == pytest.approx(spectrum.tolist(), rel=1e-3)


def test_kernels_are_those_that_changed_most_with_their_types(study: Study) -> None:
    base, new = study.base(CASE).layer(2).weight, study.transferred(CASE, [2]).layer(2).weight
    before, after = strongest_changes(base, new, atlas.KERNELS)
    found = atlas.changed_kernels(study, CASE, (2,))
    assert len(found) == atlas.KERNELS and {one["layer"] for one in found} == {2}
    for place, one in enumerate(found):
        pair = torch.stack([before[place], after[place]]).detach()
        weights = atlas.decoded(one["weights"]).reshape(pair.shape)
        assert np.abs(weights - pair.numpy()).max() <= 0.501 * one["weights"][0]
        assert one["types"] == classify(pair).tolist()
        assert torch.equal(base[one["to"] - 1, one["from"] - 1].double(), before[place].double())


def test_of_several_layers_the_strongest_are_shown(study: Study) -> None:
    found = atlas.changed_kernels(study, CASE, tuple(study.layers))
    weights = [atlas.decoded(one["weights"]).reshape(2, -1) for one in found]
    change = [float(np.linalg.norm(after - before)) for before, after in weights]
    assert change == sorted(change, reverse=True) or np.allclose(
        change, sorted(change, reverse=True), rtol=0.02
    )


def test_numbers_of_one_byte_are_off_by_half_a_step_at_most() -> None:
    values = np.random.default_rng(0).normal(size=(7, 7))
    kept = atlas.coded(values)
    assert np.abs(atlas.decoded(kept) - values.ravel()).max() <= 0.5 * kept[0] * (1 + 1e-12)
    assert atlas.decoded(atlas.coded(np.zeros(3))).tolist() == [0.0, 0.0, 0.0]


# ---- the whole of it, of a study that has little


@pytest.fixture(scope="module")
def little(tiny: dict[str, Any]) -> Study:
    made = begin("smoke", {**tiny, "seeds": 1, "network": {"layers": 5, "channels": 4}})
    made.make.table("decay")
    return made


def test_what_nobody_has_made_is_left_out(little: Study) -> None:
    found = atlas.gather(little, "decay")
    assert list(found["cases"]) == list(little.ladders) and found["layers"] == 5
    assert list(found["cases"]["decay"]["scores"]) == ["own"]
    assert found["cases"]["filter"] == {
        "base": "target", "target": "boxed", "seeds": 1, "scores": {}, "kept": {},
    }  # fmt: skip
    assert set(found["cases"]["decay"]["kept"]) >= {"none", "dimensional", "gain", "gains", "all", "2"}
    assert found["cases"]["decay"]["scores"]["own"]["2"]["rmse"][1:3] == [None, None]  # one replicate
    assert set(found["flows"]["target"]["kept"]) == {"scratch_all", "gradient"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_set_of_the_readers_own_is_known_once_it_was_re_trained(little: Study) -> None:
    assert atlas.own(little, "decay", "own", (1, 3)) is None
    score = little.make.score("decay", [1, 3])
    found = atlas.own(little, "decay", "own", (1, 3))
    assert found is not None
    value = pytest.approx(float(score["rmse"].mean()), rel=1e-5)
    assert found["scores"]["rmse"] == [value, None, None, value]
    assert {one["layer"] for one in found["kept"]["kernels"]} <= {1, 3}
    assert found["kept"]["field"][0] > 0


def test_other_units_give_another_field(little: Study) -> None:
    shown = atlas.snapshot(little, "target")
    own, other = (atlas.predicted(little, "decay", model, shown) for model in ("none", "dimensional"))
    assert not np.allclose(own, other)
