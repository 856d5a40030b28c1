"""What the base installation lacks: where it is asked for, a sentence names the extra that brings it."""

from importlib.util import find_spec


def need(extra: str, *modules: str) -> None:
    """Raise ModuleNotFoundError, with the way to install them, unless all modules of an extra are there."""
    for name in modules:
        if find_spec(name) is None:
            command = f'pip install "tlfourier[{extra}]"'
            raise ModuleNotFoundError(f"{name} is not installed: `{command}` brings it", name=name)
