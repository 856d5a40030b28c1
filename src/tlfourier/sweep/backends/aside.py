"""Make one artifact in a process beside this one, which stays free and can stop it."""

import io
import multiprocessing
import os
import select
import signal
import threading
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection

from tlfourier.io.words import one_line
from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep.signals import terminable

STOPPED = "stopped"
"""The outcome of what was stopped, by `Aside.stop` or by an interrupt."""
GRACE = 3.0
"""Seconds in which a process that is told to stop may end in order."""


class Aside:
    """An artifact, with all that it needs, on its way in a process of its own.

    ``outcome`` is None as long as that is so; then "" if the artifact is whole, `STOPPED`, or one sentence
    that says why it could not be made. ``progress`` is the last line that the process printed. A process
    that is stopped loses what a killed sweep loses, the artifact it was at: the store stays whole.
    """

    outcome: str | None = None
    progress = ""

    def __init__(self, store: Store, node: Node) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
        self._told_to_stop = False
        self._ear, mouth = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=_make, args=(store, node, mouth), daemon=True)
        self._process.start()
        mouth.close()  # the pipe then ends with the process

    def fileno(self) -> int:
        """Return the file descriptor that can be read when there is something to `hear`."""
        return self._ear.fileno()

    def hear(self) -> None:
        """Wait for the process to say something, and take note of it."""
        try:
            kind, words = self._ear.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._end(STOPPED if self._told_to_stop else f"the process that made it ended with code {code}")
            return
        if kind == "end":
            self._end(words)
        else:
            self.progress = words

    def stop(self) -> None:
        """End the process: at once, or where it does not hear, after `GRACE` seconds."""
        self._told_to_stop = True
        self._process.terminate()
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()

    def _end(self, outcome: str) -> None:
        self.outcome = outcome
        self._process.join()


class _Mouth(io.TextIOBase):
    """A stream whose lines go to the other process; what it cannot take at once is dropped."""

    encoding = "utf-8"

    def __init__(self, mouth: Connection) -> None:
        self._mouth = mouth

    def write(self, text: str) -> int:
        lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        if lines and select.select([], [self._mouth], [], 0)[1]:
            self._mouth.send(("progress", one_line(lines[-1])))
        return len(text)


def _make(store: Store, node: Node, mouth: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stream = _Mouth(mouth)
    with terminable(), redirect_stdout(stream), redirect_stderr(stream):
        try:
            store.get(node)
            outcome = ""
        except KeyboardInterrupt:
            outcome = STOPPED
        except Exception as error:
            outcome = one_line(error, longest=1000)
    mouth.send(("end", outcome))


def _end_with_parent() -> None:
    """Stop when the process that asked for the artifact is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
