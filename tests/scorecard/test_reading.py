"""A scorecard that was made up is read as it was written."""

import dataclasses

import pytest
import xarray as xr

from tlfourier.scorecard import CLAIMS, Evidence, Missing, reading, scorecard

CASES = ["forcing", "decay"]


def made_up(**verdicts: list[str]) -> xr.Dataset:
    """Return a scorecard with some verdicts, by the id of the claim with _ for its dot."""
    blank = [dataclasses.replace(claim, effect=missing) for claim in CLAIMS]
    found = scorecard(dict.fromkeys(CASES, Evidence(xr.Dataset(), xr.Dataset())), blank)
    found["verdict"] = found["verdict"].astype("U10")
    for name, row in verdicts.items():
        found["verdict"].loc[{"claim": name.replace("_", ".")}] = row
        found["effect"].loc[{"claim": name.replace("_", ".")}] = [0.5, -0.25]
    return found


def missing(_: Evidence) -> xr.DataArray:
    raise Missing("nothing was gathered")


FOUND = made_up(
    C1=["supported", "undecided"],
    C3=["refuted", "supported"],
    C4_parameters=["undecided"] * 2,
    C13=["refuted"] * 2,
)


def test_claims_are_sorted_by_what_came_out() -> None:
    found = reading.outcomes(FOUND)
    assert found["supported"] == "without transfer the base network fails on the target (C1)"
    assert [found[word][-5:] for word in ("refuted", "mixed", "open")] == ["(C13)", " (C3)", " (C4)"]
    assert reading.outcomes(made_up(C1=["refuted", "supported"], C12=["supported"] * 2))["open"] == "none"
    both = reading.outcomes(made_up(C3=["supported"] * 2, C12=["supported"] * 2))["supported"]
    shallow = "the shallower the re-trained layer, the better (C3)"
    assert both == f"{shallow}; the best layer is more than an output gain (C12)"


def test_the_claims_of_a_case_are_sorted_by_their_verdicts() -> None:
    found = reading.by_verdict(FOUND.sel(claim=["C1", "C12", "C13", "C18"]), "decay")
    assert found["undecided"] == "without transfer the base network fails on the target"
    assert (
        found["not_run"]
        == "the best layer is more than an output gain and 2 % of the data is nearly as good as 10 %"
    )
    assert found["supported"] == "none"


def test_only_what_was_tested_is_put_in_words() -> None:
    words = reading.in_words(FOUND)
    assert [claim for claim, _ in words.index] == ["C1", "C3", "C4.parameters", "C13"]
    assert list(words.columns) == CASES
    assert words.loc["C3"].to_numpy().tolist() == [["refuted", "supported"]]


def test_a_table_has_a_row_for_each_claim_and_case() -> None:
    table = reading.as_table(FOUND)
    assert table["claim"].tolist() == [claim.id for claim in CLAIMS for _ in CASES]
    assert table["case"].tolist() == CASES * len(CLAIMS)
    assert (table.verdict != "not run").sum() == 8
    assert set(table.threshold) == {0.025} and set(table.bound) == {"> 0", "< 0.05"}


def test_a_cell_holds_what_the_scorecard_holds() -> None:
    cell = reading.cell(FOUND, "C3", "decay")
    assert (cell.verdict, cell.effect, cell.seeds, cell.bound) == ("supported", -0.25, 0, "> 0")
    assert reading.cell(FOUND, "C2", "decay").reason == "nothing was gathered"
    with pytest.raises(ValueError, match="claim 'C4': accepted are C1, C2"):
        reading.cell(FOUND, "C4", "decay")
    with pytest.raises(ValueError, match="case 'rotation': accepted are forcing, decay"):
        reading.cell(FOUND, "C3", "rotation")


def test_verdicts_are_spoken() -> None:
    assert reading.spoken(FOUND, "C3", CASES) == "supported in decay, refuted in forcing"
    assert reading.spoken(FOUND, "C13", CASES) == "refuted in forcing and decay"


def test_verdicts_on_the_same_networks_are_counted_once() -> None:
    found = FOUND.copy(deep=True)
    tested = {"supported": 2, "refuted": 3, "undecided": 3, "judged": 8}
    assert reading.counts(found) == tested | {"not_run": 2 * len(CLAIMS) - 8}
    found["same_as"] = found["same_as"].astype("U10")
    found["same_as"].loc[{"claim": "C13", "case": "decay"}] = "forcing"
    assert reading.counts(found)["refuted"] == 2 and reading.counts(found)["judged"] == 7


def test_the_logged_losses_of_the_ocean_model_spread_as_published() -> None:
    spread = reading.spread_of_layers(reading.LOGGED)
    assert spread["larger eddies"] == pytest.approx(100 * (0.0730 / 0.0710 - 1))
    assert spread["3 jets"] == pytest.approx(100 * (0.193 / 0.160 - 1))


def test_losses_stand_as_they_were_logged() -> None:
    models = ["none", "1", "2", "5", "7", "all", "scratch_all"]
    errors = xr.DataArray(
        [[0.8, 0.6], [0.5, 0.5], [0.4, 0.2], [0.3, 0.3], [0.7, 0.1], [0.1, 0.1], [0.2, 0.4]],
        {"model": models, "seed": [0, 1]},
        ("model", "seed"),
    )
    table = reading.losses({"three_jets": errors})
    assert list(table.columns) == list(reading.LOGGED.columns) and list(table.index) == ["three_jets"]
    assert table.loc["three_jets"].tolist() == pytest.approx([0.5, 0.1, 0.09, 0.25, 0.1])
    assert reading.order_of_layers(table)["three_jets"] == "5, 2, 7"


def test_the_logged_losses_do_not_begin_with_layer_2_everywhere() -> None:
    order = reading.order_of_layers(reading.LOGGED)
    assert order.to_dict() == {"larger eddies": "5, 2, 7", "3 jets": "2, 5, 7", "4 jets": "2, 5, 7"}
