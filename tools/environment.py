"""Make ``.venv`` and install the project in it, with nothing but Python's standard library.

``python3 tools/environment.py [EXTRA ...]`` is what ``make env`` runs. Debian and Ubuntu ship Python without
``ensurepip``: there pip comes from the system's pip, or else straight from the package index. On Linux, torch
comes from its index of processor-only wheels, because the default ones bring gigabytes of CUDA libraries; set
``TORCH_INDEX`` to another index for a GPU, or to nothing for the default wheels.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = REPOSITORY / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
OLDEST = (3, 11)
PIP = "26.0.1"
SHOWN = ("Collecting", "Installing", "Building", "Successfully")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


def main(extras: list[str]) -> None:
    """Make the environment if it is missing, then install the project with ``extras``."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Python {sys.version.split()[0]} is too old: tlfourier needs {OLDEST[0]}.{OLDEST[1]} or newer."
        )
    if (
        not PYTHON.exists()
        or subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode
    ):
        make_environment()
    install_torch()
    say("installing the project (about 1.6 GB, a few minutes the first time)")
    pip("--editable", f"{REPOSITORY}[{','.join(extras)}]" if extras else str(REPOSITORY))


def make_environment() -> None:
    """Make ``.venv`` with pip in it, whether or not this Python has ``ensurepip``."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    whole = importlib.util.find_spec("ensurepip") is not None
    run(sys.executable, "-m", "venv", "--clear", *([] if whole else ["--without-pip"]), ENVIRONMENT)
    if whole:
        return
    if importlib.util.find_spec("pip") is not None:
        run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", f"pip=={PIP}")
        return
    with tempfile.TemporaryDirectory() as folder:
        wheel = download_pip(Path(folder))
        run(PYTHON, f"{wheel}/pip", "install", "--quiet", "--no-index", wheel)


def download_pip(folder: Path) -> Path:
    """Fetch pip's wheel from the package index, and check it against the index's SHA-256."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    try:
        page = fetch(f"{index}/pip/").decode()
        found = re.search(rf'href="([^"#]+/pip-{re.escape(PIP)}-py3-none-any\.whl)#sha256=(\w+)"', page)
        if not found:
            sys.exit(
                f"The package index {index} does not offer pip {PIP}: install python3-venv and try again."
            )
        content = fetch(urllib.parse.urljoin(f"{index}/pip/", found[1]))
    except urllib.error.URLError as error:
        sys.exit(
            f"This Python has neither ensurepip nor pip, and {index} does not answer ({error.reason}): "
            "install python3-venv (Debian, Ubuntu: sudo apt install python3-venv) and try again."
        )
    if hashlib.sha256(content).hexdigest() != found[2]:
        sys.exit(f"The pip wheel from {index} is damaged: try again.")
    wheel = folder / f"pip-{PIP}-py3-none-any.whl"
    wheel.write_bytes(content)
    return wheel


def fetch(address: str) -> bytes:
    """Return what a web address holds."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def install_torch() -> None:
    """Install torch alone first, so that only it is looked for in the index of processor-only wheels."""
    index = os.environ.get("TORCH_INDEX", TORCH_INDEX if sys.platform == "linux" else "")
    # an index that does not answer costs one short attempt, and torch then comes from the default index
    options = ["--extra-index-url", index, "--retries", "0", "--timeout", "15"] if index else []
    say("installing torch")
    pip("--no-deps", *options, "torch")


def pip(*arguments: str) -> None:
    """Install with pip under the constraints, and show what it fetches."""
    command = [PYTHON, "-m", "pip", "install", "--constraint", REPOSITORY / "constraints.txt", *arguments]
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.strip().startswith(SHOWN):
                say(line.strip()[:100])
    if process.returncode:
        sys.exit(f"pip could not install {arguments[-1]}: its message is above; `make env` tries again.")


def run(*command: str | Path) -> None:
    """Run a command; stop with its exit code if it fails."""
    done = subprocess.run([str(part) for part in command], check=False)
    if done.returncode:
        sys.exit(f"This step failed: {' '.join(str(part) for part in command)}")


def say(text: str) -> None:
    """Show what goes on."""
    print(f"env: {text}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
