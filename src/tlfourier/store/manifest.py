"""Manifests: what an artifact is, which files it has with which checksums, and what it cost."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tlfourier.store.node import Node, key_of

MANIFEST = "manifest.json"
_VERSIONED = ("tlfourier", "torch", "numpy", "xarray")


class DamagedArtifact(RuntimeError):
    """An artifact's files differ from its manifest."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read an artifact's manifest.

    Raises
    ------
    DamagedArtifact
        The manifest is no JSON object with a recipe, checksums and seconds.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise DamagedArtifact(damaged(folder, f"{MANIFEST} cannot be read ({error})")) from None
    return parse_manifest(content, folder)


def parse_manifest(content: bytes, folder: Path) -> dict[str, Any]:
    """Return the manifest in the bytes of its file; ``folder`` names it in a ValueError."""
    try:
        manifest: dict[str, Any] = json.loads(content)
        wanted = manifest["files"]
        whole = (
            isinstance(manifest["recipe"], dict)
            and isinstance(wanted, dict)
            and float(manifest["seconds"]) >= 0
        )
        if not whole or not all(_inside(name) and isinstance(sha, str) for name, sha in wanted.items()):
            raise ValueError("an entry has the wrong form")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedArtifact(damaged(folder, f"{MANIFEST} cannot be read ({_one_line(error)})")) from None
    return manifest


def check(folder: Path, key: str | None = None) -> None:
    """Compare an artifact with its manifest.

    Raises
    ------
    DamagedArtifact
        A file is missing, foreign or changed, or the recipe is that of another artifact.
    """
    manifest = read_manifest(folder)
    wanted = manifest["files"]
    present = {path.relative_to(folder).as_posix(): path for path in files(folder)}
    for name in sorted(set(wanted) | set(present)):
        if name not in present:
            raise DamagedArtifact(damaged(folder, f"{name} is missing"))
        if name not in wanted:
            raise DamagedArtifact(damaged(folder, f"{name} does not belong to it"))
        if checksum(present[name]) != wanted[name]:
            raise DamagedArtifact(damaged(folder, f"{name} has changed since it was written"))
    check_recipe(manifest, folder, key)


def check_recipe(manifest: Mapping[str, Any], folder: Path, key: str | None = None) -> None:
    """Raise DamagedArtifact unless the recipe's hash is the folder's name, and ``key`` if that is given."""
    try:
        actual = key_of(manifest["recipe"])
    except ValueError:
        actual = "no recipe"
    if actual[:16] != folder.name or (key is not None and key != actual):
        raise DamagedArtifact(damaged(folder, f"its recipe is that of {actual[:16]}"))


def write_manifest(folder: Path, node: Node, seconds: float) -> None:
    """Write the manifest of the files in ``folder``, whole or not at all."""
    manifest = {
        "recipe": node.recipe,
        "files": {path.relative_to(folder).as_posix(): checksum(path) for path in files(folder)},
        "seconds": round(seconds, 3),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": torch.get_num_threads(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _VERSIONED},
    }
    temporary = folder / f"{MANIFEST}.tmp"
    with temporary.open("w") as stream:
        json.dump(manifest, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, folder / MANIFEST)


def files(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted, the manifest and its unfinished copy left out."""
    aside = {folder / MANIFEST, folder / f"{MANIFEST}.tmp"}
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in aside)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def damaged(folder: Path, what: str) -> str:
    """Return the sentence that names a damaged artifact."""
    return f"artifact {folder.parent.name}/{folder.name} is damaged: {what}"


def _inside(name: str) -> bool:
    """Tell whether a file's name stays inside its artifact: a manifest may come from anywhere."""
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
