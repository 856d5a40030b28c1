"""A whole study, tiny but real: every artifact that the book reads is made, named, scored and shipped."""

import dataclasses
import json
import math
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.store.store import Store
from tlfourier.study import settings
from tlfourier.study.design import Design
from tlfourier.study.stages import networks
from tlfourier.study.stages.data import diagnose_node, simulate_node
from tlfourier.study.study import NotMade, Study, begin
from tlfourier.study.verdicts import STAGES


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny: dict[str, Any]) -> Study:
    ledger = tmp_path_factory.mktemp("study") / "ledger.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_LEDGER", str(ledger))
        made = begin("smoke", tiny)
    made.make_all(workers=1)
    return made


def test_every_leaf_is_made(study: Study) -> None:
    assert all(study.store.find(node) for node in study.leaves())
    assert study.store.verify() == []
    assert not list((study.store.root / "partial").rglob("*.*"))


def test_scores_have_every_model_and_seed(study: Study) -> None:
    table = study.scores("forcing")
    assert list(table.model.values) == ["none", "gain", "all", "scratch_few", "scratch_all", "1", "2", "3"]
    assert table.sizes["seed"] == 2
    assert bool(np.isfinite(table["rmse"]).all())
    pair = study.scores("forcing", [(1, 3), "none"])
    assert list(pair.model.values) == ["1+3", "none"]


def test_a_transfer_changes_its_layers_and_no_other_bit(study: Study) -> None:
    base, moved = study.base("forcing").state_dict(), study.transferred("forcing", {2}).state_dict()
    for name, value in base.items():
        assert torch.equal(value, moved[name]) == (not name.startswith("conv02"))


def test_transfers_are_loaded_as_they_were_scored(study: Study) -> None:
    again = networks.score_node(study.spec, "target", study.design.network_node("forcing", {1}))
    first = study.score("forcing", {1})
    elsewhere = Store(study.store.root.parent / "elsewhere", STAGES, others=(study.store.root,))
    assert elsewhere.get(again) == study.store.get(again)
    inputs, wanted = study.tensors("target")
    with torch.no_grad():
        predicted = study.transferred("forcing", {1})(inputs)
    error = (predicted - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1)
    assert float(first["rmse"].mean()) == pytest.approx(float(error.mean()), rel=1e-4)


def test_the_cases_share_what_they_have_in_common(study: Study) -> None:
    node = study.design.network_node
    assert node("forcing", "scratch_all") == node("reynolds", "scratch_all")
    assert node("forcing", "none") != node("reynolds", "none")


def test_the_ledger_lists_what_a_page_used(study: Study) -> None:
    study.diagnostics("target")
    assert study.ledger is not None
    lines = [json.loads(line) for line in study.ledger.read_text().splitlines()]
    assert diagnose_node(study.spec, "target").name in [line["artifact"] for line in lines]


def test_the_shipped_copy_is_enough_for_the_book(study: Study, tmp_path: Path) -> None:
    shipped = tmp_path / "reference"
    for archive in study.store.ship(study.leaves(), tmp_path / "archives"):
        with zipfile.ZipFile(archive) as content:
            content.extractall(shipped / archive.stem.partition("-")[0])
    reader = Study(study.design, Store(tmp_path / "empty", STAGES, others=(shipped,)), patience=0.0)
    assert reader.scores("reynolds").equals(study.scores("reynolds"))
    reader.make_all()
    reader.transferred("reynolds", {3})
    reader.continued("reynolds", study.design.probed_layers)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            lambda study: study.base("reynold"),
            "unknown case 'reynold': accepted are decay, reynolds, forcing, filter",
        ),
        (
            lambda study: study.diagnostics("calm"),
            "unknown flow 'calm': accepted are decaying, viscous, small_scale",
        ),
        (lambda study: study.transferred("forcing", {12}), r"layers=\{12\}: this network has layers 1\.\.3"),
        (lambda study: study.base("forcing", seed=7), r"seed=7: case 'forcing' has seeds 0\.\.1"),
        (lambda study: study.design.network_node("forcing", "everything"), "unknown model 'everything'"),
    ],
)
def test_bad_questions_are_answered_in_one_sentence(study: Study, ask: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(study)


def test_golden_keys_of_the_laptop_study() -> None:
    """The published book's artifacts have these addresses; a change here is a change of every number."""
    spec = settings.load("laptop")
    assert simulate_node(spec, "decaying").name == "simulate/762c865259642be5"
    assert simulate_node(spec, "viscous").name == "simulate/73b0748f30750ff1"
    assert simulate_node(spec, "small_scale").name == "simulate/f36a8caea735055c"
    assert simulate_node(spec, "target").name == "simulate/71ab850c8715485f"
    assert networks.train_node(spec, "small_scale", 0).name == "train/8f8ef0630fbce548"
    assert networks.transfer_node(spec, "forcing", (2,), 0).name == "transfer/5769276406ba0d70"


def empty(root: Path, *arguments: Any) -> Study:
    """Return a study without any result."""
    return Study(Design(settings.load(*arguments)), Store(root, STAGES))


def test_hours_of_work_are_not_begun_unasked(tmp_path: Path) -> None:
    study = empty(tmp_path / "store", "laptop")
    with pytest.raises(NotMade) as caught:
        study.scores("forcing reversed")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert re.match(r"score on test: train on \d+ samples, seed 0: this is not there", sentence)
    assert re.search(r"making it takes about \d+ min \(\d+ artifacts\)", sentence)
    assert "study.make.scores(...)" in sentence
    assert not (tmp_path / "store").exists()


def test_seconds_of_work_are_done_without_being_asked_for(
    tmp_path: Path, tiny: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    study = empty(tmp_path / "store", "smoke", tiny)
    found = study.scores("forcing reversed")
    assert bool(np.isfinite(found["rmse"]).all())
    assert capfd.readouterr().out == ""  # bars go to the other stream


def test_what_is_asked_for_is_made_whatever_it_takes(tmp_path: Path, tiny: dict[str, Any]) -> None:
    study = dataclasses.replace(empty(tmp_path / "store", "smoke", tiny), patience=0.0)
    with pytest.raises(NotMade, match="diagnose: simulate Re"):
        study.diagnostics("target")
    assert study.make.patience == math.inf
    assert study.make.vary({"transfer.steps": 3}).patience == math.inf
    made = study.make.diagnostics("target")
    xr.testing.assert_identical(study.diagnostics("target"), made)


@pytest.mark.parametrize("what", ["the base is gone", "the base is damaged"])
def test_what_a_result_is_read_with_is_not_made_unasked_either(
    study: Study, tmp_path: Path, what: str
) -> None:
    """A re-trained network is read with its base: its own file has the layers that were re-trained alone."""
    moved, base = (study.design.network_node("forcing", model) for model in ("2", "none"))
    for node in (moved, base):
        shutil.copytree(str(study.store.get(node)), tmp_path / node.name)
    (tmp_path / base.name / ("manifest.json" if "gone" in what else "network.safetensors")).unlink()
    reader = Study(study.design, Store(tmp_path, STAGES), patience=0.0)
    with pytest.raises(NotMade, match="train on 6 samples, seed 0: this is not there"):
        reader.transferred("forcing", {2})
    assert not (tmp_path / "partial").exists()


def test_a_design_needs_no_disk_and_no_sweep() -> None:
    """Every node of the book is named and no file opened, and nothing that runs work is imported."""
    program = """
import sys
from tlfourier.study import targets
from tlfourier.study.design import Design
from tlfourier.study.settings import load
design = Design(load("smoke"))
touched = []
sys.addaudithook(lambda event, _: touched.append(event) if event in ("open", "os.mkdir") else None)
keys = {node.key for node in targets.book(design)}
assert len(keys) > 500 and touched == [], touched
loaded = [name for name in sys.modules if name.startswith(("tlfourier.sweep", "tlfourier.store.store"))]
assert loaded == [], loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
