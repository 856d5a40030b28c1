"""Build the sdist and the wheel, and use the wheel as a stranger does: in an empty environment, far away.

``.venv/bin/python -m tools.try_wheel`` says what it tries and how long that took, and stops at the first
thing that fails; ``build`` and ``hatchling``, which it needs, come with the extra ``dev``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.environment import REPOSITORY, install_torch, pip

ENGINE = """
import sys, torch, tlfourier as tl
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State
from tlfourier.fourier import conv_layers, kernel_types

grid = Grid(32)
flow = VorticityEquation(grid, viscosity=1e-3, drag=0.1, forcing_hat=two_way_cosine(grid, 4))
start = State(random_vorticity(grid, seed=0), 0.0)
states = list(simulate(flow, start, Schedule(spin_up=0.1, interval=0.1, snapshots=2), progress=False))
assert len(states) == 2 and states[1].omega_hat.isfinite().all()

network = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 5), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 5))
assert len(conv_layers(network)) == 2
assert kernel_types(network).sizes

study = tl.begin("smoke")
assert study.store.root.parts[-2:] == ("tlfourier", "store"), study.store.root
assert study.store.reference is None

from tlfourier.io.paths import PERFORMANCE
assert PERFORMANCE.is_file()
for name in ("book", "playground", "widgets"):
    try:
        __import__(f"tlfourier.{name}")
    except ModuleNotFoundError as error:
        assert 'pip install "tlfourier[book]"' in str(error), error
    else:
        sys.exit(f"tlfourier.{name} could be imported: the environment is not empty")
"""
TINY = {
    "cases.forcing.seeds": 1,
    "simulation.size": 32,
    "simulation.spin_up": 0.5,
    "filter.size": 16,
    "flows.small_scale.forcing_wavenumber": 6,
    "flows.decaying.runs": 17,
    "split": {"train": 6, "validation": 2, "test": 2, "gap": 12},
    "network": {"layers": 3, "channels": 4},
    "training": {"samples": 6, "epochs": 1},
    "transfer": {"samples": 4, "steps": 4, "scratch_steps": 2},
}
SWEEP = ["sweep", "--profile", "smoke", "--case", "forcing", "--layers", "2"]
SWEEP += [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]


def main() -> None:
    """Build, compare, install and use; what fails ends all with its message and an exit code."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        python = environment(folder / "venv", wheel)
        home = folder / "home"
        home.mkdir()
        use(python, home)


def build(folder: Path) -> Path:
    """Build the sdist, from it the wheel, and hold that against the wheel that the checkout gives."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "build", "--no-isolation", str(REPOSITORY), "--outdir"]
    call([*command, str(folder)])
    call([*command, str(folder / "direct"), "--wheel"])
    wheel, direct = (contents(next(place.glob("*.whl"))) for place in (folder, folder / "direct"))
    if wheel != direct:
        differing = sorted({name for name, _ in wheel ^ direct})
        sys.exit(f"the sdist builds another wheel than the checkout: {', '.join(differing)}")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        names = {Path(name).name for name in sdist.getnames()}
    if lacking := {"LICENSE", "LICENSE-TEXT", "CITATION.cff", "README.md"} - names:
        sys.exit(f"the sdist lacks {', '.join(sorted(lacking))}")
    found = next(folder.glob("*.whl"))
    size = found.stat().st_size / 1e3
    say(started, f"{found.name}: {size:.0f} kB, {len(wheel)} files, the same from the sdist")
    return found


def contents(wheel: Path) -> set[tuple[str, int]]:
    """Return the names and checksums of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {(entry.filename, entry.CRC) for entry in archive.infolist()}


def environment(folder: Path, wheel: Path) -> Path:
    """Make an environment with nothing but the wheel and what it needs; return its Python."""
    started, python = time.perf_counter(), folder / "bin" / "python"
    venv.create(folder, with_pip=True)
    os.environ["PIP_NO_COMPILE"] = "1"  # most of torch is never imported here
    install_torch(python)
    pip(python, "--quiet", str(wheel))
    call([python, "-m", "pip", "check"])
    say(started, "the wheel is installed, and pip has no complaint")
    return python


def use(python: Path, home: Path) -> None:
    """Try what the README promises of an installed package, from an empty folder of an empty home."""
    command = python.with_name("tlfourier")
    crew = ["--set", "cases.forcing.seeds=2", "--workers", "2"]
    tries: dict[str, tuple[list[str | Path], int, str]] = {
        "the solver, the kernels of a torch module, a study": ([python, "-c", ENGINE], 0, ""),
        "tlfourier info": ([command, "info", "--profile", "smoke"], 0, "are to be made"),
        "a sweep in this process": ([command, *SWEEP], 0, "made in"),
        "the same sweep again": ([command, *SWEEP], 0, "0 artifacts to make"),
        "more workers without dask": ([command, *SWEEP, *crew], 2, "tlfourier[sweep]"),
        "the book": ([command, "book", "--profile", "smoke"], 2, "clone the repository"),
    }
    for what, (line, code, words) in tries.items():
        started = time.perf_counter()
        output = call(line, home, code)
        if words not in output:
            sys.exit(f"{what}: expected {words!r} in\n{output}")
        say(started, what)
    if strays := [path.name for path in home.iterdir() if not path.name.startswith(".")]:
        sys.exit(f"these were left in the working folder: {', '.join(strays)}")


def call(command: Sequence[str | Path], home: Path | None = None, code: int = 0) -> str:
    """Run a command, in ``home`` as if it were the user's; on another exit code show all that it wrote."""
    hidden = ("PYTHON", "TLFOURIER", "XDG", "VIRTUAL_ENV") if home else ()
    given = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    own = {"HOME": str(home), "OMP_NUM_THREADS": "1"} if home else {}
    done = subprocess.run(
        command,
        cwd=home or REPOSITORY,
        env=given | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != code:
        line = " ".join(map(str, command))[:300]
        sys.exit(f"{line}: exit code {done.returncode}, not {code}\n{done.stdout}")
    return done.stdout


def say(started: float, what: str) -> None:
    """Show what has worked, and its seconds."""
    print(f"wheel: {time.perf_counter() - started:5.1f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
