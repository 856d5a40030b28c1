"""A signal is heard wherever it comes."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest

from tlfourier.sweep.signals import Terminated, heard, terminable


@pytest.fixture
def _swallowed_by_the_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every collection of garbage receive Ctrl-C, and print what comes of it nowhere."""

    def interrupted(phase: str, info: object) -> None:
        if phase == "start":
            os.kill(os.getpid(), signal.SIGINT)
            signal.pthread_sigmask(signal.SIG_BLOCK, set())  # let Python see it here

    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: None)
    gc.callbacks.append(interrupted)
    yield
    gc.callbacks.remove(interrupted)


@pytest.mark.usefixtures("_swallowed_by_the_collector")
def test_an_interrupt_that_a_callback_has_swallowed_is_raised_by_the_next_check() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), heard() as check:
        gc.collect()
        check()
    assert signal.getsignal(signal.SIGINT) == before


def test_a_check_without_a_signal_says_nothing_and_an_ignored_one_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with heard() as check:
            os.kill(os.getpid(), signal.SIGTERM)
            check()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_that_is_sent_again_does_not_disturb_the_end() -> None:
    """As `timeout` sends it, to the process and to its group."""
    before, cleaned = signal.getsignal(signal.SIGTERM), False
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(Terminated), terminable(), heard():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned = True
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert cleaned
