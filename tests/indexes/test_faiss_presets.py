"""Factory strings that suit the number of rows, each of which FAISS can make."""

from __future__ import annotations

import pytest

from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.faiss_presets import factory_for
from lookalike.metric import Metric
from lookalike.options import Options, parse_choice


@pytest.mark.parametrize(
    ("spec", "rows", "dim", "factory"),
    [
        ("faiss", 10_000, 1280, "Flat"),
        ("faiss", 60_000, 1280, "IVF1024,PQ640x4fsr,Refine(SQfp16)"),
        ("faiss:HNSW16,SQ8", 60_000, 1280, "HNSW16,SQ8"),
        ("ivfpq", 1, 1280, "SQfp16"),
        ("ivfpq", 60_000, 1280, "IVF1024,PQ640x4fsr,Refine(SQfp16)"),
        ("ivfpq", 1_000_000, 256, "IVF4096_HNSW32,PQ128x4fsr,Refine(SQfp16)"),
        ("ivfpq", 60_000, 7, "IVF1024,PQ7x4fsr,Refine(SQfp16)"),
        ("ivfpq:lists=100,subquantizers=64", 60_000, 1280, "IVF100,PQ64x4fsr,Refine(SQfp16)"),
        ("ivfpq:lists=8", 500, 32, "IVF8,PQ16x4fsr,Refine(SQfp16)"),
        ("hnsw", 1, 1280, "HNSW20_SQfp16"),
        ("hnsw:m=16", 60_000, 1280, "HNSW16_SQfp16"),
        ("sq8", 60_000, 1280, "SQ8"),
    ],
)
def test_a_preset_becomes_a_factory_string(spec, rows, dim, factory):
    made = factory_for(Options(parse_choice(spec)), rows, dim, Metric.INNER_PRODUCT)
    assert made == factory
    assert faiss.index_factory(dim, made, faiss.METRIC_INNER_PRODUCT).d == dim
    by_distance = factory_for(Options(parse_choice(spec)), rows, dim, Metric.L2)
    assert by_distance == factory.replace("4fsr", "4fs")
    assert faiss.index_factory(dim, by_distance, faiss.METRIC_L2).d == dim
