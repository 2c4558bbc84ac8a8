"""The folder shelf: whole files or none, names that cannot leave it, clear words for a full or closed disk."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.errors import InvalidInputError, NotFoundError, UnavailableError
from registry.outside.shelf import FolderShelf


@pytest.fixture
def folder_shelf(tmp_path: Path) -> FolderShelf:
    return FolderShelf(tmp_path / "shelf")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes no file longer than `size` bytes (RLIMIT_FSIZE: the write fails as on a full disk)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def left_in(shelf: FolderShelf) -> list[str]:
    return sorted(path.name for path in shelf.folder.rglob("*") if path.is_file())


def test_what_is_put_is_read_back_in_every_way(folder_shelf: FolderShelf, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    folder_shelf.put("feeds/cmcc/lists/one.parquet", b"from bytes")
    folder_shelf.put("feeds/cmcc/lists/two.parquet", source)
    assert folder_shelf.get("feeds/cmcc/lists/one.parquet") == b"from bytes"
    with folder_shelf.open("feeds/cmcc/lists/two.parquet") as file:
        file.seek(5)
        assert file.read() == b"a file"
    with folder_shelf.path("feeds/cmcc/lists/two.parquet") as path:
        assert path.read_bytes() == b"from a file"
    assert folder_shelf.size("feeds/cmcc/lists/two.parquet") == 11
    assert folder_shelf.size("feeds/cmcc/lists/three.parquet") is None
    assert source.exists()


def test_names_are_listed_by_prefix_and_in_order(folder_shelf: FolderShelf) -> None:
    for name in ("a/b/2.json", "a/b/10.json", "a/c.json", "ab.json"):
        folder_shelf.put(name, b"x")
    assert list(folder_shelf.names("a/")) == ["a/b/10.json", "a/b/2.json", "a/c.json"]
    assert list(folder_shelf.names("a/b/1")) == ["a/b/10.json"]
    assert list(folder_shelf.names("a")) == ["a/b/10.json", "a/b/2.json", "a/c.json", "ab.json"]
    assert list(folder_shelf.names("nothing/here")) == []


def test_a_name_that_is_gone_is_not_found_and_may_be_deleted_again(folder_shelf: FolderShelf) -> None:
    folder_shelf.put("a/b", b"x")
    folder_shelf.delete("a/b")
    folder_shelf.delete("a/b")
    folder_shelf.delete("a/b/c")
    with pytest.raises(NotFoundError) as caught, folder_shelf.open("a/b"):
        pass
    assert caught.value.code == "no_such_file"
    with pytest.raises(NotFoundError), folder_shelf.path("a/b"):
        pass


OUTSIDE = ["../out", "a/../../out", "/etc/passwd", "a//b", "", ".hidden", "a/.hidden", "a/", "a b", "a\x00b", "a\\b"]


@pytest.mark.parametrize("name", [*OUTSIDE, "a/..", "ä", "a\n", "a" * 401])
def test_a_name_cannot_leave_the_shelf(folder_shelf: FolderShelf, name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        folder_shelf.put(name, b"x")
    assert caught.value.code == "bad_name"
    with pytest.raises(InvalidInputError):
        folder_shelf.size(name)


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(folder_shelf: FolderShelf, tmp_path: Path) -> None:
    folder_shelf.put("pointer.json", b"old")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 5000)
    for content in (b"x" * 5000, source):
        with files_of_at_most(1000), pytest.raises(UnavailableError) as caught:
            folder_shelf.put("pointer.json", content)
        assert caught.value.code == "disk_full"
    assert folder_shelf.get("pointer.json") == b"old"
    assert left_in(folder_shelf) == ["pointer.json"]


def test_a_shelf_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "shelf").write_text("a file where the folder should be")
    with pytest.raises(UnavailableError) as caught:
        FolderShelf(tmp_path / "shelf").put("a/b", b"x")
    assert caught.value.code == "shelf_read_only"


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(folder_shelf: FolderShelf) -> None:
    folder_shelf.put("a/b/c", b"x")
    with pytest.raises(UnavailableError):
        folder_shelf.put("a/b", b"a file where a folder stands")
    assert left_in(folder_shelf) == ["c"]


def test_a_reader_sees_the_old_file_or_the_whole_new_one(folder_shelf: FolderShelf) -> None:
    versions = [bytes([65 + n]) * 200_000 for n in range(8)]
    folder_shelf.put("pointer", versions[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(folder_shelf.get("pointer"))

    reader = threading.Thread(target=read)
    reader.start()
    for content in versions * 5:
        folder_shelf.put("pointer", content)
    done.set()
    reader.join()
    assert seen <= set(versions)
    assert left_in(folder_shelf) == ["pointer"]
