"""Every ablation is one choice changed, and a made-up story that survives or does not is told as such."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from tlfourier.study import ablations, robustness
from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def study(tiny: dict[str, Any]) -> Study:
    return begin("smoke", tiny)


def table(shallow: float, deep: float) -> xr.Dataset:
    """Return scores of three layers and the baselines over two seeds."""
    errors = {"none": 0.9, "all": 0.4, "1": shallow + 0.05, "2": shallow, "3": deep}
    values = np.array(list(errors.values()))[:, None] + [0.0, 0.01]
    return xr.Dataset({"rmse": (("model", "seed"), values)}, {"model": list(errors), "seed": [0, 1]})


def test_every_ablation_is_another_study_and_names_are_unique() -> None:
    study = begin("laptop")
    names = [one.name for one in ablations.ABLATIONS]
    assert len(set(names)) == len(names)
    specs = [study.vary(one.overrides(study.spec)).spec for one in ablations.ABLATIONS]
    assert specs[0] == study.spec
    assert all(specs.count(spec) == 1 for spec in specs)


@pytest.mark.parametrize("ablation", ablations.ABLATIONS, ids=lambda one: one.name)
def test_only_what_must_be_is_trained_again(study: Study, ablation: ablations.Ablation) -> None:
    varied = study.design.vary(ablation.overrides(study.spec)).network_node("forcing", "none")
    same = varied == study.design.network_node("forcing", "none")
    assert same is not ablation.retrained
    assert varied.inputs["train"].spec["split"] == "train"


def test_all_ablations_are_in_the_programme_of_the_laptop() -> None:
    full = begin("laptop")
    found = ablations.nodes(full.design)
    assert len({node.key for node in found}) == len(found)
    scored = [score for node in found for score in node.inputs.values()]
    layers = {score.inputs["network"].spec.get("layers") for score in scored}
    assert {(layer,) for layer in full.layers} <= layers


def test_an_ocean_varies_the_budget_of_a_layer_and_keeps_its_base_networks() -> None:
    design = begin("laptop", system="ocean").design
    names = [one.name for one in ablations.tried(design.spec)]
    assert names == list(design.spec.ablated or ()) and {"four times the steps", *ablations.RATES} == set(
        names
    )
    scored = [score for node in ablations.nodes(design) for score in node.inputs.values()]
    bases = {score.inputs.get("base", score.inputs["network"]) for score in scored}
    assert bases == {design.network_node("three_jets", "none", seed) for seed in range(2)}
    rungs = {score.inputs["network"].spec.get("repair") for score in scored} - {None}
    assert rungs == {"gains", "kernel scales", "weights"}


def test_a_story_that_survives_and_one_that_does_not() -> None:
    wider = table(0.5, 0.8).reindex(seed=range(5))  # as the case has more seeds than the ablation
    found = robustness.summary({"good": wider, "bad": table(0.8, 0.5)})
    assert found["survives"].values.tolist() == [True, False]
    assert found["best_layer"].values.tolist() == [2, 3]
    np.testing.assert_allclose(found["margin"], [0.3, -0.3])
    np.testing.assert_allclose(found["none"], 0.905)
    assert set(found) == {"none", "all", "best", "best_layer", "depth", "margin", "survives"}
    below = table(0.5, 0.8)
    below = xr.concat([below, below.sel(model=["1"]).assign_coords(model=["gains"])], "model")
    np.testing.assert_allclose(robustness.summary({"good": below})["gains"], 0.555)
    assert found["depth"].sel(variant="good") > 0 > found["depth"].sel(variant="bad")


def test_the_whole_page_from_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (*ablations.RATES, "padded with zeros")
    some = tuple(one for one in ablations.ABLATIONS if one.name in wanted)
    monkeypatch.setattr(ablations, "ABLATIONS", some)
    study.make_all(ablations.nodes(study.design), workers=1)
    found = robustness.summary(robustness.scores(study))
    assert found["variant"].values.tolist() == [one.name for one in some]
    assert np.isfinite(found["best"]).all()
    assert robustness.fair(study).sizes == {"layer": 3, "seed": 1}
