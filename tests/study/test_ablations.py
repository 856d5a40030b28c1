"""Every variant is one choice changed, and a made-up story that survives or does not is told as such."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from tlfourier.study import ablations
from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def study(tiny: dict[str, Any]) -> Study:
    return begin("smoke", tiny)


def table(shallow: float, deep: float) -> xr.Dataset:
    """Return scores of three layers and the baselines over two seeds."""
    errors = {"none": 0.9, "all": 0.4, "1": shallow + 0.05, "2": shallow, "3": deep}
    values = np.array(list(errors.values()))[:, None] + [0.0, 0.01]
    return xr.Dataset({"rmse": (("model", "seed"), values)}, {"model": list(errors), "seed": [0, 1]})


def test_every_variant_is_another_study_and_names_are_unique() -> None:
    study = begin("laptop")
    names = [variant.name for variant in ablations.VARIANTS]
    assert len(set(names)) == len(names)
    specs = [variant.of(study).spec for variant in ablations.VARIANTS]
    assert specs[0] == study.spec
    assert all(specs.count(spec) == 1 for spec in specs)


@pytest.mark.parametrize("variant", ablations.VARIANTS, ids=lambda variant: variant.name)
def test_only_what_must_be_is_trained_again(study: Study, variant: ablations.Variant) -> None:
    varied = variant.of(study)
    same = varied.node("forcing", "none").key == study.node("forcing", "none").key
    assert same is not variant.retrained
    assert varied.node("forcing", "none").inputs["train"].spec["split"] == "train"


def test_all_variants_are_in_the_programme_of_the_laptop() -> None:
    full = begin("laptop")
    found = ablations.nodes(full)
    assert len({node.key for node in found}) == len(found)
    scored = [score for node in found for score in node.inputs.values()]
    layers = {score.inputs["network"].spec.get("layers") for score in scored}
    assert {(layer,) for layer in full.layers} <= layers


def test_a_story_that_survives_and_one_that_does_not() -> None:
    wider = table(0.5, 0.8).reindex(seed=range(5))  # as the case has more seeds than the variant
    found = ablations.summary({"good": wider, "bad": table(0.8, 0.5)})
    assert found["survives"].values.tolist() == [True, False]
    assert found["best_layer"].values.tolist() == [2, 3]
    np.testing.assert_allclose(found["margin"], [0.3, -0.3])
    np.testing.assert_allclose(found["none"], 0.905)
    assert found["depth"].sel(variant="good") > 0 > found["depth"].sel(variant="bad")


def test_the_whole_page_from_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    some = tuple(v for v in ablations.VARIANTS if v.name in (*ablations.RATES, "padded with zeros"))
    monkeypatch.setattr(ablations, "VARIANTS", some)
    study.make_all(ablations.nodes(study), workers=1)
    found = ablations.summary(ablations.scores(study))
    assert found["variant"].values.tolist() == [variant.name for variant in some]
    assert np.isfinite(found["best"]).all()
    assert ablations.fair(study).sizes == {"layer": 3, "seed": 1}
