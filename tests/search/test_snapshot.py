"""The exact index beside the gallery: whole or absent, and made again where it is damaged."""

from __future__ import annotations

import os
import shutil
import threading

import numpy as np
import pytest

from lookalike.gallery.lance_store import LanceStore
from lookalike.search import snapshot as snapshots
from lookalike.search.options import SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.snapshot import newest_snapshot, remove_leftovers, remove_older, write_snapshot
from tests.search.galleries import DIM, empty_gallery, plain_search, put

QUERY = np.array([[1, 2, 3, 4]], np.float32)


def random_vectors(seed, names):
    random = np.random.default_rng(seed)
    return {name: random.normal(size=DIM).astype(np.float32) for name in names}


def ids(store, k=100):
    return [hit.id for hit in Searcher(store).search(QUERY, k, SearchOptions())[0]]


def expected(vectors, k=100):
    return [item for item, _ in plain_search(vectors, QUERY[0], k)]


@pytest.fixture
def vectors():
    return random_vectors(1, [f"{i:03}" for i in range(50)])


@pytest.fixture
def store(tmp_path, vectors):
    store = empty_gallery(tmp_path)
    put(store, vectors)
    return store


def test_holds_the_rows_in_the_order_of_their_ids(tmp_path):
    store = empty_gallery(tmp_path)
    vectors = random_vectors(2, ["b", "ü", "a", "B", "10", "9", "", "a/b"])
    for name in vectors:  # one by one, so that the table's order is another
        put(store, {name: vectors[name]})
    write_snapshot(store)
    snapshot = newest_snapshot(store)
    assert snapshot.version == store.version
    np.testing.assert_array_equal(snapshot.vectors, [vectors[name] for name in sorted(vectors)])
    np.testing.assert_allclose(snapshot.norms, np.linalg.norm(snapshot.vectors, axis=1), rtol=1e-6)
    table = store.take(snapshot.row_ids, ["id"]).to_pylist()
    names = {row["_rowid"]: row["id"] for row in table}
    assert [names[row_id] for row_id in snapshot.row_ids.tolist()] == sorted(vectors)


def test_is_mapped_and_not_read(store):
    write_snapshot(store)
    assert isinstance(newest_snapshot(store).vectors, np.memmap)


def test_a_newer_one_replaces_it(store):
    first = write_snapshot(store)
    put(store, {"new": [1, 1, 1, 1]})
    second = write_snapshot(store)
    remove_older(store, than=store.version)
    assert not first.exists()
    assert [path.name for path in store.location.indexes.iterdir()] == [second.name]


def test_a_reader_of_an_older_version_takes_no_newer_one(store, vectors):
    reader = LanceStore.open(store.location)
    put(store, {"new": [1, 2, 3, 4]})
    write_snapshot(store)
    assert newest_snapshot(reader) is None


@pytest.mark.parametrize("damage", ["empty", "half", "garbage", "gone"])
@pytest.mark.parametrize("name", ["vectors.f32", "norms.npy", "row_ids.npy", "snapshot.json"])
def test_a_damaged_one_is_made_again(store, vectors, name, damage):
    path = write_snapshot(store) / name
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        broken = {"empty": b"", "half": whole[: len(whole) // 2], "garbage": os.urandom(len(whole) // 3)}
        path.write_bytes(broken[damage])
    assert ids(LanceStore.open(store.location)) == expected(vectors)
    assert path.read_bytes() == whole
    assert ids(LanceStore.open(store.location)) == expected(vectors)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_strange_things_beside_it_do_not_matter(store, vectors, what):
    write_snapshot(store)
    for name in ("exact-v", "exact-vx", "exact-v-1", "exact-v99999", "exact-v1", "faiss-v3", "partial"):
        path = store.location.indexes / name
        path.mkdir() if what == "folder" else path.write_bytes(b"x")
    assert ids(LanceStore.open(store.location)) == expected(vectors)
    put(store, {"new": [4, 3, 2, 1]})
    assert ids(store) == expected({**vectors, "new": np.array([4, 3, 2, 1], np.float32)})


def test_what_an_interrupted_write_left_is_removed(store, vectors):
    left = store.location.indexes / "partial-abc"
    left.mkdir(parents=True)
    (left / "vectors.f32").write_bytes(b"12")
    assert ids(store) == expected(vectors)
    remove_leftovers(store)
    assert not left.exists()
    assert newest_snapshot(store) is not None


def test_without_the_folder_the_rows_are_searched_where_they_are(store, vectors):
    write_snapshot(store)
    shutil.rmtree(store.location.indexes)
    store.location.indexes.write_bytes(b"no folder")  # nothing can be written into it
    assert ids(LanceStore.open(store.location)) == expected(vectors)


def test_one_of_an_earlier_gallery_is_not_taken(tmp_path, vectors):
    old = empty_gallery(tmp_path)
    put(old, vectors)
    write_snapshot(old)
    shutil.rmtree(old.location.rows)
    new = empty_gallery(tmp_path)
    others = random_vectors(9, vectors)
    put(new, others)
    assert new.version == old.version
    assert ids(new) == expected(others)


def test_a_write_while_rows_change_is_of_one_version(tmp_path):
    store = empty_gallery(tmp_path)
    names = [f"{i:04}" for i in range(3_000)]
    first, second = random_vectors(1, names), random_vectors(2, names)
    put(store, first)
    is_done = threading.Event()

    def change() -> None:
        while not is_done.is_set():
            put(store, second)
            put(store, first)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(5):
            write_snapshot(store)
            stored = [path for path in store.location.indexes.iterdir() if path.name.startswith("exact-v")]
            for path in stored:
                version = int(path.name.removeprefix("exact-v"))
                held = snapshots._read(path, version, store)
                truth = np.array([*first.values()]), np.array([*second.values()])
                assert any(np.array_equal(held.vectors, rows) for rows in truth)
    finally:
        is_done.set()
        thread.join()


def test_of_an_empty_gallery_there_is_an_empty_one(tmp_path):
    store = empty_gallery(tmp_path)
    write_snapshot(store)
    snapshot = newest_snapshot(store)
    assert snapshot.vectors.shape == (0, DIM)
    assert Searcher(store).search(QUERY, 3, SearchOptions()) == [[]]


def test_vectors_that_were_blanked_are_noticed_and_made_again(store, vectors):
    path = write_snapshot(store) / "vectors.f32"
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole)))
    assert newest_snapshot(store) is None
    assert ids(store) == expected(vectors)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["vectors.f32", "norms.npy", "row_ids.npy", "sums.npy"])
@pytest.mark.parametrize("place", [-1, -13, 0.5])
def test_a_single_flipped_bit_is_noticed_and_mended(store, vectors, name, place):
    path = write_snapshot(store) / name
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[place if isinstance(place, int) else int(len(whole) * place)] ^= 1
    path.write_bytes(damaged)
    assert newest_snapshot(LanceStore.open(store.location)) is None
    assert ids(store) == expected(vectors)
    assert path.read_bytes() == whole


def test_sums_are_of_all_words_of_64_bits(tmp_path):
    store = empty_gallery(tmp_path, dim=3)  # so that blocks have odd numbers of words
    vectors = np.random.default_rng(0).normal(size=(1_025, 3)).astype(np.float32)
    put(store, {f"{i:04}": vector for i, vector in enumerate(vectors)})
    sums = np.load(write_snapshot(store) / "sums.npy")

    def plain(data):
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
        return sum(words) % 2**64

    assert sums[:8].tolist() == [plain(vectors[i : i + 128].tobytes()) for i in range(0, 1024, 128)]
    assert newest_snapshot(store) is not None


def swap_rows(folder, other):
    """Put another table into a gallery, and leave what was derived from the one before."""
    shutil.rmtree(folder / "items.lance")
    shutil.copytree(other, folder / "items.lance")


@pytest.mark.parametrize("is_tidied", [False, True])
def test_an_older_copy_of_the_rows_that_is_put_back_meets_no_later_snapshot(store, vectors, tmp_path, is_tidied):
    folder = store.location.folder
    shutil.copytree(folder / "items.lance", tmp_path / "backup")
    put(store, random_vectors(5, vectors))
    put(store, {"undone": [1, 2, 3, 4]})
    write_snapshot(store)
    swap_rows(folder, tmp_path / "backup")
    again = LanceStore.open(store.location)
    assert ids(again) == expected(vectors)
    if is_tidied:  # as every writer does at first; what tells the versions apart may be gone later
        remove_leftovers(again)
    others = random_vectors(6, vectors)
    put(again, others)
    put(again, {"new": [4, 3, 2, 1]})
    assert again.version == store.version
    if is_tidied:
        for path in sorted((folder / "items.lance" / "_versions").glob("*.manifest"))[1:]:
            path.unlink()
    assert ids(LanceStore.open(store.location)) == expected({**others, "new": np.array([4, 3, 2, 1], np.float32)})


def test_another_gallery_s_rows_meet_no_snapshot_that_is_not_theirs(store, vectors, tmp_path):
    other = empty_gallery(tmp_path / "other")
    others = random_vectors(7, vectors)
    put(other, others)
    write_snapshot(store)
    swap_rows(store.location.folder, other.location.rows)
    swapped = LanceStore.open(store.location)
    assert swapped.version == store.version
    assert newest_snapshot(swapped) is None
    assert ids(swapped) == expected(others)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("mask", [0o022, 0o027])
def test_other_users_may_read_it_as_far_as_they_may_read_the_gallery(store, mask):
    before = os.umask(mask)
    try:
        path = write_snapshot(store)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o777 & ~mask
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o666 & ~mask}
