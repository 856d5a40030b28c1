"""The live panel in a real JupyterLab: clicked, typed at, stopped, restarted and looked at."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab import MISSING, browser_page, contrast, find_chromium, jupyter_lab, pixels
from tlfourier.study.study import Study, begin

SOON = 10  # seconds in which a training that is stopped must be over
SET_UP = """\
import json, multiprocessing
import tlfourier as tl
from tlfourier.widgets import Chooser
study = tl.begin("smoke", json.loads({overrides!r}))"""
SHOW = """\
chooser = Chooser(study, "decay", (1,))
chooser.panel"""
COUNT = '"trainings beside this kernel:", len(multiprocessing.active_children())'
ENDLESS = 'chooser.study = study.vary({"transfer.steps": 10_000_000})'
COUNTING, LAST = 2, 3  # places of cells


@pytest.fixture(scope="module")
def chromium() -> str:
    return find_chromium()


@pytest.fixture(scope="module")
def overrides(tiny: dict[str, Any]) -> dict[str, Any]:
    gentle = {"samples": 2, "steps": 2, "learning_rate": 3e-4}
    small = {"seeds": 1, "network": {"layers": 5, "channels": 4}}
    return {**tiny, **small, "transfer": {**tiny["transfer"], **gentle}}


@pytest.fixture(scope="module")
def study(chromium: str, tmp_path_factory: pytest.TempPathFactory, overrides: dict[str, Any]) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("panel")))
        made = begin("smoke", overrides)
    made.make.table("decay")
    return made


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    return []


@pytest.fixture(scope="module")
def notebook(
    chromium: str, study: Study, overrides: dict[str, Any], complaints: list[str], tmp_path_factory: Any
) -> Iterator[Page]:
    """Open a notebook with the panel in it; the server, its kernels and the browser end with the module."""
    folder: Path = tmp_path_factory.mktemp("lab")
    sources = [SET_UP.format(overrides=json.dumps(overrides)), SHOW, COUNT, ENDLESS]
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(made, folder / "panel.ipynb")
    with (
        jupyter_lab(folder, TLFOURIER_STORE=str(study.store.root), TLFOURIER_REFERENCE="") as address,
        browser_page(chromium, complaints) as page,
    ):
        page.goto(address.format("panel.ipynb"))
        yield page


@pytest.fixture
def page(notebook: Page, complaints: list[str]) -> Iterator[Page]:
    """Run the cells but the last, so that the panel is as at the start; the console stays empty."""
    run_above(notebook)
    yield notebook
    assert complaints == []


def run_above(page: Page) -> None:
    expect(page.get_by_text("| Idle")).to_be_visible()
    cell(page, LAST).locator(".cm-content").click()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    expect(said(page, "Layer 1 re-trained: relative RMSE")).to_be_visible()


def cell(page: Page, place: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(place)


def run(page: Page, place: int) -> None:
    cell(page, place).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def said(page: Page, words: str) -> Locator:
    """Return what the panel says for screen readers as well, if these words are in it."""
    return page.get_by_role("status").filter(has_text=words)


def pressed(page: Page) -> list[str | None]:
    group = page.get_by_role("group", name="layers to re-train")
    return [one.get_attribute("aria-pressed") for one in group.get_by_role("button").all()]


def test_a_click_or_a_key_presses_a_toggle_that_says_so(page: Page) -> None:
    assert pressed(page) == ["true", "false", "false", "false", "false"]
    button(page, "layer 3").click()
    unknown = (
        "Nobody has re-trained layers 1 + 3 in decay, each flow's own units. The button does it in about"
    )
    expect(said(page, unknown)).to_be_visible()
    assert pressed(page) == ["true", "false", "true", "false", "false"]
    page.keyboard.press("Space")
    expect(said(page, "Layer 1 re-trained: relative RMSE")).to_be_visible()
    assert pressed(page) == ["true", "false", "false", "false", "false"]
    page.keyboard.press("Shift+Tab")
    expect(button(page, "layer 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(said(page, "Layers 1 + 2 re-trained: relative RMSE")).to_be_visible()
    assert pressed(page) == ["true", "true", "false", "false", "false"]


def test_arrow_keys_go_through_the_ladder_and_not_through_the_cells(page: Page) -> None:
    rung = page.get_by_role("group", name="ladder of repairs").locator("[aria-pressed=true]")
    rung.focus()
    page.keyboard.press("ArrowDown")
    expect(said(page, "Layer 2 re-trained: relative RMSE")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(said(page, "The last layer solved for: relative RMSE")).to_be_visible()
    expect(rung).to_be_focused()


def test_an_error_while_re_training_is_said_and_the_next_try_succeeds(page: Page, study: Study) -> None:
    button(page, "layer 4").click()
    expect(button(page, "re-train now")).to_be_enabled()
    partial = study.store.root / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.write_text("in the way")
    try:
        button(page, "re-train now").click()
        expect(said(page, "Layers 1+4: this did not work: NotADirectoryError: ")).to_be_visible()
    finally:
        partial.unlink()
    button(page, "re-train now").click()
    expect(said(page, "Layers 1 + 4 re-trained: relative RMSE")).to_be_visible()
    expect(said(page, "did not work")).to_have_count(0)
    expect(page.get_by_role("img", name="Π, layers 1 + 4")).to_be_visible()
    expect(page.get_by_role("img", name="kernel after").first).to_be_visible()


def test_stop_ends_a_long_training_soon_and_the_kernel_is_free_meanwhile(page: Page) -> None:
    run(page, LAST)
    button(page, "layer 5").click()
    expect(said(page, "Nobody has re-trained layers 1 + 5")).to_be_visible()
    expect(button(page, "re-train now")).to_be_enabled()
    button(page, "re-train now").click()
    expect(said(page, "It is being re-trained; look at others meanwhile, or stop it.")).to_be_visible()
    expect(page.locator("pre").filter(has_text="layers 1,5: ")).to_be_visible()
    run(page, COUNTING)
    expect(cell(page, COUNTING)).to_contain_text("('trainings beside this kernel:', 1)")
    before = time.monotonic()
    button(page, "stop").click()
    expect(said(page, "Layers 1+5: stopped; what was finished before it is kept.")).to_be_visible()
    assert time.monotonic() - before < SOON
    expect(button(page, "stop")).to_be_disabled()
    expect(button(page, "re-train now")).to_be_enabled()
    run(page, COUNTING)
    expect(cell(page, COUNTING)).to_contain_text("('trainings beside this kernel:', 0)")


# ---- what can be seen


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_what_is_chosen_differs_clearly_from_what_is_not(page: Page, theme: str) -> None:
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    chosen, other = button(page, "layer 1"), button(page, "layer 2")
    ground = pixels(page, other, margin=2)[0, 0]
    assert (contrast(ground, np.ones(3)) > 10) == theme.endswith("Dark")
    filled, empty = pixels(page, chosen)[4, 4], pixels(page, other)[4, 4]
    assert contrast(filled, ground) >= 3 and contrast(filled, empty) >= 3
    for toggle, around in ((chosen, filled), (other, empty)):
        letters = pixels(page, toggle)[4:-4, 4:-4].reshape(-1, 3)
        assert max(contrast(around, one) for one in np.unique(letters, axis=0)) >= 4.5
    assert contrast(ground, pixels(page, other)[0, 20]) >= 3


def test_after_a_restart_the_panel_says_that_no_kernel_answers(page: Page) -> None:
    stale = said(page, "Not connected to a running kernel")
    expect(stale).to_have_count(0)
    page.locator("[data-jp-item-name=restart]").locator("visible=true").first.click()
    button(page, "Confirm Kernel Restart").click()
    expect(stale).to_be_visible()
    run_above(page)
    expect(stale).to_have_count(0)


# ---- where there is no browser


def test_without_a_browser_the_skip_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=MISSING):
        find_chromium()


def test_without_a_browser_continuous_integration_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=MISSING):
        find_chromium()
