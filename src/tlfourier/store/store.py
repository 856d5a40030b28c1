"""A content-addressed store of artifacts: an artifact's name is the hash of its recipe.

``key = sha256(canonical JSON of stage, stage version, spec, input keys)``. An artifact is a folder with a
``manifest.json`` (recipe, checksums, seconds, versions); it is written in ``partial/`` and renamed when
whole, under a lock, so that a killed run loses only the stage it was in, and two runs never make the same
artifact at once. Device, time and the profile's name are not in the key.

Every artifact is made with one thread: sums over a thread's share depend on the number of threads, and an
artifact should have the same bits on two cores as on two hundred; `tlfourier.sweep.run` uses the others.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from tlfourier.io.words import one_line
from tlfourier.store import archive
from tlfourier.store.manifest import MANIFEST, REPAIR, DamagedArtifact, check, write_manifest
from tlfourier.store.node import Node
from tlfourier.store.remote import Remote
from tlfourier.store.stage import Folder, Stages

_SHIPPED = "it was shipped: restore it from git, or use --fresh to compute everything here"


class MissingArtifact(RuntimeError):
    """An artifact is neither in the store nor shipped, and no stage can make it."""


@dataclass(frozen=True)
class Store:
    """Artifacts under the folder ``root``, made with the first of them; what can be made are its ``stages``.

    Other places are asked as well, and never written: the folder ``reference`` with the archives of the
    shipped artifacts (see `tlfourier.store.archive`), and the folders ``others``. From a ``remote`` store
    artifacts are fetched, and copied to it once they are made; ``root`` then holds local copies. Other
    numbers of ``threads`` than 1 give other bits.
    """

    root: Path
    stages: Stages = field(compare=False)
    reference: Path | None = None
    remote: Remote | None = None
    others: tuple[Path, ...] = ()
    threads: int = 1
    _checked: set[str] = field(default_factory=set, compare=False)
    _shared: set[str] = field(default_factory=set, compare=False)

    def find(self, node: Node) -> Folder | None:
        """Return the folder of an artifact, fetched if it is remote, or None; DamagedArtifact if it is so."""
        found = self._on_disk(node)
        if found is None and self.remote and self.remote.has(node.name):
            with self._lock(node):
                found = self._on_disk(node) or self._fetch(node)
        return found

    def get(self, node: Node) -> Folder:
        """Return the artifact's folder; make it, and whatever it needs, if it is missing or damaged."""
        if node.stage in self.stages:
            self._mend(node)
        found = self.find(node)
        if found is None:
            if node.stage not in self.stages:
                raise MissingArtifact(f"artifact {node.name} is missing: no stage of that name can make it")
            inputs = {name: self.get(child) for name, child in node.inputs.items()}
            with self._lock(node):
                # Another writer may have been faster, here or in the remote store.
                found = self._on_disk(node) or self._fetch(node) or self._make(node, inputs)
        self._share(node, found)
        return found

    def missing(self, nodes: Iterable[Node]) -> list[Node]:
        """Return the nodes whose artifacts are nowhere, or damaged in ``root``; nothing is fetched."""
        remote = self.remote.names() if self.remote else set()
        return [node for node in nodes if not self.has(node) and node.name not in remote]

    def has(self, node: Node) -> bool:
        """Tell whether an artifact lies on disk, not damaged in ``root``."""
        try:
            return self._on_disk(node) is not None
        except DamagedArtifact:
            if any(map(self.owns, self._places(node))):
                return False
            raise

    def local(self, node: Node) -> Folder | None:
        """Return where an artifact lies on disk, unchecked, or None."""
        return next(self._places(node), None)

    def owns(self, folder: Folder) -> bool:
        """Tell whether an artifact lies under ``root``."""
        return isinstance(folder, Path) and folder.is_relative_to(self.root)

    def _on_disk(self, node: Node) -> Folder | None:
        """Return the folder of an undamaged artifact on disk, or None."""
        found = self.local(node)
        if found is not None and str(found) not in self._checked:
            self._examine(found, node.key)
            self._checked.add(str(found))
        return found

    def _places(self, node: Node) -> Iterator[Folder]:
        """Yield where an artifact lies on disk, whole or damaged."""
        for root in (self.root, *self.others):
            if (root / node.name / MANIFEST).is_file():
                yield root / node.name
        shipped = archive.find(self.reference, node.name) if self.reference else None
        if shipped is not None:
            yield shipped

    # ---- making

    def _make(self, node: Node, inputs: Mapping[str, Folder]) -> Path:
        partial = self.root / "partial" / node.name
        if not (resumed := self.stages[node.stage].resumable and partial.exists()):
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

    def _run(self, node: Node, inputs: Mapping[str, Folder], partial: Path) -> None:
        partial.mkdir(parents=True, exist_ok=True)
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            self.stages[node.stage].make(node, inputs, partial)
        finally:
            torch.set_num_threads(before)

    def _finish(self, folder: Path, node: Node) -> Path:
        """Give a whole artifact its name; a folder of that name without a manifest moves out of the way."""
        final = self.root / node.name
        if final.exists():
            self._set_aside(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, final)
        self._checked.add(str(final))
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
            raise DamagedArtifact(f"{error}; {REPAIR}") from None
        self._examine(copy, node.key)
        self._shared.add(node.key)
        return self._finish(copy, node)

    def _share(self, node: Node, folder: Folder) -> None:
        """Copy an artifact of ``root`` to the remote store, once; a copy that failed is made up for."""
        if self.remote and node.key not in self._shared and self.owns(folder):
            self.remote.publish(node.name, self.root / node.name)
            self._shared.add(node.key)

    # ---- damage

    def artifacts(self) -> Iterator[Folder]:
        """Yield the folders of all artifacts on disk, the store's first, then the shipped ones."""
        for root in (self.root, *self.others):
            yield from (manifest.parent for manifest in sorted(root.glob(f"*/*/{MANIFEST}")))
        if self.reference:
            yield from archive.everything(self.reference)

    def verify(self, repair: bool = False) -> list[str]:
        """Re-hash every file of every artifact; return one sentence for all that is not as it should be.

        With ``repair``, damaged artifacts move to ``damaged/`` and are made again; nothing is deleted.
        """
        return [found for found in self.findings(repair) if found]

    def findings(self, repair: bool = False) -> Iterator[str]:
        """Yield for every artifact that there is, or should be, what is wrong with it: "" if nothing is."""
        archives: set[str] = set()
        for folder in self.artifacts():
            found = ""
            try:
                self._examine(folder)
            except DamagedArtifact as error:
                found = str(error)
                if not isinstance(folder, Path):
                    archives.add(Path(str(folder.root.filename)).name)
                if repair and isinstance(folder, Path) and self.owns(folder):
                    self._set_aside(folder)
            except OSError as error:
                found = f"artifact {folder} cannot be read: {one_line(error)}"
            yield found
        yield from self._without_manifest(repair)
        yield from archive.problems(self.reference, archives) if self.reference else []
        yield from self.remote.findings(repair) if self.remote else []

    def _without_manifest(self, repair: bool) -> Iterator[str]:
        """Name what lies in the place of an artifact and has no manifest, or cannot be looked into."""
        for root in (self.root, *self.others):
            for stage in self.stages:
                try:
                    inside = sorted((root / stage).iterdir()) if (root / stage).exists() else []
                except OSError as error:
                    yield f"{root / stage} cannot be read: {one_line(error)}"
                    continue
                for one in (one for one in inside if not (one / MANIFEST).exists()):
                    yield f"{one} is no artifact: it has no {MANIFEST}; {REPAIR}"
                    if repair and self.owns(one):
                        self._set_aside(one)

    def _examine(self, folder: Folder, key: str | None = None) -> None:
        """Raise DamagedArtifact with what a person can do about it, which depends on whose artifact it is."""
        try:
            check(folder, key)
        except DamagedArtifact as error:
            raise DamagedArtifact(f"{error}; {REPAIR if self.owns(folder) else _SHIPPED}") from None

    def _mend(self, node: Node) -> None:
        """Move the store's own copy of an artifact aside if it is damaged: it can be made again."""
        folder = self.root / node.name
        if str(folder) in self._checked or not (folder / MANIFEST).is_file():
            return
        with contextlib.suppress(DamagedArtifact):
            check(folder, node.key)  # reading writes nothing, not even a lock
            self._checked.add(str(folder))
            return
        with self._lock(node):
            try:
                check(folder, node.key)
            except DamagedArtifact as error:
                print(f"{error}; it was moved to {self._set_aside(folder)} and is made again", flush=True)
            else:
                self._checked.add(str(folder))

    def _set_aside(self, folder: Path) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self.root / "damaged" / folder.parent.name
        aside.mkdir(parents=True, exist_ok=True)
        # the clock may stand still or go back: the number makes the name new
        fresh = (aside / f"{folder.name}-{stamp}-{number}" for number in count(1))
        target = next(path for path in fresh if not path.exists())
        os.replace(folder, target)
        self._checked.discard(str(folder))
        return target

    def ship(self, nodes: Iterable[Node], target: Path) -> list[Path]:
        """Pack artifacts into archives in ``target``, all of each stage; return the archives."""
        by_stage: dict[str, list[Folder]] = {}
        for node in nodes:
            by_stage.setdefault(node.stage, []).append(self.get(node))
        packed = [archive.pack(stage, folders, target) for stage, folders in by_stage.items()]
        archive.seal(target)
        return list(chain.from_iterable(packed))
