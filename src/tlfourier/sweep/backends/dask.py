"""Make artifacts as tasks on dask.distributed: on the cores of this machine, or on a running scheduler."""

import asyncio
import concurrent.futures
import contextlib
import functools
import io
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from multiprocessing import resource_tracker
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm.core import connect
from distributed.core import Status
from distributed.system import MEMORY_LIMIT
from distributed.utils import sync
from tornado.ioloop import IOLoop

from tlfourier.io.words import one_line, said_as
from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep.outcome import Outcome, blame, separate
from tlfourier.sweep.plan import Plan
from tlfourier.sweep.progress import Progress
from tlfourier.sweep.signals import heard

_LOOK, _REFRESH = 0.05, 5.0  # seconds between looks at the tasks, at the bar
DIED = (
    "its worker died each time, which is what happens when the memory is full: "
    "take fewer workers (--workers) or smaller settings"
)
SETTINGS = {
    # a worker killed for its memory takes its task with it: twice may be chance, three times is not
    "distributed.scheduler.allowed-failures": 2,
    "distributed.worker.daemon": True,
    # its results are seconds, so nothing could be freed: a worker that waits for memory would wait for ever
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}
_HERE = {
    # its nanny sees a worker die; one that is silent for minutes sleeps, as the whole machine does
    "distributed.scheduler.worker-ttl": None,
    # else one that is not back after 15 seconds, as on a busy machine, is never replaced
    "distributed.deploy.lost-worker-timeout": "1000 days",
}
_ATTEMPTS = 3
# dask's own pages have no login: they are for this machine alone, and two sweeps do not meet at one port
LOOPBACK = "127.0.0.1:0"
# what workers that were killed leave to Python's tracker is freed by it: nobody need hear of it
_NO_COMPLAINT = "ignore:resource_tracker:UserWarning"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextlib.contextmanager
def local(workers: int, memory: int | None = None) -> Iterator[Client]:
    """Start ``workers`` processes of one thread each; all end with the block, or with this process.

    A worker may take ``memory`` bytes before it is replaced, by default its share of what is there.
    """
    share = memory or MEMORY_LIMIT // workers
    log = logging.getLogger("distributed.scheduler")
    with dask.config.set(SETTINGS | _HERE), _without_a_program(), contextlib.ExitStack() as stack:
        stack.callback(setattr, log, "disabled", log.disabled)
        with deaf():
            loop = stack.enter_context(_loop())
            cluster = stack.enter_context(_started(loop, workers, share))
            client = stack.enter_context(Client(cluster, set_as_default=False))
        try:
            yield client
        except BaseException:
            log.disabled = True  # it would tell of every task that is cancelled
            raise


@contextlib.contextmanager
def _loop() -> Iterator[IOLoop]:
    """Run an event loop in a thread of its own: dask gives one that it starts itself only ten seconds."""
    running: concurrent.futures.Future[tuple[IOLoop, asyncio.Event]] = concurrent.futures.Future()

    async def run() -> None:
        stop = asyncio.Event()
        running.set_result((IOLoop.current(), stop))
        await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True, name="event loop of a sweep")
    thread.start()
    loop, stop = running.result()
    try:
        yield loop
    finally:
        loop.add_callback(stop.set)
        thread.join(timeout=10)


def _started(loop: IOLoop, workers: int, memory: int) -> LocalCluster:
    """Start a cluster, anew if a worker dies while it starts: later on, dask itself replaces it."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return LocalCluster(
                host="127.0.0.1", dashboard_address=LOOPBACK, n_workers=workers, threads_per_worker=1,
                memory_limit=memory, silence_logs=logging.ERROR, env=ONE_THREAD, loop=loop
            )  # fmt: skip
        except RuntimeError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _without_a_program() -> Iterator[None]:
    """Hide the program that runs from the workers, which would import it, and so run a plain script again.

    Workers that replace others start while the block runs, too.
    """
    program = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: program[name] for name in ("__file__", "__spec__") if name in program}
    program["__spec__"] = None
    program.pop("__file__", None)
    try:
        yield
    finally:
        program.update(hidden)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Start threads and processes that never see Ctrl-C: it is for the driver, which ends them in order.

    They inherit the mask. Here Ctrl-C, which any older thread may have been given, and SIGTERM wait for the
    end of the block: a cluster that is half started cannot be stopped in order.
    """
    # if it started later, it would let interrupts through in the thread that starts it
    sys.warnoptions.append(_NO_COMPLAINT)
    resource_tracker.ensure_running()
    sys.warnoptions.remove(_NO_COMPLAINT)
    caught: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if main}
    for number in handlers:
        signal.signal(number, lambda number, _: caught.append(number))
    # not SIGTERM: by it dask ends its workers
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if caught:
        signal.raise_signal(caught[0])


@contextlib.contextmanager
def running(address: str, timeout: float = 10.0) -> Iterator[Client]:
    """Use a scheduler that runs already; its workers need this package, and the store at the same address.

    ValueError if nothing answers there.
    """
    with _loop() as loop:
        # each protocol fails with errors of its own, and a client that fails cannot be closed
        with said_as(f"no scheduler answers at {address!r}", ": expected tcp://HOST:PORT"):
            sync(loop, _knock, address, timeout)
        with Client(address, timeout=timeout, loop=loop, set_as_default=False) as client:
            yield client


async def _knock(address: str, timeout: float) -> None:
    await (await connect(address, timeout=timeout)).close()


def run(plan: Plan, store: Store, client: Client, progress: bool = True) -> Outcome:
    """Make the tasks of a plan on the workers of ``client``, the most urgent first.

    A worker that dies is replaced and its task tried again, a few times; tasks that need a failed one are not
    tried, all others are. Dask blames all tasks that wait on a worker when it dies: in the end those are
    tried once more, one at a time. Interrupted, the tasks that were not begun are cancelled.
    """
    outcome, started = Outcome(), time.perf_counter()
    futures: dict[str, Future] = {}
    for key in plan.tasks:
        futures[key] = _submit(plan, key, store, client, [futures[need] for need in plan.needs(key)])
    keys = {future.key: key for key, future in futures.items()}
    workers = max(1, len(client.nthreads()))
    try:
        with heard() as check, Progress(plan, workers, len(futures), progress) as bar:
            for future in _finished(client, futures.values(), check, bar.refresh):
                _note(future, keys[future.key], plan, outcome)
                bar.advance(outcome)
    except BaseException:
        client.cancel(list(futures.values()), force=True)
        raise
    separate(plan, outcome)
    try_alone(plan, store, client, outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _submit(
    plan: Plan, key: str, store: Store, client: Client, needs: list[Future], again: str = ""
) -> Future:
    node, place = plan.tasks[key], store.remote.address if store.remote else store.root
    # Two drivers on one scheduler share a task of the same name.
    name = f"{node.stage}-{node.key[:16]} in {place}{again}"
    return client.submit(make, store, node, needs, key=name, priority=round(plan.urgency[key]), pure=False)


def try_alone(plan: Plan, store: Store, client: Client, outcome: Outcome) -> None:
    """Clear the tasks that only waited on a worker that died, and go on with those that needed them."""
    cleared = []
    for key in [key for key, why in outcome.failed.items() if why == DIED]:
        with heard() as check:
            (future,) = _finished(client, [_submit(plan, key, store, client, [], " alone")], check)
        del outcome.failed[key]
        _note(future, key, plan, outcome)
        cleared += [key] if key in outcome.made else []
    if not cleared:
        return
    held, outcome.untried = list(outcome.untried), {}
    for key in held:  # in order: what a task needs comes first
        if failed := blame(plan, key, outcome):
            outcome.untried[key] = failed
    rest = plan.without([*outcome.made, *outcome.failed, *outcome.untried], {})
    more = run(rest, store, client, progress=False) if rest.tasks else Outcome()
    outcome.made |= more.made
    outcome.failed |= more.failed
    outcome.untried |= more.untried


def make(store: Store, node: Node, inputs: list[float]) -> float:
    """Make one artifact on a worker; return its seconds. ``inputs`` are there only to come first."""
    started = time.perf_counter()
    with redirect_stderr(io.StringIO()):  # the driver has the only progress bar
        _opened(store).get(node)
    return time.perf_counter() - started


@functools.cache
def _opened(store: Store) -> Store:
    """Return the first equal store of this process: it remembers which artifacts it has checked."""
    return store


def sentence(error: BaseException) -> str:
    """Return one line for the report."""
    return DIED if isinstance(error, KilledWorker) else one_line(error, longest=1000)


def _finished(
    client: Client,
    futures: Iterable[Future],
    check: Callable[[], None],
    refresh: Callable[[], None] = lambda: None,
) -> Iterator[Future]:
    """Yield futures as they end; look for signals, and now and then ``refresh``, while nothing does."""
    ended = as_completed(list(futures), client.loop, raise_errors=False)
    looked = time.perf_counter()
    while not ended.is_empty():
        check()
        _check_workers(client)
        if ended.has_ready():
            yield next(ended)
        else:
            time.sleep(_LOOK)
        if time.perf_counter() - looked > _REFRESH:
            refresh()
            looked = time.perf_counter()


def _check_workers(client: Client) -> None:
    """Raise RuntimeError if the workers of this machine have all ended for good: nothing would go on.

    One whose process dies is replaced; one that cannot read what it is sent ends in order, and is not.
    """
    nannies = client.cluster.workers.values() if isinstance(client.cluster, LocalCluster) else ()
    if nannies and all(nanny.status == Status.closed for nanny in nannies):
        raise RuntimeError(
            "every worker has ended: they could not read a task, whose code they import by its name; "
            "with --workers 1 it is made in this process"
        )


def _note(future: Future, key: str, plan: Plan, outcome: Outcome) -> None:
    if future.status == "finished":
        outcome.made[key] = future.result()
    else:
        error = future.exception() if future.status == "error" else None
        outcome.failed[key] = sentence(error) if error else "it was cancelled"
