"""Whatever is typed after ``tlfourier``, the answer is a result or one sentence, never a traceback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tlfourier.book import runner
from tlfourier.cli import main
from tlfourier.study.bounds import RANGES
from tlfourier.study.study import Study

COMMANDS = ["run", "book", "sweep", "scorecard", "verify", "info", "reference"]
SETTINGS = [name.replace("flows.*", "flows.target").replace("cases.*", "cases.forcing") for name in RANGES]
MEANINGFUL = {
    ("flows.target.beta", "-1"),
    ("flows.target.spin_up", "None"),  # that of the simulation
    ("cases.forcing.seeds", "None"),  # those of the study
    ("flows.target.filter_width", "None"),  # that of the study's filter
}
# A command line cannot hold a zero or half a character.
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
texts = (
    words
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["[" * 300, "9" * 5000, "{}", "1e999"])
)
pairs = st.builds(lambda key, value: ["--set", f"{key}={value}"], st.sampled_from(SETTINGS) | words, texts)
options = (
    pairs
    | st.builds(lambda text: ["--profile", text], words)
    | st.sampled_from([["--fresh"], ["--set", "x"]])
)
fuzz = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let accepted settings end before anything is computed, in a store that is empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("store")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        for owner, name in (
            (Study, "make_all"),
            (Study, "leaves"),
            (Study, "verdicts"),
            (runner, "run_pages"),
        ):
            patch.setattr(owner, name, _refuse)
        yield


def _refuse(*given: object, **more: object) -> None:
    raise RuntimeError("accepted")


def answer(*arguments: str) -> Result:
    """Run a command, and hold it to its promise."""
    result = CliRunner().invoke(main, list(arguments))
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    assert "Traceback" not in result.output
    if result.exit_code and "Usage:" not in result.output:  # click adds the usage to what it refuses itself
        sentences = result.output.splitlines()
        assert len(sentences) == 1, result.output
        assert sentences[0].startswith("tlfourier: ")
    return result


@fuzz
@given(st.sampled_from(COMMANDS), st.lists(options, max_size=3), st.lists(words, max_size=1))
def test_any_options_are_answered(command: str, chosen: list[list[str]], rest: list[str]) -> None:
    flat = [word for option in chosen for word in option]
    assert answer(command, "--profile", "smoke", *flat, *rest).exit_code in (0, 1, 2)


@fuzz
@given(st.lists(words, max_size=4))
def test_any_words_are_answered(typed: list[str]) -> None:
    assert answer(*typed).exit_code in (0, 1, 2)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e400", "'x'", "None", "[1]", "True", ""])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_takes_a_value_that_makes_no_sense(name: str, value: str) -> None:
    result = answer("run", "--profile", "smoke", "--set", f"{name}={value}")
    if (name, value) in MEANINGFUL:
        assert "accepted" in result.output
    else:
        assert result.exit_code == 2
        assert name.rpartition(".")[2] in result.output


def test_debug_shows_the_traceback() -> None:
    result = CliRunner().invoke(main, ["--debug", "run", "--profile", "smoke", "--set", "seeds=-1"])
    assert isinstance(result.exception, ValueError)


def test_a_store_that_is_a_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("TLFOURIER_STORE", str(tmp_path / "file"))
    answer("verify")
    assert (tmp_path / "file").read_text() == "mine"
