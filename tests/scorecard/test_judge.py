import dataclasses

import numpy as np
import xarray as xr
from scipy import stats

from tlfourier.scorecard import Claim, Evidence, Missing, holm, scorecard
from tlfourier.scorecard.evidence import chosen

NOTHING = Evidence(xr.Dataset(), xr.Dataset())


def claim(values: list[float], margin: float | None = None, number: str = "C1") -> Claim:
    """Return a claim with these effects."""
    return Claim(number, "page", lambda _: xr.DataArray(values, dims="seed"), "words", "quantity", margin)


def test_effect_and_interval_are_student_s() -> None:
    values = [0.1, 0.2, 0.4]
    found = scorecard({"one": NOTHING}, [claim(values)]).squeeze()
    interval = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose([found["low"].item(), found["high"].item()], interval)
    np.testing.assert_allclose(found["p"], stats.ttest_1samp(values, 0, alternative="greater").pvalue)
    assert (found["bound"].item(), found["threshold"].item()) == ("> 0", 0.025)


def test_no_worse_than_the_margin_is_supported_however_much_better() -> None:
    rows = {
        "near": [0.01, -0.01, 0.0, 0.005],
        "better": [-0.21, -0.19, -0.2, -0.2],
        "worse": [0.21, 0.19, 0.2, 0.2],
        "wide": [0.2, -0.2, 0.1, -0.1],
    }
    table = [claim(values, 0.05, f"C{i}") for i, values in enumerate(rows.values())]
    found = scorecard({"one": NOTHING}, table).squeeze()
    assert found["verdict"].values.tolist() == ["supported", "supported", "refuted", "undecided"]
    assert set(found["bound"].values) == {"< 0.05"}
    wanted = stats.ttest_1samp(rows["near"], 0.05, alternative="less").pvalue
    np.testing.assert_allclose(found["p"].sel(claim="C0"), wanted)


def test_the_same_networks_are_judged_once() -> None:
    values = [0.1, 0.2, 0.15, 0.3]
    rests = dataclasses.replace(claim(values), rests_on=("census",))
    names = ["decay", "forcing", "reynolds"]
    keys = {"decay": "a", "forcing": "b", "reynolds": "b"}
    known = {name: dataclasses.replace(NOTHING, identity={"census": keys[name]}) for name in names}
    found = scorecard(known, [rests]).squeeze()
    assert found["same_as"].values.tolist() == ["", "", "forcing"]
    np.testing.assert_allclose(found["p"], holm([stats.ttest_1samp(values, 0).pvalue / 2] * 2)[0])
    for other in (scorecard(known, [claim(values)]), scorecard(dict.fromkeys(names, NOTHING), [rests])):
        assert (other["same_as"] == "").all()
        np.testing.assert_allclose(other["p"], 1.5 * found["p"][0])


def test_more_cases_in_a_family_make_it_harder() -> None:
    values, family = [0.1, 0.2, 0.15, 0.3], Evidence(NOTHING.test, NOTHING.validation, family="crowd")
    doubtful = {f"case {i}": family for i in range(9)}

    def effect(evidence: Evidence) -> xr.DataArray:
        return xr.DataArray(values if evidence is sure or evidence is NOTHING else [1.0, -1.0, 0.5])

    sure = Evidence(NOTHING.test, NOTHING.validation, family="crowd")
    asked = Claim("C1", "", effect, "", "")
    alone = scorecard({"one": NOTHING}, [asked])
    crowd = scorecard({"one": sure, **doubtful}, [asked])
    other = scorecard({"one": NOTHING, **doubtful}, [asked])
    np.testing.assert_allclose(crowd["p"].values[0, 0], 10 * alone["p"].item())
    np.testing.assert_allclose(other["p"].values[0, 0], alone["p"].item())
    assert alone["verdict"].item() == "supported"
    assert crowd["verdict"].values[0, 0] == "undecided"
    assert 4 < crowd["needed"].values[0, 0] < 20


def test_a_reason_stands_where_nothing_was_judged() -> None:
    def missing(_: Evidence) -> xr.DataArray:
        raise Missing("no such thing")

    found = scorecard({"one": NOTHING}, [Claim("C1", "", missing, "", ""), claim([np.nan], number="C2")])
    assert found["verdict"].values[:, 0].tolist() == ["not run", "not run"]
    assert found["reason"].values[:, 0].tolist() == ["no such thing", "no seed has a finite effect"]


def test_choices_are_made_on_validation_and_scored_on_test() -> None:
    axes = {"model": ["1", "2"], "seed": [0, 1]}
    validation = xr.Dataset({"rmse": (("model", "seed"), [[0.1, 0.4], [0.2, 0.3]])}, axes)
    test = xr.Dataset({"rmse": (("model", "seed"), [[0.9, 0.1], [0.1, 0.8]])}, axes)
    found = chosen(Evidence(test, validation), ["1", "2"])
    np.testing.assert_array_equal(found, [0.9, 0.8])
