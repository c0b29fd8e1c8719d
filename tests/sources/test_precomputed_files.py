from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import InputError, SourceError
from lookalike.sources.folder import FolderSource
from lookalike.sources.precomputed import PrecomputedRef, what_is_wrong
from lookalike.sources.precomputed_files import parquet_embeddings
from lookalike.sources.resolve import open_source
from tests.sources.trees import ids, picture, plant

TREE = ["in/a/1.png", "in/2.png", "out/3.png"]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)
LISTS = VECTORS.tolist()
NAMES = {"path": ["a/1.png", "2.png", "../out/3.png"], "name": ["x", None, "z"], "label": [1, 2, 3]}


def table(path, /, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def vectors_of(source):
    return np.stack([ref.embedding for ref in source])


@pytest.fixture
def tree(tmp_path):
    plant(tmp_path, TREE)
    return tmp_path


def test_paths_are_the_files_of_their_folders_with_attributes_and_embeddings(tree):
    source = parquet_embeddings(table(tree / "in" / "t.parquet", e=LISTS, **NAMES), "e", base=tree)
    there = {ref.id: ref for ref in FolderSource(tree, base=tree)}
    refs = list(source)
    assert [ref.id for ref in refs] == TREE
    for shade, (ref, vector) in enumerate(zip(refs, VECTORS, strict=True)):
        assert isinstance(ref, PrecomputedRef)
        assert (ref.uri, ref.size) == (there[ref.id].uri, there[ref.id].size)
        extra = {"name": NAMES["name"][shade], "label": NAMES["label"][shade]}
        assert ref.attributes == {**there[ref.id].attributes, **extra}
        np.testing.assert_array_equal(ref.embedding, vector)
        assert ref.dim == 4
        assert source.read(ref) == picture(shade)
        assert source.covers(ref.id)
    assert not source.covers("in/4.png")


def test_pictures_in_the_table_are_read_from_it(tree):
    path = table(tree / "t.parquet", image=[picture(1), None, picture(3)], e=LISTS, label=["a", "b", "c"])
    source = parquet_embeddings(path, "e", base=tree)
    refs = list(source)
    assert [ref.id for ref in refs] == ["t.parquet#0", "t.parquet#1", "t.parquet#2"]
    assert source.read(refs[2]) == picture(3)
    with pytest.raises(SourceError):
        source.read(refs[1])


@pytest.mark.parametrize(("values", "expected"), [([7, 8, 9], ["7", "8", "9"]), (["a", None, "c"], None)])
def test_without_pictures_the_column_id_names_the_items(tree, values, expected):
    path = table(tree / "t.parquet", ID=values, e=LISTS, price=[1.5, 2.5, None])
    source = parquet_embeddings(path, "e", base=tree)
    assert ids(source) == (expected or ["a", "t.parquet#1", "c"])
    assert [ref.attributes for ref in source] == [{"price": 1.5}, {"price": 2.5}, {"price": None}]
    with pytest.raises(SourceError):
        source.read(next(iter(source)))


def test_without_any_names_rows_are_counted(tree):
    assert ids(parquet_embeddings(table(tree / "t.parquet", e=LISTS), "e", base=tree)) == [
        "t.parquet#0",
        "t.parquet#1",
        "t.parquet#2",
    ]
    np.save(tree / "in" / "e.npy", VECTORS)
    source = open_source(tree / "in" / "e.npy", base=tree)
    assert ids(source) == ["in/e.npy#0", "in/e.npy#1", "in/e.npy#2"]
    np.testing.assert_array_equal(vectors_of(source), VECTORS)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "txt"])
def test_an_array_has_its_names_beside_it_row_for_row(tree, suffix):
    np.save(tree / "in" / "e.npy", VECTORS.astype(np.float16))
    beside = tree / "in" / f"e.{suffix}"
    if suffix == "parquet":
        table(beside, path=NAMES["path"])
    else:
        beside.write_text("\n".join([*(["path"] if suffix == "csv" else []), *NAMES["path"]]))
    source = open_source(str(tree / "in" / "e.npy"), base=tree)
    assert ids(source) == TREE
    np.testing.assert_array_equal(vectors_of(source), VECTORS)
    assert source.read(list(source)[1]) == picture(1)


def test_an_empty_line_is_a_row_without_a_name(tree):
    np.save(tree / "e.npy", VECTORS)
    (tree / "e.txt").write_bytes(b"\xef\xbb\xbfin/2.png\r\n\r\nhttps://example.org/3.png\r\n")
    source = open_source(tree / "e.npy", base=tree)
    assert ids(source) == ["in/2.png", "e.txt#1", "https://example.org/3.png"]
    with pytest.raises(SourceError, match="not at hand"):  # nothing is fetched
        source.read(list(source)[2])


@pytest.mark.parametrize(("lines", "what"), [(2, "only 2 rows"), (4, "more rows")])
def test_names_and_embeddings_must_be_as_many(tree, lines, what):
    np.save(tree / "e.npy", VECTORS)
    (tree / "e.txt").write_text("\n".join(f"{number}.png" for number in range(lines)))
    with pytest.raises(SourceError, match=rf"e\.npy: it holds 3 embeddings, and .*e\.txt has {what}"):
        list(open_source(tree / "e.npy", base=tree))


def test_two_files_of_names_are_refused(tree):
    np.save(tree / "e.npy", VECTORS)
    (tree / "e.txt").write_text("a\nb\nc")
    (tree / "e.csv").write_text("path\na\nb\nc")
    with pytest.raises(InputError, match=r"e\.csv and e\.txt"):
        open_source(tree / "e.npy", base=tree)


def test_several_tables_by_pattern_or_in_a_list(tree):
    one, two = (table(tree / f"{name}.parquet", e=LISTS, id=[f"{name}{n}" for n in range(3)]) for name in "ab")
    expected = ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert ids(parquet_embeddings([one, str(two)], "e", base=tree)) == expected
    assert ids(parquet_embeddings(str(tree / "?.parquet"), "e", base=tree)) == expected


def test_the_column_of_pictures_can_be_named(tree):
    path = table(tree / "t.parquet", path=["x", "y", "z"], other=TREE, e=LISTS)
    assert ids(parquet_embeddings(f"{path}#other", "e", base=tree)) == TREE


def test_an_item_that_is_there_twice_is_listed_as_the_first_says(tree):
    source = parquet_embeddings(table(tree / "t.parquet", id=["a", "b", "a"], e=LISTS), "e", base=tree)
    np.testing.assert_array_equal(vectors_of(source), VECTORS[:2])


def test_stamps_follow_each_embedding_and_nothing_else_in_the_table(tree):
    path = table(tree / "t.parquet", image=[picture(1)] * 3, e=LISTS)
    before = [ref.stamp for ref in parquet_embeddings(path, "e", base=tree)]
    changed = [LISTS[0], [9.0] * 4, LISTS[2]]
    source = parquet_embeddings(table(path, image=[picture(1)] * 3, e=changed), "e", base=tree)
    after = [ref.stamp for ref in source]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    (prefix,) = source.stamp_prefixes
    assert all(stamp.startswith(prefix) for stamp in after)
    other = parquet_embeddings(table(tree / "u.parquet", e=LISTS), "e", base=tree)
    assert not any(ref.stamp.startswith(prefix) for ref in other)


def test_mistakes_are_told_in_a_sentence(tree):
    with pytest.raises(SourceError, match=r"did you mean .*in"):
        parquet_embeddings(tree / "inn", "e", base=tree)
    with pytest.raises(SourceError, match="matches no files"):
        parquet_embeddings(str(tree / "*.parquet"), "e", base=tree)
    with pytest.raises(InputError, match=r"Parquet tables, or from \.npy"):
        parquet_embeddings(tree / "in" / "2.png", "e", base=tree)
    with pytest.raises(InputError, match="not from a int"):
        parquet_embeddings(3, "e", base=tree)
    with pytest.raises(SourceError, match="it holds no embeddings"):
        list(parquet_embeddings(table(tree / "none.parquet", e=pa.array([], pa.list_(pa.float32()))), "e", base=tree))
    with pytest.raises(SourceError, match="it holds no embeddings"):
        list(
            parquet_embeddings(table(tree / "null.parquet", e=pa.array([None], pa.list_(pa.float32()))), "e", base=tree)
        )


@pytest.mark.parametrize(
    ("embedding", "reason"),
    [
        (None, "it has no embedding"),
        (np.ones(3, np.float32), "its embedding has 3 numbers, not 4"),
        (np.array([1, np.nan, 0, 0], np.float32), "its embedding holds values that are not finite (NaN or infinity)"),
        (np.array([1, np.inf, 0, 0], np.float32), "its embedding holds values that are not finite (NaN or infinity)"),
        (np.zeros(4, np.float32), "its embedding is all zeros"),
        (np.array([0, 0, 0, 1e-9], np.float32), None),
    ],
)
def test_what_a_gallery_cannot_hold_has_a_reason(embedding, reason):
    assert what_is_wrong(embedding, 4) == reason
