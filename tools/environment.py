"""Make ``.venv`` and install the project in it, with nothing but Python's standard library.

``python3 tools/environment.py [EXTRA ...]`` is what ``make env`` runs. Debian and Ubuntu ship Python without
``ensurepip``: there pip comes from the system, or root installs ``python3-venv``, or a sentence asks for it.
On Linux the default wheels of torch bring gigabytes of CUDA libraries; set ``TORCH_INDEX`` to an index of
processor-only wheels, as PyTorch's site names it, to do without them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = REPOSITORY / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
OLDEST = (3, 11)
PIP = "26.0.1"
SHOWN = ("Collecting", "Installing", "Building", "Successfully")


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
    install_torch(PYTHON)
    say("installing the project (about 1.6 GB, a few minutes the first time)")
    pip(PYTHON, "--editable", f"{REPOSITORY}[{','.join(extras)}]" if extras else str(REPOSITORY))


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
    install_system_venv()
    run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)


def install_system_venv() -> None:
    """Let root install Debian's ``python3-venv``; ask anybody else to."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        say("installing python3-venv, which this Python lacks")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "python3-venv")
        return
    sys.exit(
        "This Python has neither ensurepip nor pip: install python3-venv (Debian, Ubuntu: sudo apt install "
        "python3-venv) and run the same command again."
    )


def install_torch(python: Path) -> None:
    """Install torch alone first, so that only it is looked for in an index of processor-only wheels."""
    index = os.environ.get("TORCH_INDEX", "")
    say("installing torch")
    if index:
        pip(python, "--no-deps", "--extra-index-url", index, "torch")
    else:
        pip(python, "torch")


def pip(python: Path, *arguments: str) -> None:
    """Install with pip under the constraints, and show what it fetches."""
    command = [python, "-m", "pip", "install", "--constraint", REPOSITORY / "constraints.txt", *arguments]
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
