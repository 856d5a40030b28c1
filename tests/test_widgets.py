"""The chooser without a browser: what its panel is given, and what it asks for, on a tiny, real study."""

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
from matplotlib.figure import Figure

from tlfourier.study import atlas
from tlfourier.study.study import Study, begin
from tlfourier.widgets import MEAN, Chooser

GENTLE = {"samples": 2, "steps": 2, "learning_rate": 3e-4}


CASE = "decay"  # of its pairs only a few belong to the study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny: dict[str, Any]) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("widgets")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        small = {"seeds": 1, "network": {"layers": 5, "channels": 4}}
        made = begin("smoke", {**tiny, **small, "transfer": {**tiny["transfer"], **GENTLE}})
    made.make.table(CASE)
    return made


@pytest.fixture(scope="module")
def gathered(study: Study) -> atlas.Data:
    return atlas.gather(study, CASE)


@pytest.fixture(autouse=True)
def _gathered_once(gathered: atlas.Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all panels what was gathered for the first: they begin with the same study."""
    monkeypatch.setattr(atlas, "gather", lambda study, case: gathered)


@pytest.fixture
def chooser(study: Study) -> Iterator[Chooser]:
    made = Chooser(study, CASE, (2,))
    yield made
    made.panel.close()


def row(chooser: Chooser, model: str, score: str = "rmse") -> list[float | None]:
    """Return what the panel has of a model: mean, interval, replicates."""
    key = f"{chooser.view.case}|{chooser.view.scaling}|{model}"
    known = chooser.view.atlas["cases"][chooser.view.case]["scores"][chooser.view.scaling]
    found: list[float | None] = (chooser.view.own.get(key, {}).get("scores") or known[model])[score]
    return found


def test_a_set_of_the_study_is_known_at_once(chooser: Chooser) -> None:
    assert chooser.chosen == (2,) and chooser.known and chooser.view.offer == {}
    value = float(chooser.study.score(CASE, [2])["rmse"].mean())
    assert row(chooser, "2")[0] == pytest.approx(value, rel=1e-5)
    assert isinstance(chooser.figure(), Figure) and isinstance(chooser.kernels(), Figure)


def test_a_reader_may_choose_by_name(chooser: Chooser) -> None:
    chooser.show(score="spectrum_error", replicate=0, model="gains")
    assert (chooser.view.score, chooser.view.replicate, chooser.label) == ("spectrum_error", 0, "gains")
    assert chooser.known and chooser.chosen == ()
    chooser.show(case="filter", scaling="dimensional", replicate=MEAN)
    assert not chooser.known and chooser.view.offer == {}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"case": "backward"}, "unknown case 'backward': accepted are decay, reynolds"),
        ({"scaling": "base"}, "scaling='base': accepted are own, dimensional"),
        ({"score": "bias"}, "score='bias': accepted are rmse, cc, spectrum_error"),
        ({"replicate": 7}, "replicate=7: accepted are -1, 0"),
        ({"model": "7"}, "this network has layers 1..5"),
        ({"layers": (2,)}, "layers=.*: accepted are replicate, score, case, scaling"),
    ],
)
def test_what_there_is_not_is_refused(chooser: Chooser, wrong: dict[str, Any], sentence: str) -> None:
    before = chooser.view.get_state()
    with pytest.raises(ValueError, match=sentence):
        chooser.show(**wrong)
    assert chooser.view.get_state() == before


def test_an_unknown_set_is_re_trained_and_then_known(chooser: Chooser) -> None:
    chooser.choose(1, 3)
    assert not chooser.known and chooser.view.offer["able"]
    assert chooser.view.offer["text"].startswith("The button does it in about ")
    with pytest.raises(ValueError, match="layer=2: re-trained are 1, 3"):
        chooser.kernels(2)
    chooser.start()
    assert chooser.view.offer["text"].startswith("It is being re-trained")
    assert not chooser.view.offer["able"] and chooser.view.training == "1+3"
    chooser.choose(1, 4)
    assert chooser.view.offer["text"] == "The button does it once layers 1+3 are done."
    assert not chooser.view.offer["able"]
    chooser.choose(1, 3)
    chooser.wait()
    assert chooser.known and chooser.view.offer == {} and chooser.view.training == ""
    expected = float(chooser.study.score(CASE, [1, 3])["rmse"].mean())
    assert row(chooser, "1+3") == [
        pytest.approx(expected, rel=1e-5),
        None,
        None,
        pytest.approx(expected, rel=1e-5),
    ]
    assert float(chooser.table()["rmse"].sel(model="1+3", seed=0)) == pytest.approx(expected)
    assert isinstance(chooser.figure(), Figure) and isinstance(chooser.kernels(3), Figure)
    base, new = (
        one.state_dict() for one in (chooser.study.base(CASE), chooser.study.transferred(CASE, (1, 3)))
    )
    moved = {name for name in base if not torch.equal(base[name], new[name])}
    assert moved <= {f"conv0{layer}.{part}" for layer in (1, 3) for part in ("weight", "bias")}


def test_what_was_re_trained_before_is_known_to_a_new_panel(study: Study) -> None:
    made = Chooser(replace(study, patience=0.0), CASE, (1, 5))
    assert not made.known
    made.retrain()
    again = Chooser(study, CASE, (1, 5))
    assert made.known and again.known and again.view.own == made.view.own
    assert again.view.own[f"{CASE}|own|1+5"]["kept"]["kernels"]
    made.panel.close()
    again.panel.close()


def test_consistent_units_are_re_trained_in_consistent_units(chooser: Chooser) -> None:
    chooser.show(scaling="dimensional", model="3+4")
    chooser.retrain()
    varied = chooser.study.vary({"transfer.scaling": "dimensional"})
    assert chooser.known
    score = float(varied.score(CASE, [3, 4])["rmse"].mean())
    assert chooser.view.own[f"{CASE}|dimensional|3+4"]["scores"]["rmse"][0] == pytest.approx(score, rel=1e-5)


def test_the_wait_that_is_announced_is_the_forecast_of_the_chosen_set(study: Study) -> None:
    made = Chooser(study, CASE, (2,))
    made.choose(3, 5)
    assert re.search(r"in about \d s\.", made.view.offer["text"])
    made.study = study.vary({"transfer.steps": 10**9})
    made.refresh()
    assert re.search(r"in about [\d.]+ (min|h)\.", made.view.offer["text"])
    made.panel.close()


def test_no_layer_is_the_untouched_network_and_every_one_is_all(chooser: Chooser) -> None:
    chooser.choose()
    assert chooser.label == "none" and list(chooser.chosen) == [] and chooser.known
    with pytest.raises(ValueError, match="re-trained are none"):
        chooser.kernels()
    chooser.choose(1, 2, 3, 4, 5)
    assert chooser.label == "all" and list(chooser.chosen) == [1, 2, 3, 4, 5] and chooser.known
    assert isinstance(chooser.figure(), Figure)


def test_the_browser_asks_for_what_the_buttons_say(chooser: Chooser) -> None:
    chooser._told(chooser.view, {"do": "start"}, [])  # of a set that is known already
    chooser._told(chooser.view, {"do": "anything"}, [])
    chooser._told(chooser.view, {"do": "stop"}, [])
    assert chooser.view.training == chooser.view.ending == ""


def endless(study: Study, *chosen: int) -> Chooser:
    """Return a chooser whose table is there, and whose next training would take hours."""
    made = Chooser(study, CASE, (2,))
    made.study = study.vary({"transfer.steps": 10_000_000})
    made.choose(*chosen)
    made.start()
    while "layers " not in made.view.progress:
        made._hear()
    return made


def test_what_goes_wrong_while_re_training_is_said_in_one_sentence(study: Study) -> None:
    made = Chooser(study, CASE, (2,))
    made.study = study.vary({"transfer.steps": 3})
    made.choose(2, 3, 5)
    partial = study.store.root / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.write_text("in the way")
    try:
        made.start()
        made.wait()
    finally:
        partial.unlink()
    assert made.view.ending.startswith("Layers 2+3+5: this did not work: NotADirectoryError: ")
    assert made.view.offer["able"] and made.view.training == ""
    made.retrain()
    assert made.known and made.view.ending == ""
    made.panel.close()


def test_what_goes_wrong_when_a_control_is_used_is_said_too(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(self: Study, *wanted: object, **options: object) -> None:
        raise ValueError("artifact score/x is damaged")

    monkeypatch.setattr(Study, "has_score", damaged)
    chooser.view.model = "1+2+5"
    assert chooser.view.ending == "This did not work: artifact score/x is damaged."


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_stop_ends_a_training_soon_and_leaves_the_store_whole(study: Study) -> None:
    whole = {stage: contents(study.store.root / stage) for stage in study.store.stages}
    made = endless(study, 3, 5)
    before = time.perf_counter()
    made.stop()
    made.wait()
    assert time.perf_counter() - before < 5
    assert multiprocessing.active_children() == []
    assert "Layers 3+5: stopped; what was finished before it is kept." in made.view.ending
    assert made.view.offer["able"] and made.view.training == "" and not made.known
    assert {stage: contents(study.store.root / stage) for stage in study.store.stages} == whole
    assert study.store.verify() == []
    made.panel.close()


def test_an_interrupt_stops_what_a_cell_waits_for(study: Study) -> None:
    made = endless(study, 3, 5)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        made.wait()
    assert "Layers 3+5: stopped" in made.view.ending
    assert multiprocessing.active_children() == []
    made.panel.close()


def test_an_unknown_case_is_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="unknown case 'backward'"):
        Chooser(study, "backward")
