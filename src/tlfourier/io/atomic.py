"""Files that are whole or absent: the one way in which this project writes."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def growing(path: Path) -> Path:
    """Return the name under which a file grows until it is whole.

    It is always the same, so that what a killed process has left is overwritten by the next one: two
    processes must not write one path at a time.
    """
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write, which replaces ``path`` in one step once it is safe on disk."""
    temporary = growing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Replace ``path`` by ``content`` in one step: a reader or a crash sees the old file or the new one."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any, sort_keys: bool = False) -> None:
    """Replace ``path`` by a JSON text for people: indented, with a line break at its end."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=sort_keys) + "\n").encode())
