"""A real JupyterLab on this machine, and the browser that clicks in it."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.image
import numpy as np
import psutil
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

import tlfourier

MISSING = "no chromium, in which the live panel is clicked: apt-get install chromium"
PATIENCE = 120  # seconds: two cores may test something else meanwhile
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


def find_chromium() -> str:
    """Return the browser's path; without it a test is skipped by name, in continuous integration it fails."""
    found = shutil.which("chromium")
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@contextmanager
def jupyter_lab(folder: Path, **environment: str) -> Iterator[str]:
    """Serve the notebooks in ``folder`` on loopback, with no settings but ours; yield the address of Lab.

    In the end the server and all that it started are gone, however it went.
    """
    own = folder / "jupyter"
    places = {name: str(own / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    labconfig = Path(places["CONFIG"]) / "labconfig"
    labconfig.mkdir(parents=True)
    (labconfig / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={free_port()}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.extension_manager=readonly"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    variables |= {f"JUPYTER_{name}_DIR": place for name, place in places.items()}
    variables |= {"JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "IPYTHONDIR": str(own / "ipython")}
    variables |= {"JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces")}
    variables |= {"PYTHONPATH": str(Path(tlfourier.__file__).parents[1]), **environment}
    log = folder / "jupyter.log"
    with log.open("wb") as said:
        server = psutil.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield address(server, Path(places["RUNTIME"]), log)
    finally:
        end(server)


def free_port() -> int:
    """Return a port that nobody listens at; if somebody is quicker, the server takes another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def address(server: psutil.Popen, runtime: Path, log: Path) -> str:
    """Wait until the server says where it is, and return the address of Lab with its token."""
    until = time.monotonic() + PATIENCE
    note = runtime / f"jpserver-{server.pid}.json"
    while time.monotonic() < until and server.poll() is None:
        try:
            found = json.loads(note.read_text())
            with socket.create_connection(("127.0.0.1", found["port"]), timeout=1):
                return f"{found['url']}lab/tree/{{}}?token={found['token']}"
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def end(server: psutil.Popen) -> None:
    """End the server in order, then whatever is left of it and of its kernels."""
    family = [server]
    if server.is_running():
        family += server.children(recursive=True)
        server.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=20)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=20)


@contextmanager
def browser_page(chromium: str, complaints: list[str]) -> Iterator[Page]:
    """Open a page in a browser without a window, and note what its console complains about."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1200, "height": 1400})
            page.set_default_timeout(1000 * PATIENCE)
            expect.set_options(timeout=1000 * PATIENCE)
            page.on("pageerror", lambda error: complaints.append(f"{error.name}: {error.message}"))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            yield page
        finally:
            browser.close()


# ---- what can be seen


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Return the contrast of two colours by WCAG 2: from 1, the same, to 21, black on white."""
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other)]
    dark, light = sorted(float(c @ (0.2126, 0.7152, 0.0722)) for c in linear)
    return (light + 0.05) / (dark + 0.05)


def pixels(page: Page, shown: Locator, margin: int = 0) -> np.ndarray:
    """Return what the screen shows of an element, as red, green and blue from 0 to 1."""
    box = shown.bounding_box()
    assert box is not None
    screen = matplotlib.image.imread(io.BytesIO(page.screenshot()), format="png")[..., :3]
    left, top = round(box["x"]) - margin, round(box["y"]) - margin
    return screen[
        top : top + round(box["height"]) + 2 * margin, left : left + round(box["width"]) + 2 * margin
    ]
