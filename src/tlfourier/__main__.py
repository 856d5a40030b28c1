"""The door of the command line: a signal is obeyed before all that a command needs has been read, too."""

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Run ``tlfourier``, or ``python -m tlfourier``; reading what it needs takes seconds."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _leave)
    from tlfourier.cli import main as run

    for number, handler in before.items():
        signal.signal(number, handler)
    run()


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: nothing was begun, and an exception might be taken for a package that is missing."""
    os.write(2, b"\ntlfourier: stopped; nothing was begun\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
