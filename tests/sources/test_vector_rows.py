from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import InputError, ShapeError, SourceError, UnknownNameError
from lookalike.sources.vector_rows import ArrayVectors, ParquetVectors, npy_vectors

MATRIX = np.arange(1300 * 3).reshape(1300, 3) / 7


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.uint8])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_any_numbers_gives_its_rows(tmp_path, dtype, order):
    matrix = np.asarray(MATRIX % 200, dtype, order=order)
    np.save(tmp_path / "a.npy", matrix)
    vectors = npy_vectors(tmp_path / "a.npy")
    assert (vectors.count, vectors.dim) == (1300, 3)
    rows = list(vectors)
    assert {row.dtype for row in rows} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(rows, matrix.astype(np.float32))
    np.testing.assert_array_equal(list(vectors), rows)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3), pa.list_(pa.float16())]
)
def test_a_column_of_lists_of_any_kind_gives_its_rows(tmp_path, kind):
    # pyarrow before 26 reads no fixed-size list that is absent, of what it has written itself
    absent = 1300 if pa.types.is_fixed_size_list(kind) and int(pa.__version__.partition(".")[0]) < 26 else 7
    lists = [None if number % 100 == absent else row.tolist() for number, row in enumerate(MATRIX % 50)]
    if kind.value_type == pa.float16():
        lists = [None if row is None else np.array(row, np.float16).tolist() for row in lists]
    pq.write_table(
        pa.table({"id": range(1300), "e": pa.array(lists, kind)}), tmp_path / "t.parquet", row_group_size=400
    )
    vectors = ParquetVectors(tmp_path / "t.parquet", "e")
    assert (vectors.count, vectors.dim) == (1300, 3)
    for found, expected in zip(vectors, lists, strict=True):
        if expected is None:
            assert found is None
        else:
            np.testing.assert_allclose(found, np.float32(expected), rtol=1e-6)


def test_lengths_may_differ_and_the_usual_one_is_the_dimension(tmp_path):
    lists = [[1.0], [1.0, 2.0], [], [3.0, 4.0], [1.0, None], None]
    pq.write_table(pa.table({"e": lists}), tmp_path / "t.parquet")
    vectors = ParquetVectors(tmp_path / "t.parquet", "e")
    assert vectors.dim == 2
    found = list(vectors)
    assert [None if row is None else len(row) for row in found] == [1, 2, 0, 2, 2, None]
    assert np.isnan(found[4][1])


def test_what_float32_cannot_hold_is_infinite(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1e300, 1.0]]))
    assert np.isinf(next(iter(npy_vectors(tmp_path / "a.npy")))[0])


def test_a_column_that_holds_no_embeddings_is_refused_with_one_that_does(tmp_path):
    table = pa.table({"name": ["a"], "tags": [["x"]], "clip": [[1.0, 2.0]]})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(UnknownNameError, match="did you mean 'clip'"):
        ParquetVectors(tmp_path / "t.parquet", "clips")
    for column, kind in (("name", "string"), ("tags", "list<element: string>")):
        with pytest.raises(InputError, match=f"{column!r} holds {kind}, and .*; the column 'clip' does"):
            ParquetVectors(tmp_path / "t.parquet", column)


def test_arrays_that_are_no_embeddings_are_refused(tmp_path):
    with pytest.raises(ShapeError, match=r"\(n, dim\), got \(3,\)"):
        ArrayVectors(np.zeros(3))
    with pytest.raises(InputError, match="real numbers, and this array holds complex128"):
        ArrayVectors(np.zeros((2, 2), complex))
    np.save(tmp_path / "objects.npy", np.array([[object()]]))
    (tmp_path / "empty.npy").write_bytes(b"")
    np.save(tmp_path / "cut.npy", np.zeros((100, 10)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:500])
    for name in ("objects", "empty", "cut"):
        with pytest.raises(SourceError, match=rf"{name}\.npy: it is no array of numbers"):
            npy_vectors(tmp_path / f"{name}.npy")
    np.save(tmp_path / "flat.npy", np.zeros(4))
    with pytest.raises(SourceError, match=r"flat\.npy: expected an array of shape \(n, dim\), got \(4,\)"):
        npy_vectors(tmp_path / "flat.npy")
