from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from lookalike.errors import BackendMissingError, SourceError
from lookalike.sources.folder import FolderSource
from lookalike.sources.remote import RemoteSource
from lookalike.sources.resolve import open_source
from tests.sources.trees import ids, picture, plant

fsspec = pytest.importorskip("fsspec", reason="needs the extra cloud")

TREE = ["b.jpg", "a.PNG", "cats/2.png", "cats/deep/3.webp", ".git/4.png", "@eaDir/5.png", "notes.txt"]
LISTED = ["a.PNG", "b.jpg", "cats/2.png", "cats/deep/3.webp"]


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    files.store.clear()
    for shade, name in enumerate(TREE):
        files.pipe_file(f"/bucket/{name}", picture(shade))
    yield files
    files.store.clear()


def test_images_are_listed_and_read(memory):
    for spec in ("memory://bucket", "memory://bucket/"):
        source = open_source(spec, base=None)
        refs = list(source)
        assert [ref.id for ref in refs] == [f"memory://bucket/{name}" for name in LISTED]
        assert [source.read(ref) for ref in refs] == [picture(TREE.index(name)) for name in LISTED]
    assert [ref.attributes["folder"] for ref in refs] == ["bucket", "bucket", "cats", "deep"]
    assert refs[0].uri == refs[0].id
    assert refs[0].size == len(picture())
    assert list(source) == refs


def test_what_is_far_is_read_at_once_and_what_shares_a_file_is_not(memory, store_of_far_files):
    assert RemoteSource("memory://bucket").concurrency == 0
    source = RemoteSource("far://bucket")
    refs = list(source)
    with ThreadPoolExecutor(source.concurrency) as pool:
        assert list(pool.map(source.read, refs)) == [picture(number) for number in range(len(refs))]
    assert store_of_far_files.most == source.concurrency == len(refs)


@pytest.fixture
def store_of_far_files():
    """A file system of sixteen files that answers only once all are asked for."""
    import asyncio

    from fsspec.asyn import AsyncFileSystem

    class Far(AsyncFileSystem):
        protocol = "far"
        cachable = False
        most = now = 0

        async def _info(self, path, **_):
            return {"name": path, "type": "directory", "size": 0}

        async def _ls(self, path, **_):
            return [{"name": f"bucket/{n:02}.png", "type": "file", "size": 9, "etag": "1"} for n in range(16)]

        async def _cat_file(self, path, start=None, end=None, **_):
            Far.now += 1
            Far.most = max(Far.most, Far.now)
            for _wait in range(3000):
                if Far.most == 16:
                    break
                await asyncio.sleep(0.01)
            Far.now -= 1
            return picture(int(path[-6:-4]))

    fsspec.register_implementation("far", Far, clobber=True)
    return Far


def test_an_id_does_not_depend_on_where_the_listing_began(memory):
    below = ids(RemoteSource("memory://bucket/cats"))
    assert below == [name for name in ids(RemoteSource("memory://bucket")) if "/cats/" in name]
    assert ids(RemoteSource("memory://"))[0] == "memory://bucket/a.PNG"
    assert ids(RemoteSource("memory://bucket/b.jpg")) == ["memory://bucket/b.jpg"]


def test_a_changed_file_has_another_stamp(memory):
    first = next(iter(RemoteSource("memory://bucket")))
    memory.pipe_file("/bucket/a.PNG", picture(99))
    assert first.stamp
    assert next(iter(RemoteSource("memory://bucket"))).stamp != first.stamp


def test_it_covers_what_it_would_list(memory):
    source = RemoteSource("memory://bucket/cats")
    assert all(map(source.covers, ("memory://bucket/cats/2.png", "memory://bucket/cats/x/gone.jpg")))
    others = ("memory://bucket/b.jpg", "memory://bucket/cats2/1.png", "s3://bucket/cats/2.png", "cats/2.png")
    hidden = ("memory://bucket/cats/.x/1.png", "memory://bucket/cats/1.txt", "memory://bucket/cats/2.png::x.zip")
    assert not any(map(source.covers, (*others, *hidden)))
    single = RemoteSource("memory://bucket/b.jpg")
    assert single.covers("memory://bucket/b.jpg")
    assert not single.covers("memory://bucket/a.PNG")


def test_an_archive_is_a_file_system(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for shade, name in enumerate(TREE):
            archive.writestr(name, picture(shade))
    source = open_source(f"zip://::{tmp_path}/x.zip", base=tmp_path)
    assert ids(source) == [f"zip://{name}::{tmp_path}/x.zip" for name in LISTED]
    with ThreadPoolExecutor(8) as pool:
        refs = list(source) * 50
        assert list(pool.map(source.read, refs)) == [picture(TREE.index(name)) for name in LISTED] * 50
    assert all(ref.stamp for ref in refs)
    assert source.covers(f"zip://gone.png::{tmp_path}/x.zip")
    assert not source.covers(f"zip://gone.png::{tmp_path}/y.zip")
    assert ids(open_source(f"zip://cats::{tmp_path}/x.zip", base=tmp_path)) == ids(source)[2:]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://nowhere", "there is no such file or folder"),
        ("memory://bucket/notes", "there is no such file or folder"),
        ("memory://bucket/.git/x", "there is no such file or folder"),
        ("nosuch://bucket", "Protocol not known: nosuch"),
        ("zip://::/nowhere/x.zip", "there is no such file or folder"),
    ],
)
def test_what_cannot_be_reached_is_an_error_in_one_line(memory, url, reason):
    with pytest.raises(SourceError, match=f"^{url}: [^\n]*{reason}[^\n]*$"):
        list(open_source(url, base=None))


def test_a_folder_without_images_and_a_file_that_vanished(memory, tmp_path):
    memory.pipe_file("/empty/notes.txt", b"x")
    with pytest.raises(SourceError, match=r"memory://empty: holds no images"):
        list(RemoteSource("memory://empty"))
    source = RemoteSource("memory://bucket")
    ref = next(iter(source))
    memory.rm_file("/bucket/a.PNG")
    with pytest.raises(SourceError, match=r"memory://bucket/a\.PNG: there is no such file"):
        source.read(ref)
    plant(tmp_path, ["1.png"])
    with pytest.raises(SourceError, match=r"it is not in memory://bucket"):
        source.read(next(iter(FolderSource(tmp_path, base=tmp_path))))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(SourceError, match=r"^s3://bucket/photos: Install s3fs to access S3$"):
        open_source("s3://bucket/photos", base=None)
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(BackendMissingError, match=r'fsspec is not installed; run: pip install "lookalike\[cloud\]"'):
        open_source("memory://bucket", base=None)
