import numpy as np
import pytest
import xarray as xr
from scipy import stats

from tlfourier.scorecard import Claim, Evidence, Missing, holm, scorecard
from tlfourier.scorecard.evidence import chosen

NOTHING = Evidence(xr.Dataset(), xr.Dataset())


def claim(values: list[float], margin: float | None = None, number: str = "C1") -> Claim:
    """Return a claim with these effects."""
    return Claim(number, "words", lambda _: xr.DataArray(values, dims="seed"), "quantity", "page", margin)


def test_holm_is_the_textbook_example() -> None:
    # Holm (1979) as worked in most textbooks: 0.01, 0.04, 0.03, 0.005 of four tests.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_effect_and_interval_are_student_s() -> None:
    values = [0.1, 0.2, 0.4]
    found = scorecard({"one": NOTHING}, [claim(values)])
    interval = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose([found["low"].item(), found["high"].item()], interval)
    np.testing.assert_allclose(found["p"], stats.ttest_1samp(values, 0, alternative="greater").pvalue)


def test_equivalence_is_two_one_sided_tests() -> None:
    near, far, wide = [0.01, -0.01, 0.0, 0.005], [0.21, 0.19, 0.2, 0.2], [0.2, -0.2, 0.1, -0.1]
    table = [claim(values, 0.05, f"C{i}") for i, values in enumerate((near, far, wide))]
    found = scorecard({"one": NOTHING}, table)
    assert found["verdict"].values[:, 0].tolist() == ["supported", "refuted", "undecided"]
    low = stats.ttest_1samp(near, -0.05, alternative="greater").pvalue
    high = stats.ttest_1samp(near, 0.05, alternative="less").pvalue
    np.testing.assert_allclose(found["p"].values[0, 0], max(low, high))


def test_more_tests_in_a_family_make_it_harder() -> None:
    values = [0.1, 0.2, 0.15, 0.3]
    alone = scorecard({"one": NOTHING}, [claim(values)])
    crowd = scorecard({"one": NOTHING}, [claim(values)] + [claim([1.0, -1.0, 0.5])] * 9)
    other = scorecard({"one": NOTHING}, [claim(values)] + [claim([1.0, -1.0, 0.5], number="C2")] * 9)
    np.testing.assert_allclose(crowd["p"].values[0, 0], 10 * alone["p"].item())
    np.testing.assert_allclose(other["p"].values[0, 0], alone["p"].item())
    assert alone["verdict"].item() == "supported"
    assert crowd["verdict"].values[0, 0] == "undecided"


def test_false_verdicts_are_as_rare_as_promised() -> None:
    random = np.random.default_rng(1)
    table = [claim(random.normal(size=5).tolist(), number=f"C{i}") for i in range(2000)]
    found = scorecard({"one": NOTHING}, table)["verdict"].values
    assert np.mean(found != "undecided") == pytest.approx(0.05, abs=0.015)


def test_a_reason_stands_where_nothing_was_judged() -> None:
    def missing(_: Evidence) -> xr.DataArray:
        raise Missing("no such thing")

    found = scorecard({"one": NOTHING}, [Claim("C1", "", missing, "", ""), claim([np.nan])])
    assert found["verdict"].values[:, 0].tolist() == ["not run", "not run"]
    assert found["reason"].values[:, 0].tolist() == ["no such thing", "no seed has a finite effect"]


def test_choices_are_made_on_validation_and_scored_on_test() -> None:
    axes = {"model": ["1", "2"], "seed": [0, 1]}
    validation = xr.Dataset({"rmse": (("model", "seed"), [[0.1, 0.4], [0.2, 0.3]])}, axes)
    test = xr.Dataset({"rmse": (("model", "seed"), [[0.9, 0.1], [0.1, 0.8]])}, axes)
    found = chosen(Evidence(test, validation), ["1", "2"])
    np.testing.assert_array_equal(found, [0.9, 0.8])
