"""A sweep on real workers: failures stop nothing else, lost workers are replaced, bits stay the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from dask import config
from distributed import Client, default_client

from tests import fakes
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store
from tlfourier.study.study import begin
from tlfourier.study.verdicts import STAGES as STUDY
from tlfourier.sweep import progress
from tlfourier.sweep import run as on
from tlfourier.sweep.backends import dask
from tlfourier.sweep.backends.here import run_here
from tlfourier.sweep.outcome import Outcome, SweepFailed
from tlfourier.sweep.plan import Plan, plan

# the workers cannot import these files: what is in them travels by value
for module in (sys.modules[__name__], fakes):
    cloudpickle.register_pickle_by_value(module)

MEMORY = 900_000_000


def make_value(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(repr(dict(node.spec)))


def make_error(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    raise ValueError("steps=-1: accepted are\nintegers from 1")


def make_death(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    """Die like a process that the system kills, the first time only."""
    marker = Path(node.spec["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "value.txt").write_text("after all")


def make_hungry(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    """Take more memory than a worker has, in steps that are really used."""
    taken = []
    while True:
        taken.append(bytearray(os.urandom(2**20)) * 64)


def make_greedy(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    """Keep nearly all the memory that a worker has, as an allocator may that gives nothing back."""
    here = psutil.Process()
    kept = vars(sys).setdefault("kept", [])
    while here.memory_info().rss < 0.87 * MEMORY:
        kept.append(bytearray(os.urandom(2**20)) * 4)


STAGES = fakes.stages(
    value=make_value, error=make_error, death=make_death, hungry=make_hungry, greedy=make_greedy
)


def value(name: str, **inputs: Node) -> Node:
    return Node("value", 1, {"name": name}, inputs)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with dask.local(2, memory=MEMORY) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", STAGES)


FAILING = Node("error", 1, {})
CHAIN = value("second", of=value("first", of=FAILING))
OTHERS = [value(f"other {i}") for i in range(5)]


def check_failure(outcome: Outcome, to_do: Plan, store: Store) -> None:
    assert outcome.failed == {FAILING.key: "steps=-1: accepted are integers from 1"}
    assert set(outcome.untried) == {CHAIN.key, CHAIN.inputs["of"].key}
    assert set(outcome.made) == {node.key for node in OTHERS}
    assert all(store.find(node) for node in OTHERS)
    with pytest.raises(
        SweepFailed, match="1 of 8 artifacts could not be made, 5 were made and stay"
    ) as caught:
        outcome.check(to_do)
    assert f"{FAILING.name} (error) failed: steps=-1" in str(caught.value)
    assert "2 more that need it were not tried" in str(caught.value)


def test_a_failure_here_stops_only_what_needs_it(store: Store) -> None:
    to_do = plan(store, [CHAIN, *OTHERS])
    check_failure(run_here(to_do, store, progress=False), to_do, store)


def test_a_failure_on_a_worker_stops_only_what_needs_it(client: Client, store: Store) -> None:
    to_do = plan(store, [CHAIN, *OTHERS])
    check_failure(dask.run(to_do, store, client, progress=False), to_do, store)


def test_a_worker_that_dies_is_replaced_and_its_task_tried_again(
    client: Client, store: Store, tmp_path: Path
) -> None:
    deadly = Node("death", 1, {"marker": str(tmp_path / "died")})
    outcome = dask.run(plan(store, [deadly, *OTHERS]), store, client, progress=False)
    assert (tmp_path / "died").exists()
    assert outcome.failed == {}
    found = store.find(deadly)
    assert found is not None
    assert (found / "value.txt").read_text() == "after all"


def test_a_full_memory_is_one_failure_and_the_sweep_goes_on(client: Client, store: Store) -> None:
    hungry = Node("hungry", 1, {})
    outcome = dask.run(plan(store, [hungry, *OTHERS]), store, client, progress=False)
    assert list(outcome.failed) == [hungry.key]
    assert "when the memory is full" in outcome.failed[hungry.key]
    assert all(store.find(node) for node in OTHERS)


def test_a_worker_whose_memory_stays_nearly_full_goes_on(store: Store) -> None:
    """Dask would let it pause until something is freed, and the sweep wait for ever."""
    after = [value(f"after {i}", first=Node("greedy", 1, {})) for i in range(40)]
    with dask.local(1, memory=MEMORY) as client:
        outcome = dask.run(plan(store, after), store, client, progress=False)
    assert len(outcome.made) == 41 and not outcome.failed


def test_workers_that_cannot_read_a_task_end_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code lies in a module that only this process knows: dask drops such workers one by one."""

    def make(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None: ...

    own = types.ModuleType("nowhere")
    own.make = make  # type: ignore[attr-defined]
    make.__module__, make.__qualname__ = own.__name__, "make"
    monkeypatch.setitem(sys.modules, own.__name__, own)
    store = Store(tmp_path / "store", fakes.stages(value=make))
    with (
        dask.local(2, memory=MEMORY) as client,
        pytest.raises(RuntimeError, match="every worker has ended: they could not read a task"),
    ):
        dask.run(plan(store, OTHERS), store, client, progress=False)


def test_a_second_sweep_does_only_what_is_missing(client: Client, store: Store) -> None:
    dask.run(plan(store, OTHERS[:3]), store, client, progress=False)
    to_do = plan(store, OTHERS)
    assert list(to_do.tasks.values()) == OTHERS[3:]
    dask.run(to_do, store, client, progress=False)
    assert plan(store, OTHERS).tasks == {}


def test_the_jobs_of_an_array_make_everything_whatever_their_order(store: Store) -> None:
    leaves = [value("top", of=value("middle", of=value("bottom"))), *OTHERS]
    to_do = plan(store, leaves)
    for index in (2, 0, 1):
        outcome = run_here(to_do, store, to_do.part(index, 3), progress=False)
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


def checksums(store: Store) -> dict[str, dict[str, str]]:
    """Return the checksums of every file of every artifact."""
    return {
        f"{Path(str(one)).parent.name}/{one.name}": read_manifest(one)["files"] for one in store.artifacts()
    }


def test_two_workers_and_one_process_make_the_same_bits(
    client: Client, tiny: dict[str, Any], tmp_path: Path
) -> None:
    """Every stage of a real study; the two stores share nothing."""
    study = begin("smoke", tiny)
    study.make_all(workers=1)
    leaves, there = study.leaves(), Store(tmp_path / "there", study.store.stages)
    assert dask.run(plan(there, leaves), there, client, progress=False).failed == {}
    made = checksums(there)
    assert {leaf.name for leaf in leaves} <= made.keys()
    assert made == {name: files for name, files in checksums(study.store).items() if name in made}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tls://127.0.0.1:9", "ucx://a:1", "nowhere", ""])
def test_a_scheduler_that_is_not_there_is_one_sentence(address: str) -> None:
    sentence = f"no scheduler answers at {address!r} (.+): expected tcp://HOST:PORT$"
    with pytest.raises(ValueError, match=sentence), dask.running(address, timeout=1.0):
        pass


def test_a_running_scheduler_is_used(client: Client, store: Store) -> None:
    assert client.scheduler is not None
    with dask.running(str(client.scheduler.address), timeout=60.0) as visitor:
        outcome = dask.run(plan(store, OTHERS), store, visitor, progress=False)
    assert set(outcome.made) == {node.key for node in OTHERS}
    client.wait_for_workers(2, timeout=60)  # the visitor has not closed it; one that died is replaced


def test_no_client_is_the_default_of_dask(client: Client) -> None:
    """Else what xarray writes would need it, and would fail after a client that was not closed in order."""
    assert client.scheduler is not None
    with dask.running(str(client.scheduler.address), timeout=60.0):
        assert config.get("scheduler", None) is None
        with pytest.raises(ValueError, match="No clients found"):
            default_client()


def test_everything_listens_on_this_machine_alone() -> None:
    with dask.local(2):
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        sockets = [one for member in family for one in member.net_connections("inet")]
    listening = {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_the_report_names_artifacts_and_the_pace_is_what_was_measured() -> None:
    node = OTHERS[0]
    to_do = Plan({node.key: node}, {node.key: 2.0}, STAGES)
    outcome = Outcome(made={node.key: 3.0}, seconds=3.04)
    assert outcome.as_data(to_do) == {"seconds": 3.0, "made": {node.name: 3.0}, "failed": {}, "untried": {}}
    assert progress.pace(to_do, outcome) == {"value": 1.5}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89.0, "89 s"), (600.0, "10 min"), (7200.0, "2.0 h")]
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def test_two_sweeps_on_one_machine_have_their_own_ports(recwarn: pytest.WarningsRecorder) -> None:
    with dask.local(1) as first, dask.local(1) as second:
        assert first.submit(sum, [1, 2]).result(timeout=60) == second.submit(sum, [1, 2]).result(timeout=60)
    assert not [one for one in recwarn if "already in use" in str(one.message)]


def test_a_sweep_starts_on_a_machine_too_busy_for_the_threads_of_dask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dask gives a thread ten seconds to start, which a full machine once did not keep."""

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("a thread of dask's own was started")

    def loops() -> int:
        return [thread.name for thread in threading.enumerate()].count("event loop of a sweep")

    before = loops()
    monkeypatch.setattr("distributed.utils.asyncio_run", never)
    with dask.local(1) as client:
        assert client.submit(sum, [1, 2]).result(timeout=60) == 3
        assert client.scheduler is not None
        with dask.running(str(client.scheduler.address), timeout=60.0) as visitor:
            assert visitor.submit(sum, [1, 3]).result(timeout=60) == 4
    assert loops() == before


def test_a_machine_that_slept_goes_on_with_the_same_workers() -> None:
    """By default dask restarts what was silent for five minutes, here for five seconds, and then hangs."""
    with config.set({"distributed.scheduler.worker-ttl": "1s"}), dask.local(1) as client:
        worker = psutil.Process(client.submit(os.getpid).result(timeout=60))
        worker.suspend()
        waiting = client.submit(sum, [1, 2])
        time.sleep(8)
        worker.resume()
        assert waiting.result(timeout=60) == 3
        assert client.submit(os.getpid, pure=False).result(timeout=60) == worker.pid


def test_a_worker_that_is_slow_to_come_back_is_waited_for() -> None:
    """By default dask gives up one whose successor needs more than 15 seconds, here none at all."""
    with config.set({"distributed.deploy.lost-worker-timeout": "0s"}), dask.local(1) as client:
        os.kill(client.submit(os.getpid).result(timeout=60), signal.SIGKILL)
        time.sleep(1)
        assert client.submit(sum, [1, 2]).result(timeout=60) == 3


def test_a_plain_script_is_run_once_and_not_by_its_workers(tmp_path: Path) -> None:
    """As a reader writes it, who has never heard of ``if __name__ == "__main__"``."""
    script = tmp_path / "script.py"
    script.write_text(
        "from tlfourier.sweep.backends import dask\n"
        "print('begun', flush=True)\n"
        "with dask.local(2) as client:\n"
        "    print(client.submit(sum, [1, 2]).result(timeout=60))\n"
        "print(__file__)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout == f"begun\n3\n{script}\n", done.stderr


def test_a_task_that_only_waited_beside_a_death_is_tried_alone(client: Client, store: Store) -> None:
    waiting = value("waiting")
    after = value("after", first=waiting)
    hungry = Node("hungry", 1, {})
    to_do = plan(store, [waiting, after, hungry])
    outcome = Outcome(failed=dict.fromkeys((waiting.key, hungry.key), dask.DIED))
    outcome.untried = {after.key: waiting.name}
    dask.try_alone(to_do, store, client, outcome)
    assert set(outcome.made) == {waiting.key, after.key}
    assert outcome.failed == {hungry.key: dask.DIED}
    assert not outcome.untried


def test_seconds_of_work_stay_in_this_process_and_minutes_go_to_the_cores(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting workers takes longer than two tables do."""

    def started(*_: object) -> None:
        raise AssertionError("dask was started")

    monkeypatch.setattr(dask, "local", started)
    monkeypatch.setattr(on, "cores", lambda: 2)
    cheap = plan(store, OTHERS)
    assert on.run_on_this_machine(cheap, store).failed == {}
    dear = plan(Store(store.root.parent / "other", fakes.stages(value=make_value, rate=60.0)), OTHERS)
    with pytest.raises(AssertionError, match="dask was started"):
        on.run_on_this_machine(dear, store)
    assert on.run_on_this_machine(dear, store, workers=1).failed == {}


def test_a_plan_of_tables_has_a_forecast(tmp_path: Path) -> None:
    """Half the study is there: what is left are tables, which cost less than a second each."""
    design = begin("smoke").design
    splits = ("test", "validation")
    tables = [node for split in splits for node in design.table_nodes("forcing", {"2": [0]}, split)]
    to_do = Plan(
        {node.key: node for node in tables},
        {node.key: STUDY["table"].rate * STUDY["table"].work(node) for node in tables},
        STUDY,
    )
    assert 0 < to_do.total() < 1
    assert "2 artifacts to make: about 0 s on 1" in on.forecast(to_do, list_all=True)


def test_ways_that_exclude_each_other_are_one_sentence(store: Store) -> None:
    to_do = plan(store, OTHERS)
    with pytest.raises(ValueError, match="--workers and --scheduler exclude each other"):
        on.run(to_do, store, workers=2, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match="--task-index and --tasks belong together"):
        on.run(to_do, store, task_index=0)
    assert on.run(to_do, store, task_index=1, tasks=2).failed == {}
    assert len(plan(store, OTHERS).tasks) == 3
