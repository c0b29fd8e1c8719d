"""Index specs as text."""

from __future__ import annotations

import pytest

from lookalike.indexes.base import IndexSpec
from lookalike.indexes.specs import parse_index
from lookalike.metric import Metric


@pytest.mark.parametrize(
    ("text", "backend", "params", "arguments", "projection"),
    [
        ("exact", "exact", {}, (), ""),
        ("lsh:bits=8,tables=10", "lsh", {"bits": "8", "tables": "10"}, (), ""),
        ("faiss:IVF256,PQ64x4fs,Refine(SQfp16)", "faiss", {}, ("IVF256", "PQ64x4fs", "Refine(SQfp16)"), ""),
        ("faiss:IVF8,PQ8+8,nprobe=4", "faiss", {"nprobe": "4"}, ("IVF8", "PQ8+8"), ""),
        ("pca:128/lsh", "lsh", {}, (), "pca:128"),
        ("pca:128,whiten/faiss:OPQ16_64,IVF256(IVF16,Flat),SQ8", "faiss", {},
         ("OPQ16_64", "IVF256(IVF16,Flat)", "SQ8"), "pca:128,whiten"),
        ("rp:eps=0.2 / hnsw:m=16", "hnsw", {"m": "16"}, (), "rp:eps=0.2"),
    ],
)  # fmt: skip
def test_a_spec_is_read_and_written(text, backend, params, arguments, projection):
    spec = parse_index(text, metric=Metric.L2, dim=64)
    assert spec == IndexSpec(backend, Metric.L2, 64, params, arguments, projection)
    assert str(spec) == text.replace(" ", "")
    assert parse_index(str(spec), metric=Metric.L2, dim=64) == spec


def test_a_spec_made_in_python_reads_like_a_written_one():
    spec = IndexSpec("lsh", Metric.COSINE, 64, {"bits": 8, "tables": 10})
    assert str(spec) == "lsh:bits=8,tables=10"
