"""Whatever a person or a program hands over as settings, the answer is a study or one sentence."""

import dataclasses
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tlfourier.study import bounds, settings
from tlfourier.study.systems import SYSTEMS

SPEC = settings.load("smoke")
NUMBERS = {name: value for _, name, value in bounds.numbers(SPEC)}
NAMES = [name for name in NUMBERS] + ["flows", "simulation.dtype", "network.padding", "cases.forcing.base"]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(NAMES) | st.sampled_from(["flows.target", "a.b", "", ".", "simulation."]) | st.text()
fuzz = examples(max_examples=150, deadline=None, derandomize=True)


def answer(overrides: Any) -> settings.StudySpec | str:
    """Return the study, or the sentence with which the settings are refused."""
    try:
        spec = settings.load("smoke", overrides)
    except ValueError as error:
        sentence = str(error)
        assert sentence and "\n" not in sentence and len(sentence) < 600
        return sentence
    assert all(math.isfinite(value) for _, _, value in bounds.numbers(spec))
    return spec


@fuzz
@given(st.dictionaries(keys, values, max_size=4))
def test_any_table_is_a_study_or_a_sentence(overrides: dict[str, Any]) -> None:
    assert isinstance(answer(overrides), settings.StudySpec | str)


@fuzz
@given(st.dictionaries(st.sampled_from(list(NUMBERS)), st.integers() | st.floats(), max_size=3))
def test_any_numbers_are_a_study_or_a_sentence(overrides: dict[str, Any]) -> None:
    assert isinstance(answer(overrides), settings.StudySpec | str)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -1, -(10**400), 10**400],
    ids=["nan", "inf", "-inf", "-1", "-huge", "huge"],
)
@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_may_be_negative_or_without_end(name: str, value: float) -> None:
    if name.endswith("beta") and value == -1:
        assert isinstance(answer({name: value}), settings.StudySpec), "a rotation may have either sign"
        return
    sentence = answer({name: value})
    assert isinstance(sentence, str)
    assert name.rpartition(".")[2] in sentence


@pytest.mark.parametrize(
    "name", [name for name in NUMBERS if not name.endswith(("drag", "beta", "seed", "spin_up"))]
)
def test_no_number_that_must_be_positive_may_be_zero(name: str) -> None:
    kind = type(NUMBERS[name])
    assert name.rpartition(".")[2] in str(answer({name: kind(0)}))


def with_all_numbers(spec: settings.StudySpec) -> settings.StudySpec:
    """Return settings with those numbers that may be left out."""
    flows = {
        name: dataclasses.replace(flow, spin_up=1.0, filter_width=1.0) for name, flow in spec.flows.items()
    }
    cases = {name: dataclasses.replace(case, seeds=1) for name, case in spec.cases.items()}
    return dataclasses.replace(spec, flows=flows, cases=cases)


def test_every_number_has_a_range() -> None:
    places = {place for spec in SYSTEMS.values() for place, _, _ in bounds.numbers(with_all_numbers(spec))}
    assert places == set(bounds.RANGES)
    assert all(low < high < math.inf for low, high in bounds.RANGES.values())


def tables(depth: int) -> dict[str, Any]:
    """Return tables within tables."""
    table: dict[str, Any] = {"end": 1}
    for _ in range(depth):
        table = {"flows": table}
    return table


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (tables(100_000), "deep"),
        ({".".join(["flows"] * 5000): 1}, "deep"),
        ({"transfer": 1, "transfer.steps": 2}, "lies in one that is given a value"),
        ({"transfer.steps": 2, "transfer": 1}, "'transfer' is given twice"),
        ({"transfer.steps": 2, "transfer": {"steps": 3}}, "'transfer.steps' is given twice"),
        ({"seeds": {"a": 1}}, "seeds"),
        ({"seeds": 10**10_000}, "too long to show"),
        ({"x" * 10**6: 2}, "unknown setting 'xxx"),
        ({"ſeeds\n\x1b[2J": 2}, "unknown setting"),
        ({"\ud800": 2}, "unknown setting"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value,
)
def test_tables_that_make_no_sense(overrides: Any, words: str) -> None:
    assert sys.getrecursionlimit() < 100_000
    assert words in str(answer(overrides))
    assert "\x1b" not in str(answer(overrides))


def test_mixed_dots_and_tables_are_one() -> None:
    mixed = {"flows.target": {"drag": 0.2}, "flows": {"target.beta": 1.0, "viscous": {"drag": 0.3}}}
    spec = answer(mixed)
    assert isinstance(spec, settings.StudySpec)
    assert (spec.flows["target"].drag, spec.flows["target"].beta, spec.flows["viscous"].drag) == (
        0.2,
        1.0,
        0.3,
    )


@pytest.mark.parametrize("profile", ["", "../paper", "paper\n", "\ud800", "x" * 10**5])
def test_profiles_that_are_none(profile: str) -> None:
    with pytest.raises(ValueError, match="unknown profile .*: accepted are laptop, paper, smoke") as caught:
        settings.load(profile)
    assert len(str(caught.value)) < 200
