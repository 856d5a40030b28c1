"""The panel in a page without a kernel and without a network: clicked, typed at and looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import Locator, Page, expect

from tests.lab import browser_page, contrast, find_chromium, pixels
from tlfourier.io.paths import require_checkout
from tlfourier.study.study import Study, begin
from tlfourier.widgets import Chooser

STATIC = (require_checkout() / "book" / "_static").as_uri()
MOST_BYTES = 600_000  # of what the panel brings into a page
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>
html {{ background: white; color: #222832 }}
html[data-theme=dark] {{ background: #121212; color: #ced6dd }}
body {{ max-width: 800px; margin: 12px auto; padding: 0 12px; font-family: sans-serif }}
</style>
<script src="{static}/vendor/requirejs/require.js"></script>
<script src="{static}/vendor/html-manager/embed-amd.js"></script>
<script defer src="{static}/widgets.js"></script>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
</head>
<body><script type="application/vnd.jupyter.widget-view+json">{view}</script></body>
</html>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    return find_chromium()


@pytest.fixture(scope="module")
def study(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Open the shipped study, which the book shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("published")))
        patch.delenv("TLFOURIER_REFERENCE", raising=False)
        return begin("laptop")


@pytest.fixture(scope="module")
def embedded(study: Study) -> dict[str, Any]:
    """Return the state of a panel as a page holds it."""
    panel = Chooser(study, "forcing", (2,)).panel
    found: dict[str, Any] = embed_data(views=[panel], state=dependency_state([panel], drop_defaults=False))
    return found


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    return []


@pytest.fixture(scope="module")
def browser(chromium: str, complaints: list[str]) -> Iterator[Page]:
    with browser_page(chromium, complaints) as page:
        page.context.set_offline(True)
        page.on("request", lambda one: complaints.append(one.url) if one.url.startswith("http") else None)
        yield page


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(browser: Page, embedded: dict[str, Any], folder: Path, theme: str = "light") -> Page:
    """Open the panel as at the start."""
    state = json.dumps(embedded["manager_state"]).replace("</", r"<\/")
    view = json.dumps(embedded["view_specs"][0])
    (folder / "page.html").write_text(PAGE.format(theme=theme, static=STATIC, state=state, view=view))
    browser.goto((folder / "page.html").as_uri())
    expect(sentence(browser)).to_contain_text("Layer 2 re-trained")
    return browser


@pytest.fixture
def page(browser: Page, embedded: dict[str, Any], complaints: list[str], tmp_path: Path) -> Iterator[Page]:
    yield opened(browser, embedded, tmp_path)
    assert complaints == []


def sentence(page: Page) -> Locator:
    return page.get_by_role("status").first


def choose(page: Page, **options: str) -> None:
    for name, label in options.items():
        page.get_by_label(name, exact=True).select_option(label)


def toggle(page: Page, layer: int) -> Locator:
    return page.get_by_role("button", name=f"layer {layer}", exact=True)


def ladder(page: Page) -> Locator:
    return page.get_by_role("group", name="ladder of repairs")


def rows(page: Page) -> dict[str, str]:
    """Return the number that each row of the ladder shows, by the model's name in a table."""
    buttons = ladder(page).locator("button").all()
    found = {str(one.get_attribute("data-model")): one.locator(".tl-number").inner_text() for one in buttons}
    assert all(one.get_attribute("aria-label") for one in buttons)
    return found


# ---- what is shown is what the study knows


def test_what_the_panel_brings_is_small(embedded: dict[str, Any]) -> None:
    assert len(json.dumps(embedded["manager_state"])) < MOST_BYTES


def test_the_start_teaches_without_a_click(page: Page, study: Study) -> None:
    rmse = study.table("forcing")["rmse"]
    mean = rmse.mean("seed")
    for model in ("2", "none", "all", "scratch_few"):
        expect(sentence(page)).to_contain_text(f"{float(mean.sel(model=model)):.3f}")
    expect(sentence(page)).to_contain_text("95 % interval")
    expect(sentence(page)).to_contain_text(f"mean of {rmse.sizes['seed']} replicates")
    for name in ("Π, truth", "Π, base network", "Π, layer 2", "error of layer 2"):
        expect(page.get_by_role("img", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="spectra of Π: truth, base network, layer 2")).to_be_visible()
    expect(page.get_by_role("img", name="kernel before").first).to_be_visible()
    expect(page.get_by_text("In JupyterLab a button re-trains any set.")).to_be_visible()
    expect(page.get_by_role("button", name="re-train now")).to_have_count(0)


@pytest.mark.parametrize("case", ["reynolds", "filter", "jets", "forcing reversed"])
@pytest.mark.parametrize("scaling", ["own", "dimensional"])
def test_every_row_shows_the_number_of_the_table(page: Page, study: Study, case: str, scaling: str) -> None:
    choose(page, case=case, units=scaling, score="correlation CC")
    table = study.ladder(case, scaling)["cc"]
    shown = rows(page)
    assert {"none", "gains", "2", "all", "scratch_all"} <= set(shown)
    for model, number in shown.items():
        if model != "random":
            name = "scales 2" if model == "scales" else model
            expected = f"{float(table.sel(model=name).mean('seed')):.3f}"
            assert number == expected.replace("-", "−"), model
    choose(page, replicate="replicate 1", score="relative RMSE")
    second = float(study.ladder(case, scaling)["rmse"].sel(model="2", seed=1))
    expect(sentence(page)).to_contain_text(f"relative RMSE {second:.3f} (replicate 1)")


def test_a_row_and_a_rung_can_be_chosen(page: Page, study: Study) -> None:
    ladder(page).get_by_role("button", name=re.compile("^three gains: ")).click()
    expected = float(study.table("forcing")["rmse"].sel(model="gains").mean())
    expect(sentence(page)).to_contain_text(f"Three gains: relative RMSE {expected:.3f}")
    expect(page.get_by_label("repair", exact=True)).to_have_value("gains")
    expect(page.get_by_role("img", name="Π, three gains", exact=True)).to_be_visible()
    choose(page, repair="all biases")
    expect(sentence(page)).to_contain_text("All biases re-trained: relative RMSE")
    expect(page.get_by_text("Of all biases no network is kept here")).to_be_visible()
    choose(page, repair="all layers")
    assert {toggle(page, layer).get_attribute("aria-pressed") for layer in study.layers} == {"true"}


def test_a_pair_that_is_known_stands_in_the_ladder(page: Page, study: Study) -> None:
    toggle(page, 5).click()
    rmse = study.table("forcing")["rmse"].sel(model="2+5")
    expect(sentence(page)).to_contain_text(f"Layers 2 + 5 re-trained: relative RMSE {float(rmse.mean()):.3f}")
    assert rows(page)["2+5"] == f"{float(rmse.mean()):.3f}"


def test_beside_a_pair_of_few_replicates_stand_the_same_ones(page: Page, study: Study) -> None:
    choose(page, repair="layer 4")
    toggle(page, 7).click()
    rmse = study.table("forcing")["rmse"]
    there = rmse["seed"][rmse.sel(model="4+7").notnull()]
    assert there.size < rmse.sizes["seed"]
    untouched = float(rmse.sel(model="none", seed=there).mean())
    expect(sentence(page)).to_contain_text(f"Beside it on the same replicates: untouched {untouched:.3f}")


def test_a_set_that_nobody_has_tried_is_said_to_be_such(page: Page) -> None:
    choose(page, case="filter", units="dimensional")
    toggle(page, 9).click()
    expect(sentence(page)).to_have_text(
        "Nobody has re-trained layers 2 + 9 in filter, consistent units. In JupyterLab a button does it."
    )
    choose(page, case="forcing", units="own")
    expect(sentence(page)).to_contain_text("Layers 2 + 9 re-trained: relative RMSE")


def test_no_layer_is_the_untouched_network(page: Page) -> None:
    toggle(page, 2).click()
    expect(sentence(page)).to_contain_text("Untouched: relative RMSE")
    expect(page.get_by_role("img", name="error of untouched", exact=True)).to_be_visible()


# ---- for every hand and eye


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_label("case", exact=True)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("case", exact=True)).to_have_value("reynolds")
    for name in ("units", "score", "replicate", "repair"):
        page.keyboard.press("Tab")
        expect(page.get_by_label(name, exact=True)).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(toggle(page, 3)).to_be_focused()
    page.keyboard.press("Enter")
    expect(sentence(page)).to_contain_text("Layers 2 + 3 re-trained")
    page.keyboard.press("Space")
    expect(sentence(page)).to_contain_text("Layer 2 re-trained")
    for _ in range(9):
        page.keyboard.press("Tab")
    expect(ladder(page).locator("[aria-pressed=true]")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(sentence(page)).to_contain_text("Layer 1 re-trained")
    expect(ladder(page).locator("[aria-pressed=true]")).to_be_focused()


@pytest.mark.parametrize("case", ["forcing", "filter", "jets reversed"])
def test_a_telephone_shows_all_of_it(page: Page, case: str) -> None:
    page.set_viewport_size({"width": 360, "height": 1400})
    try:
        choose(page, case=case)
        for model in ("layer 2", "all layers", "random weights"):
            if page.get_by_label("repair", exact=True).locator("option:enabled", has_text=model).count():
                choose(page, repair=model)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert all(
            (box := one.bounding_box()) is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
            for one in page.locator("button, select, canvas, .tl-figure").all()
        )
    finally:
        page.set_viewport_size({"width": 1200, "height": 1400})


def letters(page: Page, shown: Locator) -> float:
    """Return the largest contrast to its ground that is found in what the screen shows of an element."""
    seen = pixels(page, shown)
    ground = seen[1, 1] if seen.shape[0] > 2 else seen[0, 0]
    return max(contrast(ground, one) for one in np.unique(seen.reshape(-1, 3), axis=0))


def test_text_and_controls_stand_out_in_both_themes(
    browser: Page, embedded: dict[str, Any], tmp_path: Path, theme: str
) -> None:
    page = opened(browser, embedded, tmp_path, theme)
    chosen, other = toggle(page, 2), toggle(page, 1)
    ground = pixels(page, other, margin=2)[0, 0]
    assert (contrast(ground, np.ones(3)) > 10) == (theme == "dark")
    filled, empty = pixels(page, chosen)[4, 4], pixels(page, other)[4, 4]
    assert contrast(filled, ground) >= 3 and contrast(filled, empty) >= 3
    assert contrast(ground, pixels(page, other)[0, 20]) >= 3  # its border
    assert contrast(ground, pixels(page, page.get_by_label("case", exact=True))[0, 20]) >= 3
    pressed = ladder(page).locator("[aria-pressed=true]")
    assert contrast(ground, pixels(page, pressed)[4, 1]) >= 3  # the bar beside the chosen row
    texts = [sentence(page), pressed.locator(".tl-name"), pressed.locator(".tl-number")]
    texts += [page.locator(name).first for name in (".tl-caption", ".tl-legend", ".tl-title", "label span")]
    for one in [*texts, page.locator("select").first]:
        assert letters(page, one) >= 4.5
    for name in ("base", "transferred", "all", "scratch"):
        colour = page.locator(".tlfourier-panel").evaluate(
            f"one => getComputedStyle(one).getPropertyValue('--tl-{name}')"
        )
        assert contrast(ground, as_numbers(colour)) >= 3


def as_numbers(colour: str) -> np.ndarray:
    """Return red, green and blue of ``"#rrggbb"`` from 0 to 1."""
    digits = colour.strip().removeprefix("#")
    return np.array([int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)])
