from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError, ShapeError
from lookalike.sources.precomputed_arrays import array_embeddings
from tests.sources.trees import ids, picture, plant

VECTORS = np.arange(6, dtype=np.float64).reshape(2, 3)


def test_items_have_what_was_given(tmp_path, monkeypatch):
    plant(tmp_path, ["a.png"])
    monkeypatch.chdir(tmp_path)
    source = array_embeddings(
        ["a", "b"], VECTORS, attributes=[{"n": 1}, {"n": 2}], uris=["a.png", "https://example.org/b.png"]
    )
    first, second = source
    assert (first.id, first.uri, first.attributes) == ("a", str(tmp_path / "a.png"), {"n": 1})
    assert (second.id, second.uri) == ("b", "https://example.org/b.png")
    np.testing.assert_array_equal(first.embedding, np.float32([0, 1, 2]))
    assert source.read(first) == picture(0)
    with pytest.raises(OSError, match="not at hand"):
        source.read(second)


def test_lists_will_do_and_ids_stand_for_uris(tmp_path):
    source = array_embeddings(["a", "b"], VECTORS.tolist())
    assert ids(source) == ["a", "b"] == [ref.uri for ref in source]
    assert source.stamp_prefixes == []  # what else is in the gallery stays


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ((["a"], VECTORS), {}, "there are 2 vectors and 1 ids; give one for each"),
        ((["a", "b"], VECTORS), {"attributes": [{}]}, "there are 2 vectors and 1 attributes"),
        ((["a", "b"], VECTORS), {"uris": ["x"] * 3}, "there are 2 vectors and 3 uris"),
        ((["a", "a"], VECTORS), {}, "the id 'a' is there more than once"),
        ((["a", ""], VECTORS), {}, "one is ''"),
        ((["a", 3], VECTORS), {}, "one is 3; convert it"),
        ((["a", "b"], [[1.0], [1.0, 2.0]]), {}, r"an array of shape \(n, dim\) of real numbers"),
        ((["a", "b"], [["x"], ["y"]]), {}, "real numbers"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments, options, reason):
    with pytest.raises(InputError, match=reason):
        array_embeddings(*arguments, **options)


def test_one_vector_is_no_matrix():
    with pytest.raises(ShapeError):
        array_embeddings(["a"], np.ones(3))
