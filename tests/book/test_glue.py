"""Numbers on their way into the prose."""

import base64
import csv
import io
from typing import Any

import myst_nb.ext.glue
import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.book import glue
from tlfourier.closure.pairs import Split


def test_scalars_become_plain_numbers_under_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    glued: dict[str, Any] = {}
    monkeypatch.setattr(glue, "glue", lambda name, value: glued.update({name: value}))
    glue.glue_values(
        a=np.float64(0.25), b=torch.tensor(3), c=xr.DataArray(1.5), d="forward", e=7, f=np.ones(1)
    )
    assert glued == {"a": 0.25, "b": 3, "c": 1.5, "d": "forward", "e": 7, "f": 1.0}
    assert all(type(value) in (float, int, str) for value in glued.values())


@pytest.mark.parametrize("value", [0.25, "forward", 3, True])
def test_what_is_glued_is_what_the_book_looks_for(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    for module in (glue, myst_nb.ext.glue):
        name = "display" if module is glue else "ipy_display"
        monkeypatch.setattr(module, name, lambda bundle, **more: shown.append((bundle, more)))
    glue.glue("a", value)
    myst_nb.glue("a", value, display=False)
    assert shown[0] == shown[1]


def test_what_has_parts_is_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    glued: dict[str, Any] = {}
    monkeypatch.setattr(glue, "glue", lambda name, value: glued.update({name: value}))
    scores = xr.Dataset({"best": 0.5, "layer": 2})
    errors = xr.DataArray([0.1, 0.2], {"model": ["none", "2+5"]}).to_series()
    glue.glue_values(
        forcing={"scores": scores, "rmse": errors}, cell=Split(train=3, validation=1, test=1, gap=1)
    )
    assert glued["forcing.scores.best"] == 0.5
    assert glued["forcing.rmse.2+5"] == 0.2
    assert glued["cell.train"] == 3


def test_lists_and_counts_are_written_as_prose_does() -> None:
    assert [glue.listed(range(count)) for count in range(4)] == ["none", "0", "0 and 1", "0, 1 and 2"]
    assert [glue.in_words(count) for count in (0, 3, 12, 40)] == ["no", "three", "twelve", "40"]


def test_more_than_one_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"spectrum has shape \(2,\)"):
        glue.glue_values(spectrum=np.ones(2))


def test_a_download_holds_the_whole_table() -> None:
    table = xr.Dataset({"rmse": ("layer", [0.5, 0.25])}, {"layer": [1, 2]})
    link = glue.download(table, "scores").data
    assert 'download="scores.csv"' in link
    text = base64.b64decode(link.split("base64,")[1].split('"')[0]).decode()
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"layer": "1", "rmse": "0.5"},
        {"layer": "2", "rmse": "0.25"},
    ]
