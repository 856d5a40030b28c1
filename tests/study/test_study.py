"""A whole study, tiny but real: every artifact that the book reads is made, named, scored and shipped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tlfourier.store.store import Store
from tlfourier.study import settings
from tlfourier.study.stages import networks
from tlfourier.study.study import Study, begin


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
    again = networks.score_node(study.spec, "target", study.node("forcing", {1}))
    first = study.score("forcing", {1})
    elsewhere = Store(study.store.root.parent / "elsewhere", networks.MAKERS, study.store.root)
    assert elsewhere.get(again) == study.store.get(again)
    inputs, wanted = study.tensors("target")
    with torch.no_grad():
        predicted = study.transferred("forcing", {1})(inputs)
    error = (predicted - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1)
    assert float(first["rmse"].mean()) == pytest.approx(float(error.mean()), rel=1e-4)


def test_the_cases_share_what_they_have_in_common(study: Study) -> None:
    assert study.node("forcing", "scratch_all") == study.node("reynolds", "scratch_all")
    assert study.node("forcing", "none") != study.node("reynolds", "none")


def test_the_ledger_lists_what_a_page_used(study: Study) -> None:
    study.diagnostics("target")
    assert study.ledger is not None
    lines = [json.loads(line) for line in study.ledger.read_text().splitlines()]
    assert networks.diagnose_node(study.spec, "target").name in [line["artifact"] for line in lines]


def test_the_shipped_copy_is_enough_for_the_book(study: Study, tmp_path: Path) -> None:
    shipped = tmp_path / "reference"
    study.store.copy_to(study.leaves(), shipped)
    reader = Study(study.spec, Store(tmp_path / "empty", {}, shipped))
    assert reader.scores("reynolds").equals(study.scores("reynolds"))
    reader.make_all()
    reader.transferred("reynolds", {3})
    reader.continued("reynolds", study.null_layers)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            lambda study: study.base("reynold"),
            "unknown case 'reynold': accepted are decay, reynolds, forcing, also",
        ),
        (
            lambda study: study.diagnostics("calm"),
            "unknown flow 'calm': accepted are decaying, viscous, small_scale",
        ),
        (lambda study: study.transferred("forcing", {12}), r"layers=\{12\}: this network has layers 1\.\.3"),
        (lambda study: study.base("forcing", seed=7), r"seed=7: case 'forcing' has seeds 0\.\.1"),
        (lambda study: study.node("forcing", "everything"), "unknown model 'everything'"),
    ],
)
def test_bad_questions_are_answered_in_one_sentence(study: Study, ask: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(study)


def test_golden_keys_of_the_laptop_study() -> None:
    """The published book's artifacts have these addresses; a change here is a change of every number."""
    spec = settings.load("laptop")
    assert networks.simulate_node(spec, "decaying").name == "simulate/18a1c20ff4fcf813"
    assert networks.simulate_node(spec, "viscous").name == "simulate/5f9da6d3bb6c77d1"
    assert networks.simulate_node(spec, "small_scale").name == "simulate/3d7b936a9913c0db"
    assert networks.simulate_node(spec, "target").name == "simulate/3b84b03518ea3003"
    assert networks.train_node(spec, "small_scale", 0).name == "train/b8f77bde547033a2"
    assert networks.transfer_node(spec, "forcing", (2,), 0).name == "transfer/f4466ed8f48f4a9f"
