"""A film holds what it was given, the right way up, and in a published page it plays when asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from playwright.sync_api import Page, expect

from tests.embedded import write_page
from tests.lab import browser_page, find_chromium
from tlfourier.playground.film import Film

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(-127, 128, (2, 3, 6, 6)).astype(np.int8)


def frames() -> xr.Dataset:
    omega = (("panel", "time", "y", "x"), COUNTS)
    return xr.Dataset({"omega": omega}, {"panel": ["truth", "model"], "time": [0.0, 0.5, 1.0]})


def test_the_frames_are_whole_and_the_right_way_up() -> None:
    film = Film(frames().transpose("time", "y", "x", "panel"), alt="vorticity")
    held = np.frombuffer(base64.b64decode(film.frames), np.int8).reshape(COUNTS.shape)
    np.testing.assert_array_equal(held, COUNTS[:, :, ::-1])
    assert (film.titles, film.times, film.size) == (["truth", "model"], [0.0, 0.5, 1.0], 6)
    assert len(base64.b64decode(film.colours)) == 3 * 256


@pytest.mark.parametrize(
    "wrong", [frames().astype(float), frames().isel(panel=0), frames().rename(time="frame")]
)
def test_what_is_no_film_is_refused(wrong: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="accepted is int8 over panel, time, y, x"):
        Film(wrong, alt="vorticity")


# ---- in a published page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = write_page(Film(frames(), alt="vorticity"), tmp_path_factory.mktemp("film") / "film.html")
    complaints: list[str] = []
    with browser_page(find_chromium(), complaints) as shown:
        shown.set_viewport_size({"width": 360, "height": 740})
        shown.goto(Path(path).as_uri())
        expect(shown.get_by_role("button", name="Play")).to_be_visible()
        yield shown
    assert complaints == []


def shades(page: Page, panel: int) -> np.ndarray:
    """Return the red of every point of a panel, rows from the lowest y upwards."""
    script = "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]"
    points = np.array(page.locator("canvas").nth(panel).evaluate(script), dtype=int)
    return points.reshape(6, 6, 4)[::-1, :, 0]


def test_it_shows_the_first_moment_and_stands_still(page: Page) -> None:
    colours = np.frombuffer(base64.b64decode(Film(frames(), alt="vorticity").colours), np.uint8)
    for panel in range(2):
        shade = np.round((COUNTS[panel, 0].astype(int) + 127) * 255 / 254 - 1e-9).astype(int)
        assert abs(shades(page, panel) - colours.reshape(-1, 3)[shade, 0]).max() <= 2  # of halves, rounded
    assert page.get_by_role("img", name="vorticity: model").count() == 1
    page.wait_for_timeout(400)
    assert page.get_by_role("slider", name="time").input_value() == "0"


def test_it_plays_to_its_end_when_asked_and_begins_anew(page: Page) -> None:
    page.get_by_role("button", name="Play").press("Enter")
    expect(page.get_by_text("t = 1.00")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_text("t = 1.00")).to_be_visible()


def test_the_slider_takes_keys_and_nothing_is_wider_than_the_screen(page: Page) -> None:
    slider = page.get_by_role("slider", name="time")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    slider.press("Home")
    slider.press("ArrowRight")
    expect(page.get_by_text("t = 0.50")).to_be_visible()
    assert slider.get_attribute("aria-valuetext") == "t = 0.50"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
