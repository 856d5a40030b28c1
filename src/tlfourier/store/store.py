"""A content-addressed store of artifacts: an artifact's name is the hash of its recipe.

``key = sha256(canonical JSON of stage, stage version, spec, input keys)``. An artifact is a folder with a
``manifest.json`` (recipe, checksums, seconds, versions); it is written in ``partial/`` and renamed when
whole, under a lock, so that a killed run loses only the stage it was in, and two runs never make the same
artifact at once. Device, time and the profile's name are not in the key.

Every artifact is made with one thread: sums over a thread's share depend on the number of threads, and an
artifact should have the same bits on two cores as on two hundred. Cores are used by making several artifacts
at once, see `tlfourier.sweep.run`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from tlfourier.store.manifest import MANIFEST, DamagedArtifact, check, files, write_manifest
from tlfourier.store.node import Node
from tlfourier.store.remote import Remote

_REPAIR = "`tlfourier verify --repair` sets it aside and it is made again"


class MissingArtifact(RuntimeError):
    """An artifact is neither in the store nor shipped, and making it was not allowed."""


Maker = Callable[[Node, Mapping[str, Path], Path], None]


@dataclass(frozen=True)
class Store:
    """Artifacts under ``root``; other stores are asked as well, and never written.

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
    remote
        Where artifacts are fetched from, and copied to once they are made; ``root`` then holds local copies.
    others
        More folders of artifacts, read only.
    threads
        Threads that make an artifact; other numbers than 1 give other bits.
    """

    root: Path
    makers: Mapping[str, Maker] = field(compare=False)
    reference: Path | None = None
    resumable: frozenset[str] = frozenset()
    remote: Remote | None = None
    others: tuple[Path, ...] = ()
    threads: int = 1
    _checked: set[Path] = field(default_factory=set, compare=False)
    _shared: set[str] = field(default_factory=set, compare=False)

    def find(self, node: Node) -> Path | None:
        """Return the folder of an undamaged artifact, fetched if it is remote, or None if it is nowhere.

        Raises
        ------
        DamagedArtifact
            Its files differ from its manifest.
        """
        found = self._on_disk(node)
        if found is None and self.remote and self.remote.has(node.name):
            with self._lock(node):
                found = self._on_disk(node) or self._fetch(node)
        return found

    def get(self, node: Node) -> Path:
        """Return the artifact's folder; make it, and whatever it needs, if it is missing or damaged."""
        if node.stage in self.makers:
            self._mend(node)
        found = self.find(node)
        if found is None:
            if node.stage not in self.makers:
                raise MissingArtifact(
                    f"artifact {node.name} is missing and no stage of that name can make it"
                )
            inputs = {name: self.get(child) for name, child in node.inputs.items()}
            with self._lock(node):
                # Another writer may have been faster, here or in the remote store.
                found = self._on_disk(node) or self._fetch(node) or self._make(node, inputs)
        self._share(node, found)
        return found

    def missing(self, nodes: Iterable[Node]) -> list[Node]:
        """Return the nodes whose artifacts are nowhere, or damaged in ``root``; nothing is fetched."""
        remote = self.remote.names() if self.remote else set()
        return [node for node in nodes if not self._usable(node) and node.name not in remote]

    def local(self, node: Node) -> Path | None:
        """Return where an artifact lies on disk, unchecked, or None."""
        return next(self._places(node), None)

    def _on_disk(self, node: Node) -> Path | None:
        """Return the folder of an undamaged artifact on disk, or None."""
        for folder in self._places(node):
            if folder not in self._checked:
                self._examine(folder, node.key)
                self._checked.add(folder)
            return folder
        return None

    def _usable(self, node: Node) -> bool:
        try:
            return self.local(node) is not None and self.find(node) is not None
        except DamagedArtifact as error:
            if any(folder.is_relative_to(self.root) for folder in self._places(node)):
                return False
            raise error

    def _places(self, node: Node) -> Iterator[Path]:
        """Yield where an artifact lies on disk, whole or damaged."""
        for root in self._roots():
            if (root / node.name / MANIFEST).is_file():
                yield root / node.name

    def _roots(self) -> Iterator[Path]:
        yield from filter(None, (self.root, *self.others, self.reference))

    # ---- making

    def _make(self, node: Node, inputs: Mapping[str, Path]) -> Path:
        partial = self.root / "partial" / node.name
        resumed = node.stage in self.resumable and partial.exists()
        if not resumed:
            shutil.rmtree(partial, ignore_errors=True)
        started = time.perf_counter()
        try:
            self._run(node, inputs, partial)
        except ValueError as error:
            if not resumed:
                raise
            print(f"{node.name} is made from the start: {error}", flush=True)
            self._set_aside(partial)
            self._run(node, inputs, partial)
        write_manifest(partial, node, time.perf_counter() - started)
        return self._finish(partial, node)

    def _run(self, node: Node, inputs: Mapping[str, Path], partial: Path) -> None:
        partial.mkdir(parents=True, exist_ok=True)
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            self.makers[node.stage](node, inputs, partial)
        finally:
            torch.set_num_threads(before)

    def _finish(self, folder: Path, node: Node) -> Path:
        """Give a whole artifact its name; a folder of that name without a manifest moves out of the way."""
        final = self.root / node.name
        if final.exists():
            self._set_aside(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, final)
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

    # ---- the remote store

    def _fetch(self, node: Node) -> Path | None:
        """Copy an artifact from the remote store, or return None; the caller holds the artifact's lock."""
        if self.remote is None or not self.remote.has(node.name):
            return None
        copy = self.root / "fetched" / node.name
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        try:
            if not self.remote.fetch(node.name, copy):
                return None
        except DamagedArtifact as error:
            raise DamagedArtifact(f"{error}; {_REPAIR}") from None
        self._examine(copy, node.key)
        self._shared.add(node.key)
        return self._finish(copy, node)

    def _share(self, node: Node, folder: Path) -> None:
        """Copy an artifact of ``root`` to the remote store, once; a copy that failed is made up for."""
        if self.remote and node.key not in self._shared and folder.is_relative_to(self.root):
            self.remote.publish(node.name, folder)
            self._shared.add(node.key)

    # ---- damage

    def artifacts(self) -> Iterator[Path]:
        """Yield the folders of all artifacts on disk, the store's first, then the shipped ones."""
        for root in self._roots():
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
        return [*problems, *(self._verify_remote(self.remote, repair) if self.remote else [])]

    @staticmethod
    def _verify_remote(remote: Remote, repair: bool) -> Iterator[str]:
        for name in sorted(remote.names()):
            try:
                remote.examine(name)
            except DamagedArtifact as error:
                if repair:
                    remote.set_aside(name)
                yield f"{error}; {_REPAIR}"

    def _examine(self, folder: Path, key: str | None = None) -> None:
        """Raise DamagedArtifact with what a person can do about it, which depends on whose artifact it is."""
        try:
            check(folder, key)
        except DamagedArtifact as error:
            remedy = _REPAIR
            if not folder.is_relative_to(self.root):
                remedy = "it was shipped: restore it from git, or use --fresh to compute everything here"
            raise DamagedArtifact(f"{error}; {remedy}") from None

    def _mend(self, node: Node) -> None:
        """Move the store's own copy of an artifact aside if it is damaged: it can be made again."""
        folder = self.root / node.name
        if folder in self._checked or not (folder / MANIFEST).is_file():
            return
        with self._lock(node):
            try:
                check(folder, node.key)
            except DamagedArtifact as error:
                print(f"{error}; it was moved to {self._set_aside(folder)} and is made again", flush=True)
            else:
                self._checked.add(folder)

    def _set_aside(self, folder: Path) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self.root / "damaged" / folder.parent.name
        aside.mkdir(parents=True, exist_ok=True)
        # the clock may stand still or go back: the number makes the name new
        fresh = (aside / f"{folder.name}-{stamp}-{number}" for number in count(1))
        target = next(path for path in fresh if not path.exists())
        os.replace(folder, target)
        self._checked.discard(folder)
        return target

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
