"""The kernel playground in a real JupyterLab: the same panel, and Python reads along."""

from __future__ import annotations

from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

from tests.lab import browser_page, find_chromium, jupyter_lab
from tests.shipped import shipped as shipped
from tlfourier.study.study import Study

SOURCES = [
    "import tlfourier as tl\nfrom tlfourier.playground.panel import KernelPlayground\n"
    'playground = KernelPlayground(tl.begin("laptop"), "forcing")',
    "playground",
    '"Python reads", playground.kernel[2][2], playground.bias, playground.preset',
    'playground.kernel = [[0.0] * 5] * 4 + [[0.0, 0.0, 7.0, 0.0, 0.0]]; "set"',
]


def test_in_jupyterlab_it_is_the_same_and_python_reads_along(shipped: Study, tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=[cell(one) for one in SOURCES], metadata={"kernelspec": kernel})
    nbformat.write(made, tmp_path / "panel.ipynb")
    complaints: list[str] = []
    reference = str(shipped.store.reference)
    with (
        jupyter_lab(
            tmp_path, TLFOURIER_STORE=str(shipped.store.root), TLFOURIER_REFERENCE=reference
        ) as address,
        browser_page(find_chromium(), complaints) as page,
    ):
        page.goto(address.format("panel.ipynb"))
        run(page, 0)
        run(page, 1)
        expect(page.get_by_role("status").filter(has_text="ReLU")).to_contain_text(
            "Band-pass (clear). It passes |k| ≈"
        )
        page.get_by_role("combobox", name="kernel", exact=True).select_option("Laplacian")
        page.get_by_role("gridcell").nth(12).click()
        page.keyboard.type("-3")
        page.keyboard.press("Enter")
        page.get_by_role("slider", name="bias b").focus()
        page.keyboard.press("End")
        run(page, 2)
        expect(page.locator(".jp-OutputArea").nth(2)).to_contain_text(
            "('Python reads', -3.0, 3.0, 'Laplacian')"
        )
        run(page, 3)
        expect(page.get_by_role("gridcell").nth(2)).to_have_attribute("aria-label", "x 0, y 2: 7")
    assert complaints == []


def run(page: Page, place: int) -> None:
    page.locator(".jp-Notebook .jp-CodeCell").nth(place).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
