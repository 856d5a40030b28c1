"""The chooser without a browser: every control's callback on a tiny, real study."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from tlfourier.store.store import Store
from tlfourier.study.study import Study, begin
from tlfourier.widgets import Chooser

# steps that lower the validation error of any set of layers, so that each is seen to change
GENTLE = {"samples": 2, "steps": 2, "learning_rate": 3e-4}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny: dict[str, Any]) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("widgets")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        made = begin("smoke", {**tiny, "seeds": 1, "transfer": {**tiny["transfer"], **GENTLE}})
    made.scores("forcing")
    return made


@pytest.fixture
def chooser(study: Study) -> Iterator[Chooser]:
    made = Chooser(study, "forcing", (2,))
    yield made
    made.panel.close()


def image(html: str) -> bytes:
    """Return the picture that an HTML image holds."""
    return base64.b64decode(html.split("base64,")[1].split('"')[0])


def test_a_shipped_set_is_shown_at_once(chooser: Chooser) -> None:
    assert chooser.chosen == (2,) and chooser.known and chooser.button.disabled
    assert image(chooser.chart.value).startswith(b"\x89PNG")
    assert image(chooser.gallery.value).startswith(b"\x89PNG")
    value = float(chooser.study.score("forcing", [2])["rmse"].mean())
    assert f"relative RMSE {value:.3f}" in chooser.status.value


def test_every_control_changes_what_is_shown(chooser: Chooser) -> None:
    before = chooser.chart.value
    chooser.score.value = "spectrum_error"
    assert chooser.chart.value != before and "spectrum error" in chooser.status.value
    gallery = chooser.gallery.value
    chooser.choose(1)
    assert chooser.gallery.value != gallery and chooser.kernels_of.value == 1
    assert "Layers 1," in chooser.status.value


def test_an_unknown_set_is_re_trained_by_the_button_and_then_shown(chooser: Chooser) -> None:
    chooser.choose(1, 3)
    assert not chooser.known and not chooser.button.disabled
    assert "not re-trained yet" in chooser.status.value and chooser.gallery.value == ""
    chooser.button.click()
    assert chooser.known and chooser.button.disabled
    assert "Layers 1+3, seed 0" in chooser.status.value
    assert list(chooser.kernels_of.options) == [1, 3]
    table = chooser.table()
    assert "1+3" in table["model"].values
    expected = chooser.study.score("forcing", [1, 3])["rmse"].mean()
    assert float(table["rmse"].sel(model="1+3", seed=0)) == pytest.approx(float(expected))
    moved = chooser.study.transferred("forcing", (1, 3)).state_dict()
    base = chooser.study.base("forcing").state_dict()
    assert [name for name in base if not torch.equal(base[name], moved[name])] == [
        "conv01.weight",
        "conv01.bias",
        "conv03.weight",
        "conv03.bias",
    ]


def test_the_button_asks_for_it_whatever_it_takes(study: Study) -> None:
    chooser = Chooser(replace(study, patience=0.0), "forcing", (1, 2))
    assert not chooser.known
    chooser.button.click()
    assert chooser.known and "Layers 1+2, seed 0" in chooser.status.value
    chooser.panel.close()


def test_a_toggle_has_a_name_and_looks_as_it_is(chooser: Chooser) -> None:
    chooser.choose(1, 3)
    assert [toggle.description for toggle in chooser.toggles] == ["layer 1", "layer 2", "layer 3"]
    assert [toggle.icon for toggle in chooser.toggles] == ["check", "", "check"]
    assert [bool(toggle.button_style) for toggle in chooser.toggles] == [True, False, True]


def test_no_layer_is_an_answerable_choice(chooser: Chooser) -> None:
    chooser.choose()
    assert "Choose at least one layer" in chooser.status.value
    assert chooser.button.disabled and chooser.gallery.value == ""
    assert image(chooser.chart.value).startswith(b"\x89PNG")


def test_what_goes_wrong_is_said_in_the_panel(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = Chooser(study, "forcing", (1,))
    chooser.choose(2, 3)

    def full(self: Store, node: object) -> None:
        raise OSError("no space left on the device")

    def stopped(self: Store, node: object) -> None:
        raise KeyboardInterrupt

    InteractiveShell.instance()  # as in a kernel, where an output widget lets nothing out
    for get, words in ((full, "This did not work: OSError: no space left"), (stopped, "Stopped: what was")):
        with monkeypatch.context() as patch:
            patch.setattr(Store, "get", get)
            chooser.button.click()
        assert words in chooser.status.value
        assert not chooser.button.disabled
    InteractiveShell.clear_instance()
    chooser.panel.close()


def test_an_unknown_case_is_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="unknown case 'backward'"):
        Chooser(study, "backward")
