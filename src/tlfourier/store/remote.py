"""Artifacts at any fsspec address (``s3://``, ``gs://``, ...), safe for many writers without a lock.

``<address>/<stage>/<16 digits>/manifest.json`` names the folder beside it in which the files lie. Every
writer puts its files into a folder of its own and then the manifest, in one request: a reader sees nothing
or an artifact that is whole, and of two writers the later one wins as a whole.
"""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from tlfourier.io.atomic import write_bytes
from tlfourier.io.words import one_line
from tlfourier.store import manifest as manifests
from tlfourier.store.manifest import (
    FOLDER,
    MANIFEST,
    REPAIR,
    SEAL,
    DamagedArtifact,
    check_recipe,
    damaged,
    files,
    parse_manifest,
    seal_of,
)

_BLOCK = 2**22


class RemoteError(RuntimeError):
    """A remote store cannot be reached, read or written."""


def is_remote(address: str) -> bool:
    """Tell whether an address is one for fsspec, rather than a path."""
    return "://" in address


@dataclass(frozen=True)
class Remote:
    """Artifacts under an fsspec address, as ``s3://bucket/study``; ``s3`` and ``gs`` need the extra ``s3``.

    Credentials come from where the protocol usually finds them. ValueError if it is unknown, or its package
    not installed.
    """

    address: str

    def __post_init__(self) -> None:
        """Refuse an address that nothing can open."""
        try:
            if self.address.startswith("://"):
                raise ValueError("it names no protocol")
            url_to_fs(self.address, use_listings_cache=False)
        except Exception as error:  # each protocol has its own
            raise ValueError(
                f"store {one_line(self.address)!r} cannot be opened ({one_line(error)}): accepted are "
                'folders and fsspec addresses; `pip install "tlfourier[s3]"` brings s3:// and gs://'
            ) from None

    def names(self) -> set[str]:
        """Return the names of all artifacts, by one listing."""
        with self._errors():
            system, root = self._system()
            try:
                found = system.find(root)
            except FileNotFoundError:
                return set()
        places = [Path(path).relative_to(root).parts for path in found]
        return {"/".join(place[:2]) for place in places if len(place) == 3 and place[2] == MANIFEST}

    def has(self, name: str) -> bool:
        """Tell whether an artifact is there, by one request."""
        return self._manifest(name) is not None

    def fetch(self, name: str, folder: Path) -> bool:
        """Copy an artifact's files and manifest into an empty folder; return False if it is not there.

        Nothing is checked but the manifest's form: the caller compares the copy with it.
        """
        content = self._manifest(name)
        if content is None:
            return False
        manifest = parse_manifest(content, folder)
        with self._errors():
            system, root = self._system()
            for file in manifest["files"]:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # the check that follows names what is missing
                    system.get_file(f"{root}/{name}/{_writer(manifest)}/{file}", str(folder / file))
        write_bytes(folder / MANIFEST, content)
        return True

    def publish(self, name: str, folder: Path) -> None:
        """Copy a whole local artifact to the remote store, unless it is there."""
        if self.has(name):
            return
        writer = uuid.uuid4().hex[:12]
        manifest = parse_manifest((folder / MANIFEST).read_bytes(), folder)
        with self._errors():
            system, root = self._system()
            for file, path in files(folder).items():
                system.put_file(str(path), f"{root}/{name}/{writer}/{file}")
            content = json.dumps({**manifest, FOLDER: writer}, indent=1, sort_keys=True).encode()
            system.pipe_file(f"{root}/{name}/{MANIFEST}", content)

    def examine(self, name: str) -> None:
        """Re-hash an artifact where it lies; DamagedArtifact if a file or the recipe is not what it was."""
        place, content = Path(name), self._manifest(name)
        manifest = parse_manifest(content or b"", place)
        if manifest.get(SEAL) != seal_of(manifest):
            raise DamagedArtifact(damaged(place, f"{MANIFEST} at {self.address} has changed"))
        for file, wanted in sorted(manifest["files"].items()):
            if self._checksum(f"{name}/{_writer(manifest)}/{file}") != wanted:
                raise DamagedArtifact(damaged(place, f"{file} at {self.address} is missing or has changed"))
        check_recipe(manifest, place)

    def findings(self, repair: bool) -> Iterator[str]:
        """Yield for every artifact what is wrong with it, "" if nothing is; ``repair`` sets it aside."""
        for name in sorted(self.names()):
            try:
                self.examine(name)
                yield ""
            except DamagedArtifact as error:
                if repair:
                    self.set_aside(name)
                yield f"{error}; {REPAIR}"

    def set_aside(self, name: str) -> None:
        """Move a damaged artifact's manifest to ``damaged/``: it is made again, its files stay."""
        with self._errors():
            system, root = self._system()
            aside = f"{root}/damaged/{name}/{uuid.uuid4().hex[:12]}/{MANIFEST}"
            system.mv(f"{root}/{name}/{MANIFEST}", aside)

    def _manifest(self, name: str) -> bytes | None:
        with self._errors():
            system, root = self._system()
            try:
                content: bytes = system.cat_file(f"{root}/{name}/{MANIFEST}")
            except FileNotFoundError:
                return None
        return content

    def _checksum(self, path: str) -> str | None:
        with self._errors():
            system, root = self._system()
            try:
                with system.open(f"{root}/{path}", "rb", block_size=_BLOCK) as stream:
                    return manifests.digest(stream.read)
            except FileNotFoundError:
                return None

    def _system(self) -> tuple[AbstractFileSystem, str]:
        system, root = url_to_fs(self.address, use_listings_cache=False)
        return system, root.rstrip("/")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what a protocol's package raises, each its own, into one sentence."""
        try:
            yield
        except Exception as error:
            what = f"the store at {self.address} cannot be used"
            raise RemoteError(f"{what}: {one_line(error, longest=600)}") from error


def _writer(manifest: dict[str, Any]) -> str:
    return Path(str(manifest.get(FOLDER, ""))).name
