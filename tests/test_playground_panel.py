"""The kernel playground as readers of a published page meet it: without a network, and without Jupyter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, ViewportSize, expect

from tests.embedded import LOCAL, write_page
from tests.lab import browser_page, find_chromium
from tests.shipped import shipped as shipped
from tlfourier.fourier.filter_types import LABELS, classify
from tlfourier.playground.panel import KernelPlayground
from tlfourier.playground.presets import made_kernels
from tlfourier.study.study import Study

NARROW: ViewportSize = {"width": 360, "height": 740}
WIDE: ViewportSize = {"width": 1200, "height": 1400}
CENTRE = 12  # of 25 cells, the row of the largest y first
OVERFLOW = """\
() => [...document.querySelectorAll(".tlfourier-playground :not(.kp-unseen)")].filter(
  (one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map((one) => one.outerHTML.slice(0, 100))"""
COLOURS = """\
() => [...document.querySelectorAll(".tlfourier-playground *")].filter((one) => [...one.childNodes].some(
  (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()) && one.tagName !== "OPTION")
  .map((one) => {
    const style = getComputedStyle(one);
    let under = one;
    const clear = (part) => getComputedStyle(part).backgroundColor === "rgba(0, 0, 0, 0)";
    while (under && clear(under)) under = under.parentElement;
    const ground = under ? getComputedStyle(under).backgroundColor : "rgb(255, 255, 255)";
    return [one.outerHTML.slice(0, 80), one instanceof SVGElement ? style.fill : style.color, ground];
  })"""
STROKES = """\
() => [...document.querySelectorAll(".tlfourier-playground svg path:not(.kp-range)")]
  .map((one) => getComputedStyle(one).stroke)"""


@pytest.fixture(scope="module")
def playground(shipped: Study) -> KernelPlayground:
    return KernelPlayground(shipped, "forcing")


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    return []


@pytest.fixture(scope="module")
def browser(complaints: list[str]) -> Iterator[Page]:
    """Open a browser in which whatever is not a local file is refused, and counts as a complaint."""

    def refuse(route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            complaints.append(route.request.url)
            route.abort()

    with browser_page(find_chromium(), complaints) as shown:
        shown.route("**/*", refuse)
        yield shown


@pytest.fixture(scope="module")
def files(playground: KernelPlayground, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("published")
    return {theme: write_page(playground, folder / f"{theme}.html", theme) for theme in ("light", "dark")}


@pytest.fixture
def page(browser: Page, files: dict[str, Path], complaints: list[str]) -> Iterator[Page]:
    """Show the published page afresh; nothing is asked of anybody, and the console stays empty."""
    browser.set_viewport_size(WIDE)
    browser.goto(files["light"].as_uri())
    expect(status(browser)).to_be_visible()
    yield browser
    assert complaints == []


def status(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text=".")


def cells(page: Page) -> Locator:
    return page.get_by_role("grid").get_by_role("gridcell")


def weights(page: Page) -> np.ndarray:
    """Return the weights as a screen reader reads them, the row of the lowest y first."""
    labels = cells(page).evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    numbers = [float(label.partition(": ")[2].replace("−", "-")) for label in labels]
    return np.array(numbers).reshape(5, 5)[::-1]


def said_type(page: Page) -> str:
    return re.split(r" \(|:", status(page).inner_text())[0].lower()


def test_the_first_picture_teaches_without_a_click(page: Page) -> None:
    sentence = (
        r"Band-pass \(clear\)\. It passes \|k\| ≈ \d+ most\. Wavenumbers that it weakens to less than a "
        r"tenth of its largest power hold (\d+) % of the variance after the convolution, and (\d+) % after "
        r"ReLU\."
    )
    found = re.fullmatch(sentence, status(page).inner_text())
    assert found is not None
    before, after = map(int, found.groups())
    assert after > 2 * before
    assert page.get_by_role("img").count() == 6
    assert abs(weights(page) - made_kernels(5)["band-pass"]).max() < 5e-4


def test_every_preset_is_drawn_and_named_as_the_package_does(
    page: Page, playground: KernelPlayground
) -> None:
    for preset in playground.presets:
        page.get_by_role("combobox", name="kernel").select_option(preset["name"])
        expected = classify(np.array(preset["weights"])).item() if np.any(preset["weights"]) else ""
        words = expected.capitalize() or "All weights are zero: nothing passes."
        expect(status(page)).to_have_text(re.compile(f"^{re.escape(words)}"))
        np.testing.assert_allclose(weights(page), preset["weights"], rtol=6e-3)
        assert expected in (*LABELS, "")


def test_the_keyboard_is_enough(page: Page) -> None:
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(cells(page).nth(CENTRE)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(cells(page).nth(CENTRE - 5 + 1)).to_be_focused()
    expect(cells(page).nth(CENTRE - 5 + 1)).to_have_attribute("aria-label", re.compile("^x 1, y 1: "))
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    assert weights(page)[3, 3] == 0.25
    page.keyboard.press("Enter")
    page.keyboard.type("-1.5")
    page.keyboard.press("Escape")
    assert weights(page)[3, 3] == 0.25
    page.keyboard.press("Enter")
    page.keyboard.type("-1.5")
    page.keyboard.press("Tab")
    assert weights(page)[3, 3] == -1.5
    page.keyboard.press("Shift+Tab")
    expect(cells(page).nth(CENTRE - 5 + 1)).to_be_focused()
    page.keyboard.press("+")
    assert weights(page)[3, 3] == pytest.approx(-1.5 + 0.017, abs=6e-3)
    page.keyboard.press("-")
    assert weights(page)[3, 3] == pytest.approx(-1.5, abs=6e-3)
    page.keyboard.type("2.5")  # after a minus it is the number's sign
    page.keyboard.press("Enter")
    assert weights(page)[3, 3] == -2.5
    page.keyboard.press("Delete")
    assert weights(page)[3, 3] == 0
    page.keyboard.press("Home")
    expect(cells(page).nth(CENTRE - 5 - 2)).to_be_focused()
    expect(page.get_by_role("combobox").locator("option:checked")).to_have_text("band-pass, changed")


def test_every_control_says_its_name_and_can_be_reached(page: Page) -> None:
    names = []
    for _ in range(8):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent"))
    assert names[1:4] == ["normalise", "negate", "reset"]
    assert names[4].startswith("x 0, y 0: ")
    assert [name.partition(",")[0] for name in names[6:]] == ["bias b", "bias b"]
    for radio in page.get_by_role("group", name="brush").get_by_role("radio").all():
        assert radio.evaluate("one => one.labels[0].textContent.trim()")


def test_a_mouse_paints_along_its_way(page: Page) -> None:
    page.get_by_role("combobox", name="kernel").select_option("zeros: draw your own")
    places = [cells(page).nth(i).bounding_box() for i in (10, 12, 14)]
    for i, box in enumerate(places):
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.mouse.move(0, 0)
    assert weights(page).tolist() == [[0] * 5, [0] * 5, [1] * 5, [0] * 5, [0] * 5]
    expected = classify(weights(page)).item()
    expect(status(page)).to_have_text(re.compile(f"^{expected}", re.I))


def test_the_buttons_do_what_they_say(page: Page) -> None:
    kernel = made_kernels(5)["band-pass"]
    largest = abs(np.fft.fft2(kernel, (48, 48))).max()
    page.get_by_role("button", name="normalise").click()
    np.testing.assert_allclose(weights(page), kernel / largest, atol=5e-3)
    page.get_by_role("button", name="negate").click()
    np.testing.assert_allclose(weights(page), -kernel / largest, atol=5e-3)
    assert said_type(page) == "band-pass"
    page.get_by_role("button", name="reset").click()
    np.testing.assert_allclose(weights(page), kernel, atol=5e-4)


def test_the_bias_decides_how_much_is_cut_off(page: Page) -> None:
    page.get_by_role("combobox", name="kernel").select_option("mean")
    typed = page.get_by_role("spinbutton", name="bias b")
    typed.fill("3")
    typed.press("Enter")
    expect(page.get_by_role("slider", name="bias b")).to_have_value("3")
    expect(page.get_by_text("% cut off")).to_have_text(re.compile(r"(\b0|less than 1) % cut off$"))
    page.get_by_role("slider", name="bias b").focus()
    page.keyboard.press("Home")
    expect(typed).to_have_value("-3")
    expect(page.get_by_text("% cut off")).to_have_text(re.compile(r"(9\d|100) % cut off$"))
    page.get_by_role("button", name="reset").click()
    expect(typed).to_have_value("0")


def test_what_passes_all_alike_is_said_to(page: Page) -> None:
    page.get_by_role("combobox", name="kernel").select_option("identity")
    expect(status(page)).to_have_text(
        "Unclassified: it passes nearly all wavenumbers alike. It weakens no wavenumber to less than a tenth "
        "of its largest power, so ReLU has no gap to fill."
    )


# ---- what can be seen


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_nothing_is_wider_than_the_screen(
    page: Page, files: dict[str, Path], theme: str, size: ViewportSize
) -> None:
    page.set_viewport_size(size)
    page.goto(files[theme].as_uri())
    expect(status(page)).to_be_visible()
    page.get_by_role("combobox", name="kernel").select_option("Gabor, waves along the diagonal")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate(OVERFLOW) == []
    page.set_viewport_size(NARROW)  # lines are drawn anew at the width that there is
    page.wait_for_function("document.querySelector('.kp-plot svg').viewBox.baseVal.width < 340")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def colour(text: str) -> np.ndarray:
    return np.array([float(one) / 255 for one in re.findall(r"[\d.]+", text)[:3]])


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Return the contrast of two colours by WCAG 2: from 1, the same, to 21, black on white."""
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other)]
    dark, light = sorted(float(c @ (0.2126, 0.7152, 0.0722)) for c in linear)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_letters_and_lines_stand_out(page: Page, files: dict[str, Path], theme: str) -> None:
    page.goto(files[theme].as_uri())
    expect(status(page)).to_be_visible()
    found = page.evaluate(COLOURS)
    assert len(found) > 60
    pale = [(text, ink, on) for text, ink, on in found if contrast(colour(ink), colour(on)) < 4.5]
    assert pale == []
    ground = colour(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert min(contrast(colour(one), ground) for one in page.evaluate(STROKES)) >= 3
    borders = page.locator(
        ".tlfourier-playground :is(button, select, input[type=number], canvas, .kp-weights)"
    )
    for border in borders.evaluate_all("all => all.map((one) => getComputedStyle(one).borderTopColor)"):
        assert contrast(colour(border), ground) >= 3
    page.keyboard.press("Tab")
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineColor")
    assert contrast(colour(ring), ground) >= 3
