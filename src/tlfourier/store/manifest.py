"""Manifests: what an artifact is, which files it has with which checksums, and what it cost."""

import hashlib
import json
import platform
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from lzma import LZMAError
from pathlib import Path
from typing import Any

import torch

from tlfourier.io.atomic import growing, write_json
from tlfourier.io.words import one_line
from tlfourier.store.node import Node, key_of
from tlfourier.store.stage import Folder

MANIFEST, SEAL, FOLDER = "manifest.json", "seal", "folder"
REPAIR = "`tlfourier verify --repair` sets it aside and it is made again"
_UNFINISHED = growing(Path(MANIFEST)).name
_BLOCK = 2**22
# what a damaged archive makes of its readers
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)
_VERSIONED = ("tlfourier", "torch", "numpy", "xarray")


class DamagedArtifact(RuntimeError):
    """An artifact's files differ from its manifest."""


def read_manifest(folder: Folder) -> dict[str, Any]:
    """Read an artifact's manifest; DamagedArtifact if it is no JSON of a recipe, checksums and seconds."""
    try:
        if not (folder / MANIFEST).is_file():  # a pipe would wait for ever
            raise OSError("it is no file")
        content = (folder / MANIFEST).read_bytes()
    except _UNREADABLE as error:
        raise DamagedArtifact(damaged(folder, f"{MANIFEST} cannot be read ({one_line(error)})")) from None
    return parse_manifest(content, folder)


def parse_manifest(content: bytes, folder: Folder) -> dict[str, Any]:
    """Return the manifest in a file's bytes, DamagedArtifact for a ValueError; ``folder`` is named in it."""
    try:
        manifest: dict[str, Any] = json.loads(content)
        wanted = manifest["files"]
        whole = isinstance(manifest["recipe"], dict) and isinstance(wanted, dict)
        whole = whole and float(manifest["seconds"]) >= 0
        if not whole or not all(_inside(name) and isinstance(sha, str) for name, sha in wanted.items()):
            raise ValueError("an entry has the wrong form")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedArtifact(damaged(folder, f"{MANIFEST} cannot be read ({one_line(error)})")) from None
    return manifest


def check(folder: Folder, key: str | None = None) -> None:
    """Raise DamagedArtifact if a file is missing, foreign or changed, or the recipe is another artifact's."""
    manifest = read_manifest(folder)
    if (seal := manifest.get(SEAL)) != seal_of(manifest) and not (seal is None and _shipped(folder)):
        raise DamagedArtifact(damaged(folder, f"{MANIFEST} has changed since it was written"))
    wanted, present = manifest["files"], files(folder)
    for name in sorted(set(wanted) | set(present)):
        if name not in present:
            raise DamagedArtifact(damaged(folder, f"{name} is missing"))
        if name not in wanted:
            raise DamagedArtifact(damaged(folder, f"{name} does not belong to it"))
        if checksum(present[name]) != wanted[name]:
            raise DamagedArtifact(damaged(folder, f"{name} has changed since it was written"))
    check_recipe(manifest, folder, key)


def check_recipe(manifest: Mapping[str, Any], folder: Folder, key: str | None = None) -> None:
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
        "files": {name: checksum(path) for name, path in files(folder).items()},
        "seconds": round(seconds, 3),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": torch.get_num_threads(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": _versions(),
    }
    write_json(folder / MANIFEST, {**manifest, SEAL: seal_of(manifest)}, sort_keys=True)


@cache
def _versions() -> dict[str, str]:
    """Return the versions of what made the artifacts of this process: they do not change while it runs."""
    return {name: version(name) for name in _VERSIONED}


def seal_of(manifest: Mapping[str, Any]) -> str:
    """Return the checksum of all that a manifest says, but for where a remote store keeps the files."""
    said = {name: value for name, value in manifest.items() if name not in (SEAL, FOLDER)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _shipped(folder: Folder) -> bool:
    """Tell whether an artifact lies in an archive, which has a seal of its own, see `archive.CONTENTS`."""
    return not isinstance(folder, Path)


def files(folder: Folder) -> dict[str, Folder]:
    """Return all files of an artifact by their names in it, the manifest and its unfinished copy left out."""
    return {name: path for name, path in sorted(_below(folder)) if name not in (MANIFEST, _UNFINISHED)}


def _below(folder: Folder, above: str = "") -> Iterator[tuple[str, Folder]]:
    for path in folder.iterdir():
        name = f"{above}{path.name}"
        if path.is_dir():
            yield from _below(path, f"{name}/")
        else:
            yield name, path


def checksum(file: Folder) -> str:
    """Return the SHA-256 of a file's bytes."""
    try:
        if not file.is_file():  # a pipe would wait for ever
            return "no file"
        with file.open("rb") as stream:
            return digest(stream.read)
    except _UNREADABLE:
        if isinstance(file, Path):  # what the system cannot read need not be damaged
            raise
        return "unreadable"


def digest(read: Callable[[int], bytes]) -> str:
    """Return the SHA-256 of what a stream's ``read`` gives."""
    found = hashlib.sha256()
    while block := read(_BLOCK):
        found.update(block)
    return found.hexdigest()


def damaged(folder: Folder, what: str) -> str:
    """Return the sentence that names a damaged artifact."""
    place = re.split(r"[-.]", Path(str(folder)).parent.name)[0]  # an archive is named by its stage too
    return f"artifact {place}/{folder.name} is damaged: {what}"


def _inside(name: str) -> bool:
    """Tell whether a file's name stays inside its artifact: a manifest may come from anywhere."""
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts
