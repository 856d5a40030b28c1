"""Settings: the defaults are the paper, profiles shrink them, and bad input is named."""

import json

import pytest

from tlfourier.flow.grid import Grid
from tlfourier.study import settings


def test_the_defaults_are_the_paper() -> None:
    assert settings.load("paper") == settings.StudySpec()
    assert settings.load("paper").network.layers == 11
    assert settings.load("paper").network.channels == 64
    assert settings.load("paper").training.samples == 2000
    assert settings.load("paper").transfer.samples == 200


@pytest.mark.parametrize("profile", ["smoke", "laptop", "paper"])
def test_profiles_change_sizes_never_topology(profile: str) -> None:
    spec, paper = settings.load(profile), settings.StudySpec()
    assert spec.network.layers == paper.network.layers
    assert spec.network.kernel_size == paper.network.kernel_size
    assert set(spec.cases) == set(paper.cases)
    assert set(spec.flows) == set(paper.flows)


def test_dotted_and_nested_overrides_are_the_same() -> None:
    dotted = settings.load("smoke", {"transfer.steps": 3, "flows.target.reynolds": 500})
    nested = settings.load("smoke", {"transfer": {"steps": 3}, "flows": {"target": {"reynolds": 500}}})
    assert dotted == nested
    assert dotted.transfer.steps == 3
    assert dotted.flows["target"].reynolds == 500.0


@pytest.mark.parametrize(
    ("profile", "overrides", "words"),
    [
        ("huge", {}, ["'huge'", "laptop, paper, smoke"]),
        ("smoke", {"transfr.steps": 3}, ["'transfr'", "did you mean 'transfer'"]),
        ("smoke", {"transfer.stepz": 3}, ["'transfer.stepz'", "did you mean 'transfer.steps'"]),
        ("smoke", {"transfer.steps": "many"}, ["transfer.steps='many'", "int is accepted"]),
        ("smoke", {"transfer.steps": True}, ["transfer.steps=True", "int is accepted"]),
        ("smoke", {"transfer": 3}, ["'transfer' is a table"]),
        ("smoke", {"transfer.samples": 25}, ["transfer.samples=25", "1 to split.train=24"]),
        ("smoke", {"cases.reynolds.base": "calm"}, ["'calm'", "viscous, small_scale, target"]),
        ("smoke", {"seeds": 0}, ["seeds=0"]),
        ("smoke", {"cases.decay.seeds": 0}, ["cases.decay.seeds=0", "at least one"]),
        ("smoke", {"filter.width": 100.0}, ["width=19.635", "at most 6.28319"]),
        ("smoke", {"filter.size": 128}, ["128", "64"]),
        ("smoke", {"filter.size": 33}, ["33"]),
        ("smoke", {"filter.kind": "triangle"}, ["'triangle'", "gaussian, box, circular, square"]),
        ("smoke", {"simulation.size": 65}, ["65"]),
        ("smoke", {"simulation.dtype": "float16"}, ["'float16'", "float32, float64"]),
        ("smoke", {"simulation.stepper": "euler"}, ["'euler'", "ifrk4, ab2cn"]),
        ("smoke", {"flows.target.forcing_wavenumber": 40}, ["40"]),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(profile: str, overrides: dict, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        settings.load(profile, overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("profile", ["smoke", "laptop", "paper"])
def test_settings_come_back_from_a_recipe(profile: str) -> None:
    spec = settings.load(profile, {"flows.target.runs": 2, "cases.reynolds.seeds": 1, "filter.kind": "box"})
    assert settings.from_data(json.loads(json.dumps(spec.as_data))) == spec
    assert settings.from_data(settings.load(profile).as_data) == settings.load(profile)


def test_a_case_has_a_way_back() -> None:
    spec = settings.load("laptop")
    there, back = spec.case("forcing"), spec.case("forcing reversed")
    assert (back.base, back.target, back.seeds) == (there.target, there.base, spec.reversed_seeds)
    with pytest.raises(ValueError, match="unknown case 'calm reversed': accepted are decay, reynolds"):
        spec.case("calm reversed")


def test_runs_divide_the_snapshots() -> None:
    total = settings.load("smoke").split.total
    assert settings.load("smoke", {"flows.target.runs": total // 4}).flows["target"].runs == total // 4
    with pytest.raises(ValueError, match=r"flows.target.runs=7: it must divide the 64 snapshots"):
        settings.load("smoke", {"flows.target.runs": 7})


def test_no_forcing_is_a_forcing_wavenumber_of_zero() -> None:
    spec = settings.load("smoke", {"flows.target": {"forcing_wavenumber": 0, "drag": 0.0}})
    assert settings.forcing(Grid(32), spec.flows["target"]) is None
    assert settings.forcing(Grid(32), spec.flows["viscous"]) is not None
