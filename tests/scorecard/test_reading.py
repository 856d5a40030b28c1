"""A scorecard that was made up is read as it was written."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard import CLAIMS, reading

CASES = ["forcing", "decay"]


def made_up(**verdicts: list[str]) -> xr.Dataset:
    """Return a scorecard with some verdicts, by the number of the claim; its first statement takes them."""
    shape = (len(CLAIMS), len(CASES))
    words, numbers = np.full(shape, "not run", dtype="U10"), [claim.number for claim in CLAIMS]
    effects = np.full(shape, np.nan)
    for number, row in verdicts.items():
        words[numbers.index(number)] = row
        effects[numbers.index(number)] = [0.5, -0.25]
    cells: dict[str, Any] = dict.fromkeys(("effect", "low", "high", "p"), effects)
    cells |= {"verdict": words, "seeds": np.zeros(shape), "reason": np.full(shape, "")}
    data: dict[str, Any] = {name: (("claim", "case"), values) for name, values in cells.items()}
    data |= {
        name: ("claim", [getattr(claim, name) for claim in CLAIMS])
        for name in ("number", "words", "quantity")
    }
    return xr.Dataset(data, {"case": CASES})


FOUND = made_up(
    C1=["supported", "undecided"], C3=["refuted", "supported"], C4=["undecided"] * 2, C13=["refuted"] * 2
)


def test_claims_are_sorted_by_what_came_out() -> None:
    assert reading.outcomes(FOUND) == {"supported": "C1", "refuted": "C13", "mixed": "C3", "open": "C4"}
    assert reading.outcomes(made_up(C1=["refuted", "supported"]))["open"] == "none"


def test_only_what_was_tested_is_put_in_words() -> None:
    words = reading.in_words(FOUND)
    assert [number for number, _ in words.index] == ["C1", "C3", "C4", "C13"]
    assert list(words.columns) == CASES
    assert words.loc["C3"].to_numpy().tolist() == [["refuted", "supported"]]


def test_a_table_has_a_row_for_each_claim_and_case() -> None:
    table = reading.as_table(FOUND)
    assert len(table) == len(CLAIMS) * len(CASES)
    assert (table.verdict != "not run").sum() == 8


def test_a_cell_is_that_of_the_first_statement() -> None:
    assert reading.verdicts_of(FOUND, "C3", ["decay", "forcing"]) == ["supported", "refuted"]
    assert reading.effects_of(FOUND, "C3", ["decay", "forcing"]) == [-0.25, 0.5]
    with pytest.raises(ValueError, match="claim 'C99': there are C1, C2"):
        reading.cell(FOUND, "C99", "decay")
    with pytest.raises(ValueError, match="case 'rotation': there are forcing, decay"):
        reading.cell(FOUND, "C3", "rotation")


def test_the_logged_losses_of_the_ocean_model_spread_as_published() -> None:
    spread = reading.spread_of_layers(reading.LOGGED)
    assert spread["larger eddies"] == pytest.approx(100 * (0.0730 / 0.0710 - 1))
    assert spread["3 jets"] == pytest.approx(100 * (0.193 / 0.160 - 1))
