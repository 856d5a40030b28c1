"""A sweep on real workers: failures stop nothing else, lost workers are replaced, bits stay the same."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from distributed import Client

from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.study.study import begin
from tlfourier.sweep import clusters, progress, run
from tlfourier.sweep.plan import Plan, plan

# the workers cannot import this file: its makers travel to them by value
cloudpickle.register_pickle_by_value(sys.modules[__name__])

MEMORY = 900_000_000


def make_value(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    (folder / "value.txt").write_text(repr(dict(node.spec)))


def make_error(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    raise ValueError("steps=-1: accepted are\nintegers from 1")


def make_death(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Die like a process that the system kills, the first time only."""
    marker = Path(node.spec["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "value.txt").write_text("after all")


def make_hungry(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Take more memory than a worker has, in steps that are really used."""
    taken = []
    while True:
        taken.append(bytearray(os.urandom(2**20)) * 64)


MAKERS = {"value": make_value, "error": make_error, "death": make_death, "hungry": make_hungry}


def value(name: str, **inputs: Node) -> Node:
    return Node("value", 1, {"name": name}, inputs)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with clusters.local(2, memory=MEMORY) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", MAKERS)


FAILING = Node("error", 1, {})
CHAIN = value("second", of=value("first", of=FAILING))
OTHERS = [value(f"other {i}") for i in range(5)]


def check_failure(outcome: run.Outcome, to_do: Plan, store: Store) -> None:
    assert outcome.failed == {FAILING.key: "steps=-1: accepted are integers from 1"}
    assert set(outcome.untried) == {CHAIN.key, CHAIN.inputs["of"].key}
    assert set(outcome.made) == {node.key for node in OTHERS}
    assert all(store.find(node) for node in OTHERS)
    with pytest.raises(
        run.SweepFailed, match="1 of 8 artifacts could not be made, 5 were made and stay"
    ) as caught:
        outcome.check(to_do)
    assert f"{FAILING.name} (error) failed: steps=-1" in str(caught.value)
    assert "2 more that need it were not tried" in str(caught.value)


def test_a_failure_here_stops_only_what_needs_it(store: Store) -> None:
    to_do = plan(store, [CHAIN, *OTHERS])
    check_failure(run.run_here(to_do, store, progress=False), to_do, store)


def test_a_failure_on_a_worker_stops_only_what_needs_it(client: Client, store: Store) -> None:
    to_do = plan(store, [CHAIN, *OTHERS])
    check_failure(run.run(to_do, store, client, progress=False), to_do, store)


def test_a_worker_that_dies_is_replaced_and_its_task_tried_again(
    client: Client, store: Store, tmp_path: Path
) -> None:
    deadly = Node("death", 1, {"marker": str(tmp_path / "died")})
    outcome = run.run(plan(store, [deadly, *OTHERS]), store, client, progress=False)
    assert (tmp_path / "died").exists()
    assert outcome.failed == {}
    found = store.find(deadly)
    assert found is not None
    assert (found / "value.txt").read_text() == "after all"


def test_a_full_memory_is_one_failure_and_the_sweep_goes_on(client: Client, store: Store) -> None:
    hungry = Node("hungry", 1, {})
    outcome = run.run(plan(store, [hungry, *OTHERS]), store, client, progress=False)
    assert list(outcome.failed) == [hungry.key]
    assert "when the memory is full" in outcome.failed[hungry.key]
    assert all(store.find(node) for node in OTHERS)


def test_a_second_sweep_does_only_what_is_missing(client: Client, store: Store) -> None:
    run.run(plan(store, OTHERS[:3]), store, client, progress=False)
    to_do = plan(store, OTHERS)
    assert list(to_do.tasks.values()) == OTHERS[3:]
    run.run(to_do, store, client, progress=False)
    assert plan(store, OTHERS).tasks == {}


def test_the_jobs_of_an_array_make_everything_whatever_their_order(store: Store) -> None:
    leaves = [value("top", of=value("middle", of=value("bottom"))), *OTHERS]
    to_do = plan(store, leaves)
    for index in (2, 0, 1):
        outcome = run.run_here(to_do, store, to_do.part(index, 3), progress=False)
        assert outcome.failed == {}
    assert plan(store, leaves).tasks == {}


def test_a_job_of_an_array_that_starts_late_leaves_nothing_to_nobody(store: Store) -> None:
    """Each of the two finds another part of the work already done."""
    leaves = [value("top", of=value("middle", of=value("bottom"))), *OTHERS]
    early = plan(store, leaves)
    first, *rest = early.part(0, 2)
    store.get(first)
    late = plan(store, leaves)
    for node in [*rest, *late.part(1, 2)]:
        store.get(node)
    assert plan(store, leaves).tasks == {}


def test_two_workers_and_one_process_make_the_same_bits(
    client: Client, tiny: dict[str, Any], tmp_path: Path
) -> None:
    """Every stage of a real study; the two stores share nothing."""
    study = begin("smoke", tiny)
    study.make_all(workers=1)
    here, there = study.store, Store(tmp_path / "there", study.store.makers, resumable=study.store.resumable)
    assert run.run(plan(there, study.leaves()), there, client, progress=False).failed == {}
    names = [folder.relative_to(there.root) for folder in there.artifacts()]
    assert {Path(leaf.name) for leaf in study.leaves()} <= set(names)
    different = [
        n for n in names if read_manifest(here.root / n)["files"] != read_manifest(there.root / n)["files"]
    ]
    assert different == []


def test_a_scheduler_that_is_not_there_is_one_sentence() -> None:
    with (
        pytest.raises(ValueError, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9'"),
        clusters.running("tcp://127.0.0.1:9", timeout=1.0),
    ):
        pass


def test_a_running_scheduler_is_used(client: Client, store: Store) -> None:
    assert client.scheduler is not None
    with clusters.running(str(client.scheduler.address)) as visitor:
        outcome = run.run(plan(store, OTHERS), store, visitor, progress=False)
    assert set(outcome.made) == {node.key for node in OTHERS}
    assert len(client.nthreads()) == 2  # the visitor has not closed it


def test_a_slurm_template_is_read_and_what_it_lacks_is_named(tmp_path: Path) -> None:
    assert clusters.read_template(clusters.SLURM_TEMPLATE)["cores"] >= 1
    mine = tmp_path / "mine.toml"
    mine.write_text("jobs = 3\ncores = 2\n")
    with pytest.raises(ValueError, match=r"mine\.toml lacks memory, walltime: see slurm\.toml"):
        clusters.read_template(mine)
    mine.write_text("jobs = ")
    with pytest.raises(ValueError, match="cannot be read"):
        clusters.read_template(mine)


def test_the_report_names_artifacts_and_the_pace_is_what_was_measured() -> None:
    node = OTHERS[0]
    to_do = Plan({node.key: node}, {node.key: 2.0})
    outcome = run.Outcome(made={node.key: 3.0}, seconds=3.04)
    assert outcome.as_data(to_do) == {"seconds": 3.0, "made": {node.name: 3.0}, "failed": {}, "untried": {}}
    assert progress.pace(to_do, outcome) == {"value": 1.5}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89.0, "89 s"), (600.0, "10 min"), (7200.0, "2.0 h")]
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def test_two_sweeps_on_one_machine_have_their_own_ports(recwarn: pytest.WarningsRecorder) -> None:
    with clusters.local(1) as first, clusters.local(1) as second:
        assert first.submit(sum, [1, 2]).result(timeout=60) == second.submit(sum, [1, 2]).result(timeout=60)
    assert not [one for one in recwarn if "already in use" in str(one.message)]


def test_a_task_that_only_waited_beside_a_death_is_tried_alone(client: Client, store: Store) -> None:
    waiting = value("waiting")
    after = value("after", first=waiting)
    hungry = Node("hungry", 1, {})
    to_do = plan(store, [waiting, after, hungry])
    outcome = run.Outcome(failed=dict.fromkeys((waiting.key, hungry.key), run.DIED))
    outcome.untried = {after.key: waiting.name}
    run.try_alone(to_do, store, client, outcome)
    assert set(outcome.made) == {waiting.key, after.key}
    assert outcome.failed == {hungry.key: run.DIED}
    assert not outcome.untried
