"""A content-addressed store of artifacts: an artifact's name is the hash of its recipe.

``key = sha256(canonical JSON of stage, stage version, spec, input keys)``. An artifact is a folder with a
``manifest.json`` (recipe, checksums, seconds, versions); it is written in ``partial/`` and renamed when
whole, under a lock, so that a killed run loses only the stage it was in, and two runs never make the same
artifact at once. Device, threads, time and the profile's name are not in the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

MANIFEST = "manifest.json"
_VERSIONED = ("tlfourier", "torch", "numpy", "xarray")


class DamagedArtifact(RuntimeError):
    """An artifact's files differ from its manifest."""


class MissingArtifact(RuntimeError):
    """An artifact is neither in the store nor shipped, and making it was not allowed."""


@dataclass(frozen=True)
class Node:
    """One artifact to be: a stage, its version, its settings and the artifacts it reads."""

    stage: str
    version: int
    spec: Mapping[str, Any]
    inputs: Mapping[str, Node] = field(default_factory=dict)

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that decides the artifact's content, ready for JSON."""
        keys = {name: node.key for name, node in self.inputs.items()}
        return {"stage": self.stage, "version": self.version, "spec": dict(self.spec), "inputs": keys}

    @cached_property
    def key(self) -> str:
        """SHA-256 of the recipe in canonical JSON (sorted keys, no spaces)."""
        canonical = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def tree(self) -> Iterator[Node]:
        """Yield the node and everything that it is made from, some of it more than once."""
        yield self
        for child in self.inputs.values():
            yield from child.tree()

    @property
    def name(self) -> str:
        """Folder of the artifact inside a store: ``stage/first 16 digits of the key``."""
        return f"{self.stage}/{self.key[:16]}"


Maker = Callable[[Node, Mapping[str, Path], Path], None]


@dataclass(frozen=True)
class Store:
    """Artifacts under ``root``; ``reference`` is a read-only store that is asked as well.

    Parameters
    ----------
    root
        Folder that new artifacts go to; made when the first one is.
    makers
        Stage name → function ``(node, input folders, output folder)`` that writes the artifact's files.
    reference
        Folder of shipped artifacts, or None.
    resumable
        Stages that go on from what a killed run left in ``partial/``; the others start from an empty folder.
    """

    root: Path
    makers: Mapping[str, Maker]
    reference: Path | None = None
    resumable: frozenset[str] = frozenset()
    _checked: set[Path] = field(default_factory=set, compare=False)

    def find(self, node: Node) -> Path | None:
        """Return the folder of a whole, undamaged artifact, or None if it is in neither store.

        Raises
        ------
        DamagedArtifact
            Its files differ from its manifest.
        """
        for root in filter(None, (self.root, self.reference)):
            folder = root / node.name
            if (folder / MANIFEST).is_file():
                if folder not in self._checked:
                    self._examine(folder, node.key)
                    self._checked.add(folder)
                return folder
        return None

    def get(self, node: Node) -> Path:
        """Return the artifact's folder; make it, and whatever it needs, if it is missing."""
        found = self.find(node)
        if found:
            return found
        if node.stage not in self.makers:
            raise MissingArtifact(f"artifact {node.name} is missing and no stage of that name can make it")
        inputs = {name: self.get(child) for name, child in node.inputs.items()}
        with self._lock(node):
            return self.find(node) or self._make(node, inputs)

    def _make(self, node: Node, inputs: Mapping[str, Path]) -> Path:
        partial = self.root / "partial" / node.name
        if node.stage not in self.resumable:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        self.makers[node.stage](node, inputs, partial)
        _write_manifest(partial, node, time.perf_counter() - started)
        final = self.root / node.name
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, final)
        self._checked.add(final)
        return final

    @contextlib.contextmanager
    def _lock(self, node: Node) -> Iterator[None]:
        """Hold the artifact's lock; the system frees it when the process ends, however it ends."""
        path = self.root / "locks" / f"{node.stage}-{node.key[:16]}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"waiting: another process is making {node.name}", flush=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def artifacts(self) -> Iterator[Path]:
        """Yield the folders of all artifacts, the store's first, then the shipped ones."""
        for root in filter(None, (self.root, self.reference)):
            for manifest in sorted(root.glob(f"*/*/{MANIFEST}")):
                yield manifest.parent

    def verify(self, repair: bool = False) -> list[str]:
        """Re-hash every file of every artifact; return one sentence for each damaged artifact.

        With ``repair``, damaged artifacts move to ``damaged/`` and are made again; nothing is deleted.
        """
        problems = []
        for folder in self.artifacts():
            try:
                self._examine(folder)
            except DamagedArtifact as error:
                problems.append(str(error))
                if repair and folder.is_relative_to(self.root):
                    self._set_aside(folder)
        return problems

    def _examine(self, folder: Path, key: str | None = None) -> None:
        """Raise DamagedArtifact with what a person can do about it, which depends on whose artifact it is."""
        try:
            _check(folder, key)
        except DamagedArtifact as error:
            remedy = "`tlfourier verify --repair` sets it aside and it is made again"
            if not folder.is_relative_to(self.root):
                remedy = "it was shipped: restore it from git, or use --fresh to compute everything here"
            raise DamagedArtifact(f"{error}; {remedy}") from None

    def _set_aside(self, folder: Path) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self.root / "damaged" / folder.parent.name / f"{folder.name}-{stamp}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, aside)
        self._checked.discard(folder)

    def copy_to(self, nodes: list[Node], target: Path) -> int:
        """Copy artifacts into another store folder (as ``data/reference``); return the bytes copied."""
        total = 0
        for node in nodes:
            source, final = self.get(node), target / node.name
            if not final.exists():
                partial = target / "partial" / node.name
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(source, partial)
                final.parent.mkdir(parents=True, exist_ok=True)
                os.replace(partial, final)
            total += sum(path.stat().st_size for path in files(final))
        shutil.rmtree(target / "partial", ignore_errors=True)
        return total


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read an artifact's manifest.

    Raises
    ------
    DamagedArtifact
        The manifest is no readable JSON object.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"], manifest["recipe"]  # the two entries that everything else leans on
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedArtifact(_damaged(folder, f"{MANIFEST} cannot be read ({error})")) from None
    return manifest


def files(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted, the manifest left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check(folder: Path, key: str | None = None) -> None:
    manifest = read_manifest(folder)
    wanted = manifest["files"]
    present = {path.relative_to(folder).as_posix(): path for path in files(folder)}
    for name in sorted(set(wanted) | set(present)):
        if name not in present:
            raise DamagedArtifact(_damaged(folder, f"{name} is missing"))
        if name not in wanted:
            raise DamagedArtifact(_damaged(folder, f"{name} does not belong to it"))
        if checksum(present[name]) != wanted[name]:
            raise DamagedArtifact(_damaged(folder, f"{name} has changed since it was written"))
    canonical = json.dumps(manifest["recipe"], sort_keys=True, separators=(",", ":"))
    actual = hashlib.sha256(canonical.encode()).hexdigest()
    if actual[:16] != folder.name or (key is not None and key != actual):
        raise DamagedArtifact(_damaged(folder, f"its recipe is that of {actual[:16]}"))


def _damaged(folder: Path, what: str) -> str:
    place = f"{folder.parent.name}/{folder.name}"
    return f"artifact {place} is damaged: {what}"


def _write_manifest(folder: Path, node: Node, seconds: float) -> None:
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
