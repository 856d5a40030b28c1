"""The chooser without a browser: every control's callback on a tiny, real study."""

import base64
import multiprocessing
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

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
    made.table("forcing", models=made.design.singles)
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
    assert "not re-trained yet: the button does it in about " in chooser.status.value
    assert chooser.gallery.value == ""
    chooser.button.click()
    assert "Layers 1+3 are being re-trained" in chooser.status.value
    assert chooser.button.disabled and not chooser.stop_button.disabled
    chooser.choose(1, 2)
    assert "the button does it once layers 1+3 are done" in chooser.status.value and chooser.button.disabled
    chooser.choose(1, 3)
    chooser.wait()
    assert chooser.known and chooser.button.disabled and chooser.stop_button.disabled
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
    chooser.retrain()
    assert chooser.known and "Layers 1+2, seed 0" in chooser.status.value
    chooser.panel.close()


def test_the_wait_that_is_announced_is_the_forecast_of_the_chosen_set(study: Study) -> None:
    made = Chooser(study, "forcing", (2,))
    made.choose(2, 3)
    assert re.search(r"in about \d s\.", made.status.value)
    made.study = study.vary({"transfer.steps": 10**9})
    made.refresh()
    assert re.search(r"in about [\d.]+ (min|h)\.", made.status.value)
    made.panel.close()


def test_the_toggles_are_what_is_chosen(chooser: Chooser) -> None:
    chooser.choose(1, 3)
    assert chooser.toggles.chosen == [1, 3]
    chooser.toggles.chosen = [3]
    assert chooser.chosen == (3,) and "Layers 3," in chooser.status.value


def test_no_layer_is_an_answerable_choice(chooser: Chooser) -> None:
    chooser.choose()
    assert "Choose at least one layer" in chooser.status.value
    assert chooser.button.disabled and chooser.gallery.value == ""
    assert image(chooser.chart.value).startswith(b"\x89PNG")


def endless(study: Study, *chosen: int) -> Chooser:
    """Return a chooser whose table is there, and whose next training would take hours."""
    made = Chooser(study, "forcing", (2,))
    made.study = study.vary({"transfer.steps": 10_000_000})
    made.choose(*chosen)
    made.start()
    while "layers " not in made.progress.value:
        made._hear()
    return made


def test_what_goes_wrong_while_re_training_is_said_in_one_sentence(study: Study) -> None:
    made = Chooser(study.vary({"transfer.steps": 3}), "forcing", (2, 3))
    partial = study.store.root / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.write_text("in the way")
    try:
        made.button.click()
        made.wait()
    finally:
        partial.unlink()
    assert "Layers 2+3: this did not work: NotADirectoryError: " in made.progress.value
    assert not made.button.disabled and made.stop_button.disabled
    made.retrain()
    assert made.known and made.progress.value == ""
    made.panel.close()


def test_what_goes_wrong_when_a_control_is_used_is_said_too(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(self: Study, *wanted: object, **options: object) -> None:
        raise ValueError("artifact table/x is damaged")

    monkeypatch.setattr(Study, "table", damaged)
    chooser.case.value = "reynolds"
    assert "This did not work: artifact table/x is damaged." in chooser.status.value
    assert chooser.chart.value == chooser.gallery.value == ""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_stop_ends_a_training_soon_and_leaves_the_store_whole(study: Study) -> None:
    whole = {stage: contents(study.store.root / stage) for stage in study.store.stages}
    made = endless(study, 2, 3)
    before = time.perf_counter()
    made.stop_button.click()
    made.wait()
    assert time.perf_counter() - before < 5
    assert multiprocessing.active_children() == []
    assert "Layers 2+3: stopped; what was finished before it is kept." in made.progress.value
    assert not made.button.disabled and made.stop_button.disabled and not made.known
    assert {stage: contents(study.store.root / stage) for stage in study.store.stages} == whole
    assert study.store.verify() == []
    made.panel.close()


def test_an_interrupt_stops_what_a_cell_waits_for(study: Study) -> None:
    made = endless(study, 1, 2)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        made.wait()
    assert "Layers 1+2: stopped" in made.progress.value
    assert multiprocessing.active_children() == []
    made.panel.close()


def test_an_unknown_case_is_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="unknown case 'backward'"):
        Chooser(study, "backward")
