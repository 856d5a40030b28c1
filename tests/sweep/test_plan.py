"""A plan holds what is missing and nothing else, in an order that works, and knows how long it takes."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fakes
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store
from tlfourier.sweep.plan import Plan, plan, rates

ROOT = Node("n", 1, {"name": "root"})
LEFT, RIGHT = (Node("n", 1, {"name": name}, {"of": ROOT}) for name in ("left", "right"))
TOP = Node("n", 1, {"name": "top"}, {"left": LEFT, "right": RIGHT})


def write(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "name.txt").write_text(str(node.spec["name"]))


STAGES = fakes.stages(n=write)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, STAGES)


def diamond(root: float, left: float, right: float, top: float) -> Plan:
    costs = {ROOT: root, LEFT: left, RIGHT: right, TOP: top}
    return Plan({node.key: node for node in costs}, {node.key: cost for node, cost in costs.items()}, STAGES)


def test_everything_is_planned_once_and_after_what_it_needs(store: Store) -> None:
    order = list(plan(store, [TOP, LEFT]).tasks.values())
    assert len(order) == 4
    assert order[0] == ROOT
    assert order[-1] == TOP


def test_what_is_there_is_not_planned_and_neither_is_what_only_it_needs(store: Store) -> None:
    store.get(LEFT)
    (store.root / ROOT.name / "manifest.json").unlink()  # an input that is gone is not missed
    assert plan(store, [LEFT]).tasks == {}
    assert list(plan(store, [RIGHT]).tasks.values()) == [ROOT, RIGHT]


def test_damage_is_planned_again(store: Store) -> None:
    (fakes.made(store, LEFT) / "name.txt").write_text("else")
    assert list(plan(Store(store.root, store.stages), [LEFT]).tasks.values()) == [LEFT]


def test_the_time_on_one_worker_is_the_sum_and_on_many_the_longest_chain() -> None:
    whole = diamond(1.0, 2.0, 3.0, 4.0)
    assert whole.total() == whole.makespan(1) == 10
    assert whole.makespan(2) == whole.makespan(100) == 1 + 3 + 4
    assert whole.urgency == {ROOT.key: 8, LEFT.key: 6, RIGHT.key: 7, TOP.key: 4}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 10), st.lists(st.integers(0, 30), max_size=3)), min_size=1, max_size=20
    )
)
def test_a_schedule_keeps_to_graham_s_bound(shape: list[tuple[float, list[int]]]) -> None:
    """List scheduling: at least max(work/m, chain), at most work/m + chain (1 - 1/m) (Graham 1966)."""
    nodes: list[Node] = []
    for number, (_, needs) in enumerate(shape):
        inputs = {str(i): nodes[i] for i in needs if i < number}
        nodes.append(Node("n", 1, {"number": number}, inputs))
    costs = {node.key: cost for node, (cost, _) in zip(nodes, shape, strict=True)}
    whole = Plan({node.key: node for node in nodes}, costs, STAGES)
    chain, work = max(whole.urgency.values()), whole.total()
    for workers in (1, 2, 3, 7):
        span = whole.makespan(workers)
        assert max(work / workers, chain) <= span * (1 + 1e-9)
        assert span <= (work / workers + chain * (1 - 1 / workers)) * (1 + 1e-9)


def test_the_parts_of_a_job_array_are_everything_once() -> None:
    whole = diamond(1.0, 1.0, 1.0, 1.0)
    parts = [node.key for index in range(3) for node in whole.part(index, 3)]
    assert sorted(parts) == sorted(whole.tasks)
    with pytest.raises(ValueError, match="task index 3 of 3: accepted are 0 to 2"):
        whole.part(3, 3)


def test_costs_are_what_the_store_has_seen_and_else_the_stage_s_own(store: Store) -> None:
    assert rates(store, [TOP]) == {"n": 1.0}
    assert plan(store, [TOP]).total() == 4.0
    for node, seconds in {LEFT: 2.0, RIGHT: 8.0, ROOT: 3.0}.items():
        manifest = fakes.made(store, node) / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "seconds": seconds}))
    assert rates(store, [LEFT, RIGHT, ROOT, TOP]) == {"n": 3.0}
    assert plan(store, [TOP]).seconds == {TOP.key: 3.0}


def test_the_rest_is_planned_at_the_pace_of_the_run() -> None:
    rest = diamond(1.0, 2.0, 3.0, 4.0).without([ROOT.key, LEFT.key], {"n": 2.0})
    assert list(rest.tasks.values()) == [RIGHT, TOP]
    assert rest.total() == 14
