"""The command line: ``tlfourier run | book | sweep | verify | info | reference``.

Bad input is answered by one sentence on stderr and exit code 2, a failed run by one sentence and exit
code 1; ``--debug`` shows the traceback. What is stopped, by Ctrl-C or SIGTERM, ends its workers and kernels
and exits with 130 or 143.
"""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from tlfourier.io import atomic, paths
from tlfourier.io.words import LONGEST, one_line
from tlfourier.scorecard import reading
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import tree
from tlfourier.study import targets
from tlfourier.study.overrides import from_pairs
from tlfourier.study.settings import StudySpec
from tlfourier.study.stores import open_store
from tlfourier.study.study import begin, begin_all
from tlfourier.study.systems import SYSTEMS, load_system
from tlfourier.sweep import run as run_on
from tlfourier.sweep.backends.template import TEMPLATE
from tlfourier.sweep.plan import plan
from tlfourier.sweep.progress import duration
from tlfourier.sweep.signals import Terminated, heard, terminable

REFERENCE_LIMIT = 40_000_000
_WORD, _TEXT = 400, 8000  # characters: a path may be long, and a sweep may name many failures


class _Group(click.Group):
    """Turn the errors that a person can mend into one sentence."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """Read the command line; what is quoted of it is not too long to read."""
        with _readable():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; let tracebacks through only with ``--debug``."""
        try:
            with _readable(), terminable(), heard():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as signalled:
            kept = "what was finished is kept, and the same command goes on"
            click.echo(f"\ntlfourier: stopped; {kept}", err=True)
            sys.exit(143 if isinstance(signalled, Terminated) else 130)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"tlfourier: {_short(_sentence(error))}", err=True)
            sys.exit(2 if isinstance(error, ValueError) else 1)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Cut what click quotes of a command line."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = one_line(_short(error.message), longest=_TEXT)
        raise


def _short(text: str) -> str:
    """Cut words, and in the end all of it, where nobody would read on."""
    cut = re.sub(rf"\S{{{_WORD},}}", lambda word: word[0][:LONGEST] + "…", text)
    return cut if len(cut) <= _TEXT else cut[:_TEXT] + "…"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "the disk is full: free some space and run the same command again; what was finished is kept"
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{error.filename} cannot be written: name a folder of yours in TLFOURIER_STORE"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror.lower()}"
    if isinstance(error, ValueError):
        return one_line(error, longest=_TEXT)
    if isinstance(error, (RuntimeError, ModuleNotFoundError)):
        return str(error)  # a line for each failure
    return f"{type(error).__name__}: {error} (--debug shows where)"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(version("tlfourier"))
def main(debug: bool) -> None:
    """Which layers of a turbulence closure to re-train, and why."""


def _place(_: click.Context, __: click.Parameter, address: str | None) -> None:
    """Let everything that this command starts find the store, from whatever folder."""
    if address:
        os.environ["TLFOURIER_STORE"] = address
    for name in ("TLFOURIER_STORE", "TLFOURIER_REFERENCE", "TLFOURIER_BUILD"):
        if (given := os.environ.get(name)) and "://" not in given:
            os.environ[name] = str(Path(given).expanduser().absolute())


_store_option = click.option(
    "--store", metavar="ADDRESS", callback=_place, expose_value=False,
    help="Folder or fsspec address (s3://bucket/study) of the artifacts.  [default: data/store]"
)  # fmt: skip


def _settings(function: Callable[..., None]) -> Callable[..., None]:
    """Give a subcommand the options that choose a study."""

    @click.option("--profile", default="laptop", show_default=True, help="smoke, laptop or paper.")
    @click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override: transfer.steps=100.")
    @click.option("--fresh", is_flag=True, help="Ignore the shipped artifacts: compute everything here.")
    @_store_option
    @click.option(
        "--system", type=click.Choice(list(SYSTEMS)), default=StudySpec.system, show_default=True,
        help="The flows whose study this is, and whose settings --set changes."
    )  # fmt: skip
    @wraps(function)
    def wrapped(profile: str, pairs: tuple[str, ...], fresh: bool, system: str, **rest: Any) -> None:
        if fresh:
            os.environ["TLFOURIER_REFERENCE"] = ""
        overrides = from_pairs(pairs)
        load_system(system, profile, overrides)
        function(profile=profile, overrides=overrides, system=system, **rest)

    return wrapped


@main.command()
@_settings
@click.argument("pages", nargs=-1)
def run(profile: str, overrides: dict[str, Any], system: str, pages: tuple[str, ...]) -> None:
    """Make every artifact of their studies, then execute the book's PAGES (all by default) with papermill."""
    checkout = paths.require_checkout()
    from tlfourier.book import runner, toc

    chosen = list(pages) or None
    # an unknown page is refused before anything is computed
    read = dict.fromkeys(name for page in toc.notebooks(chosen) for name in toc.systems_of(checkout / page))
    for study in begin_all(profile, overrides, system, read):
        study.make_all()
    runner.run_pages(profile, overrides, chosen, system=system)


@main.command()
@_settings
def book(profile: str, overrides: dict[str, Any], system: str) -> None:
    """Run every page and publish the book under build/PROFILE/html."""
    paths.require_checkout()  # before anything is computed
    from tlfourier.book import publisher, runner

    for study in begin_all(profile, overrides, system):
        study.make_all()
    runner.run_pages(profile, overrides, system=system)
    click.echo(f"the book: {publisher.publish(profile)}")


def _checked(check: Callable[[Path], Path]) -> Callable[..., Path | None]:
    """Check an optional path before anything is computed for it."""
    return lambda _context, _parameter, path: path if path is None else check(path)


@main.command()
@_settings
@click.option(
    "--scaling", type=click.Choice(targets.JUDGED), default=targets.JUDGED[0], show_default=True,
    help="The units in which networks are given the target."
)  # fmt: skip
@click.option(
    "--csv", type=click.Path(path_type=Path), callback=_checked(paths.check_file),
    help="Write the table here too."
)  # fmt: skip
def scorecard(profile: str, overrides: dict[str, Any], system: str, scaling: str, csv: Path | None) -> None:
    """Judge every claim in every case, from the artifacts of the whole programme."""
    study = begin(profile, overrides, system).make
    table = reading.as_table(study.verdicts(scaling, study.ladders))
    click.echo(table.drop(columns="reason").to_string(index=False, float_format="{:.3g}".format))
    if csv is not None:
        table.to_csv(csv, index=False)


@main.command(name="sweep")
@_settings
@click.option("--case", "cases", multiple=True, help="Only this case; may be repeated.")
@click.option(
    "--layers", multiple=True, metavar="SETS",
    help="singles, pairs, prefixes, suffixes, all, or a set as 2,5; may be repeated."
)  # fmt: skip
@click.option("--samples", multiple=True, type=int, help="Target samples of a transfer; may be repeated.")
@click.option("--programme", is_flag=True, help="The whole study: all cases, both ways, every analysis.")
@click.option("--workers", type=click.IntRange(1), help="Processes of one thread each.  [default: the cores]")
@click.option("--scheduler", metavar="TCP://HOST:PORT", help="A dask scheduler that runs already.")
@click.option(
    "--slurm", is_flag=False, flag_value=str(TEMPLATE), metavar="[TEMPLATE]",
    help="Start workers as SLURM jobs, as the template says.  [default: the one that comes with the package]"
)  # fmt: skip
@click.option("--task-index", type=int, metavar="I", help="Make the I-th of --tasks parts, without dask.")
@click.option("--tasks", type=click.IntRange(1), metavar="N", help="Number of jobs in the array.")
@click.option("--dry-run", is_flag=True, help="List what would be made and what it would cost.")
def sweep_(
    profile: str,
    overrides: dict[str, Any],
    system: str,
    cases: tuple[str, ...],
    layers: tuple[str, ...],
    samples: tuple[int, ...],
    programme: bool,
    dry_run: bool,
    **where: Any,
) -> None:
    """Make many artifacts at once; what is there is kept, so the same command goes on where it was.

    Without --case, --layers, --samples or --programme: everything that the book reads. With one of the first
    three the scores of all baselines and of every set of layers, for every case, number of samples and seed.
    """
    study = begin(profile, overrides, system)
    wanted = targets.chosen(study.design, cases, layers, samples, programme)
    to_do = plan(study.store, study.leaves() if wanted is None else wanted)
    click.echo(run_on.forecast(to_do, list_all=dry_run))
    if not dry_run:
        outcome = run_on.run(to_do, study.store, **where)
        name, index = "sweep" if system == StudySpec.system else f"sweep-{system}", where["task_index"]
        report = paths.build_folder(profile) / (f"{name}.json" if index is None else f"{name}-{index}.json")
        atomic.write_json(report, outcome.as_data(to_do))
        click.echo(f"{len(outcome.made)} made in {duration(outcome.seconds)}; the report: {report}")
        outcome.check(to_do)


@main.command()
@_store_option
@click.option("--repair", is_flag=True, help="Set damaged artifacts aside, so that they are made again.")
def verify(repair: bool) -> None:
    """Re-hash every artifact, shipped and local."""
    store, named = open_store(), os.environ.get("TLFOURIER_STORE")
    if named and not store.remote and not Path(named).is_dir():
        raise RuntimeError(f"store {one_line(named)}: there is no such folder")
    findings = list(store.findings(repair=repair))
    if store.remote and not store.remote.names():  # some protocols do not tell the one from the other
        findings.append(f"the store at {store.remote.address} holds no artifact, or cannot be reached")
    problems = [found for found in findings if found]
    for problem in problems:
        click.echo(one_line(problem, longest=_TEXT), err=True)
    click.echo(f"{len(findings) - len(problems)} whole artifacts, {len(problems)} damaged")
    sys.exit(1 if problems else 0)


@main.command()
@_settings
def info(profile: str, overrides: dict[str, Any], system: str) -> None:
    """List the artifacts that the book needs, and where each one is."""
    study = begin(profile, overrides, system)
    wanted, seconds, missing = dict.fromkeys(study.leaves()), 0.0, 0
    for node in tree(wanted):
        folder = study.store.local(node)
        seconds += read_manifest(folder)["seconds"] if folder is not None else 0.0
        if node in wanted:
            missing += folder is None
            place = "to be made" if folder is None else "local" if study.store.owns(folder) else "shipped"
            click.echo(f"{node.name:30} {place}")
    click.echo(f"{missing} of {len(wanted)} are to be made; those here took {seconds / 60:.0f} min to make")


@main.command()
@_settings
@click.option(
    "--to", "target", type=click.Path(path_type=Path), callback=_checked(paths.check_folder),
    help="Default: data/reference."
)  # fmt: skip
def reference(profile: str, overrides: dict[str, Any], system: str, target: Path | None) -> None:
    """Pack what the published book reads into data/reference, made first if missing."""
    leaves = [node for study in begin_all(profile, overrides, system) for node in study.leaves()]
    target = target or paths.require_checkout() / "data" / "reference"
    sizes = {path.name: path.stat().st_size for path in open_store().ship(leaves, target)}
    total, largest = sum(sizes.values()), max(sizes, key=sizes.__getitem__)
    most = f"the largest {largest}, {sizes[largest] / 1e6:.1f} MB"
    click.echo(f"{total / 1e6:.1f} MB in {target}: {len(sizes)} archives, {most}")
    if total > REFERENCE_LIMIT:
        limit = f"the limit of {REFERENCE_LIMIT / 1e6:.0f} MB for shipped artifacts"
        raise RuntimeError(f"{total / 1e6:.1f} MB is over {limit}")
