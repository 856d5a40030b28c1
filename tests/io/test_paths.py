"""What may not be written to is read as it is; what is made then goes to the user's cache."""

import os
from pathlib import Path

import platformdirs
import pytest

from tlfourier.io import paths
from tlfourier.study.stores import open_store


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let a folder look as to somebody without permission; root, who runs some tests, may write anywhere."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    allowed = os.access

    def access(path: Path, mode: int) -> bool:
        forbidden = mode & os.W_OK and Path(path).is_relative_to(folder)
        return not forbidden and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return folder


def test_a_folder_that_can_be_written_is_used_even_before_it_exists(tmp_path: Path) -> None:
    assert paths.writable(tmp_path / "new" / "deep", "store") == tmp_path / "new" / "deep"


def test_else_the_user_s_cache(read_only: Path, tmp_path: Path) -> None:
    assert paths.writable(read_only / "data" / "store", "store") == tmp_path / "cache" / "tlfourier" / "store"
    assert paths.build_folder("smoke", read_only) == tmp_path / "cache" / "tlfourier" / "build" / "smoke"


def test_a_checkout_holds_its_store_and_its_shipped_artifacts() -> None:
    checkout = paths.require_checkout()
    assert (checkout / "src" / "tlfourier" / "io" / "paths.py").is_file()
    assert paths.store_folder() == checkout / "data" / "store"
    assert paths.shipped_folder() == checkout / "data" / "reference"


def test_an_installed_package_has_the_user_s_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("cache", "data"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    monkeypatch.delenv("TLFOURIER_BUILD", raising=False)
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "tlfourier")
    assert paths.checkout() is paths.shipped_folder() is None
    assert paths.store_folder() == platformdirs.user_data_path("tlfourier") / "store"
    assert paths.build_folder("smoke") == platformdirs.user_cache_path("tlfourier") / "build" / "smoke"
    with pytest.raises(ValueError, match="not in the installed package: clone the repository"):
        paths.require_checkout()


def test_a_store_without_permission_is_still_read(read_only: Path, tmp_path: Path) -> None:
    store = open_store(str(read_only / "store"))
    assert store.root == tmp_path / "cache" / "tlfourier" / "store"
    assert store.others == (read_only / "store",)


def test_the_environment_moves_the_store_and_hides_what_was_shipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TLFOURIER_STORE", str(tmp_path))
    monkeypatch.setenv("TLFOURIER_REFERENCE", "")
    store = open_store()
    assert (store.root, store.reference, store.remote) == (tmp_path, None, None)
