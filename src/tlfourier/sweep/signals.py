"""Hear Ctrl-C and SIGTERM for certain."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM was sent: what ends in order after Ctrl-C ends in order."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise `Terminated`; where somebody else handles or ignores it, that stays.

    Many a sender sends it again, to be sure: what ends in order is not disturbed.
    """
    after: Any = signal.SIG_DFL

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal after
        after = signal.SIG_IGN  # Python resets other handlers before it has ended
        raise Terminated

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, after)


@contextlib.contextmanager
def heard() -> Iterator[Callable[[], None]]:
    """Yield a check that raises again what a signal has raised and nobody has heard.

    An exception that a signal's handler raises while a destructor or a callback of the garbage collector runs
    is printed and lost, and the work would go on: a loop that calls the check ends all the same. Blocks in
    a block share what came since the outermost began.
    """
    if _HANDLERS or threading.current_thread() is not threading.main_thread():
        yield _check
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        if callable(handler := signal.getsignal(number)):
            _HANDLERS[number] = handler
            signal.signal(number, _note)
    try:
        yield _check
    finally:
        for one, before in _HANDLERS.items():
            signal.signal(one, before)
        _HANDLERS.clear()
        _SEEN.clear()


_HANDLERS: dict[int, Callable[[int, FrameType | None], Any]] = {}
_SEEN: list[int] = []


def _note(number: int, frame: FrameType | None) -> None:
    again = number == signal.SIGTERM and number in _SEEN
    _SEEN.append(number)
    if not again:
        _HANDLERS[number](number, frame)


def _check() -> None:
    if _SEEN and threading.current_thread() is threading.main_thread():
        _HANDLERS[_SEEN[0]](_SEEN[0], None)
