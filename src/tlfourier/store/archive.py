"""Many artifacts in few files: ``score.zip``, ``pairs-1.zip``, ``pairs-2.zip``, read without unpacking.

An archive of a stage holds the folders of its artifacts, each with its manifest, so that every artifact is
checked by itself. A stage has several archives where one would be too large for a repository.
"""

import contextlib
import io
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path

from tlfourier.io.atomic import write_bytes, write_json
from tlfourier.io.jsonfile import read_json
from tlfourier.io.words import one_line
from tlfourier.store.manifest import MANIFEST, DamagedArtifact, checksum, files
from tlfourier.store.stage import Folder

CONTENTS = "contents.json"
"""The sealed list: every archive that belongs to a folder, with its checksum and the artifacts in it."""
LARGEST = 4_900_000
"""Bytes of an archive: no file of the repository is larger than 5 MB."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # equal artifacts make equal archives


def find(folder: Path, name: str) -> zipfile.Path | None:
    """Return the folder of an artifact inside the archives of ``folder``, or None."""
    archive = _index(folder, _state(folder)).get(name)
    return zipfile.Path(_opened(archive, os.getpid()), f"{name.partition('/')[2]}/") if archive else None


def everything(folder: Path) -> Iterator[zipfile.Path]:
    """Yield the folders of all artifacts in the archives of ``folder`` that can be opened."""
    for state in _state(folder):
        with contextlib.suppress(DamagedArtifact):  # `problems` names it
            for name in sorted(_index(folder, (state,))):
                yield zipfile.Path(_opened(state, os.getpid()), f"{name.partition('/')[2]}/")


def pack(stage: str, artifacts: Sequence[Folder], folder: Path, largest: int = LARGEST) -> list[Path]:
    """Write artifacts of one stage to as many archives as their size asks for; return their paths.

    Equal artifacts make equal bytes. Archives of the stage that are no longer needed are removed. ValueError
    if one artifact alone is larger than ``largest`` bytes, or where an archive is to lie there is a file that
    is none: nothing that was not packed here is touched.
    """
    parts, room = list[list[Folder]](), 0
    for artifact in sorted(artifacts, key=lambda one: one.name):
        size = len(_packed([artifact]))
        if size > largest:
            name = f"{stage}/{artifact.name}"
            raise ValueError(f"artifact {name} takes {size} bytes: at most {largest} are accepted")
        if size > room:
            parts.append([])
            room = largest
        parts[-1].append(artifact)
        room -= size
    names = [f"{stage}-{number}.zip" for number in range(1, len(parts) + 1)]
    written = [folder / name for name in (names if len(parts) > 1 else [f"{stage}.zip"])]
    for target in written:
        if target.exists() and not _is_ours(target):
            raise ValueError(f"{target} is no archive of artifacts: move it away, or name another folder")
    for target, part in zip(written, parts, strict=True):
        write_bytes(target, _packed(part))
    for archive in _archives(folder):
        if _stage_of(archive) == stage and archive not in written and _is_ours(archive):
            archive.unlink()
    return written


def seal(folder: Path) -> Path:
    """Write the list of the archives in a folder, which `problems` holds them against; return its path."""
    ours = filter(_is_ours, _archives(folder))
    write_json(folder / CONTENTS, {archive.name: _contents(archive) for archive in ours})
    return folder / CONTENTS


def problems(folder: Path, named: Collection[str] = ()) -> list[str]:
    """Return a sentence for every archive that is missing, changed or foreign, or for a list that is.

    A change is not said of the archives that were ``named`` already.
    """
    try:
        wanted = {str(name): dict(one) for name, one in read_json(folder / CONTENTS).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return [f"the shipped artifacts in {folder} have no list of contents: {one_line(error)}"]
    found, there = [], {archive.name: archive for archive in _archives(folder)}
    for name in sorted({*wanted, *there}):
        if name not in there:
            found.append(f"{folder / name} is missing: restore it from git")
        elif name not in wanted:
            found.append(f"{folder / name} does not belong to the shipped artifacts")
        elif name not in named and _contents(there[name]) != wanted[name]:
            found.append(f"{folder / name} has changed since it was shipped: restore it from git")
    return found


def _contents(archive: Path) -> dict[str, object]:
    """Return the checksum of an archive and the names of the artifacts in it."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(
                name.partition("/")[0] for name in opened.namelist() if name.endswith(f"/{MANIFEST}")
            )
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError):
        names = []
    return {"sha256": checksum(archive), "artifacts": names}


def _is_ours(archive: Path) -> bool:
    """Tell whether a file is an archive of artifacts and of nothing else."""
    try:
        with zipfile.ZipFile(archive) as opened:
            folders = {name.partition("/")[0] for name in opened.namelist()}
            manifests = {
                name.partition("/")[0] for name in opened.namelist() if name.endswith(f"/{MANIFEST}")
            }
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError):
        return False
    return (
        bool(folders) and folders == manifests and all(re.fullmatch("[0-9a-f]{16}", one) for one in folders)
    )


def _packed(artifacts: Sequence[Folder]) -> bytes:
    """Return the bytes of an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for artifact in artifacts:
            for name, file in {**files(artifact), MANIFEST: artifact / MANIFEST}.items():
                entry = zipfile.ZipInfo(f"{artifact.name}/{name}", _LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    return content.getvalue()


def _archives(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.zip")) if folder.is_dir() else []


def _stage_of(archive: Path) -> str:
    return archive.stem.partition("-")[0]


def _state(folder: Path) -> tuple[tuple[Path, int, int], ...]:
    """Return what tells an archive from its successor at the same place."""
    stats = [(path, path.stat()) for path in _archives(folder)]
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)


@cache
def _index(folder: Path, state: tuple[tuple[Path, int, int], ...]) -> dict[str, tuple[Path, int, int]]:
    """Return in which archive of a folder each artifact lies."""
    return {
        f"{_stage_of(archive[0])}/{name.partition('/')[0]}": archive
        for archive in state
        for name in _opened(archive, os.getpid()).namelist()
        if name.endswith(f"/{MANIFEST}")
    }


@cache
def _opened(archive: tuple[Path, int, int], process: int) -> zipfile.ZipFile:
    """Open an archive once in a process: one that forks shares its place in the file."""
    try:
        return zipfile.ZipFile(archive[0])
    except (zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise DamagedArtifact(f"{archive[0]} is damaged ({error}): restore it from git") from None
