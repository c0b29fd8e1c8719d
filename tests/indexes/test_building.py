"""Every built-in index keeps the contract; and specs that cannot be built are refused."""

from __future__ import annotations

import lance
import numpy as np
import pyarrow as pa
import pytest

from lookalike.indexes.building import build_index, load_index
from lookalike.indexes.lance_rows import LanceRows
from lookalike.metric import Metric
from lookalike.testing.index_contract import CHECKS, IndexContract

EXPECTED = {
    "exact": {"recall": 1.0},
    "lsh:bits=6,tables=20": {"recall": 0.9, "can_insert": True},
    "lsh:bits=8,tables=10": {"recall": 0.95, "parameters": {"probes": 8}, "can_insert": True},
    "lsh:bits=6,tables=60,rank=collisions": {"recall": 0.15, "can_insert": True},
    "faiss": {"recall": 1.0, "can_insert": True},
    "faiss:IVF16,Flat": {"recall": 1.0, "parameters": {"nprobe": 16}, "least_rows": 16, "can_insert": True},
    "faiss:PQ8x4fs,RFlat": {"recall": 0.97, "parameters": {"k_factor": 40}, "least_rows": 16, "can_insert": True},
    "ivfpq": {"recall": 0.97, "parameters": {"nprobe": 64, "k_factor": 40}, "can_insert": True},
    "hnsw": {"recall": 0.97, "parameters": {"efSearch": 200}, "can_insert": True},
    "sq8": {"recall": 0.99, "can_insert": True},
    "scann": {"recall": 0.97, "parameters": {"leaves_to_search": 55, "reorder": 20}},
    "pca:8/exact": {"recall": 0.97, "parameters": {"oversample": 30}, "can_insert": True},
    "srp:12/hnsw": {"recall": 0.95, "parameters": {"oversample": 40, "efSearch": 400}, "can_insert": True},
}


@pytest.fixture(scope="module", params=[(spec, metric) for spec in EXPECTED for metric in Metric], ids=str)
def contract(request):
    spec, metric = request.param
    return IndexContract(spec, metric, **EXPECTED[spec])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_index_keeps_the_contract(contract, check, tmp_path):
    check(contract, tmp_path)


def lance_table(folder, rows):
    """Write rows to a table, and return them as an index reads them, in an order that is not the table's."""
    order = np.random.default_rng(7).permutation(len(rows))
    flat = np.ascontiguousarray(rows, np.float32)[np.argsort(order)].ravel()
    column = pa.FixedSizeListArray.from_arrays(pa.array(flat), rows.shape[1])
    dataset = lance.write_dataset(pa.table({"embedding": column}), folder, enable_stable_row_ids=True)
    return LanceRows(dataset, "embedding", order.astype(np.uint64))


@pytest.fixture(scope="module", params=[(kind, metric) for kind in ("rq", "pq") for metric in Metric], ids=str)
def lance_contract(request, tmp_path_factory):
    kind, metric = request.param
    tables = {}

    def build(spec, rows, metric):
        folder = tmp_path_factory.mktemp("table") / "rows.lance"
        tables[rows.tobytes()] = lance_table(folder, rows)
        return build_index(spec, tables[rows.tobytes()], metric=metric)

    def load(path, rows):
        return load_index(path, tables[rows.tobytes()])

    options = {"recall": 0.95, "parameters": {"nprobes": 20, "refine": 20}, "least_rows": 256}
    return IndexContract(f"lance:kind={kind}", metric, build=build, load=load, **options)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_an_index_inside_a_table_keeps_the_contract(lance_contract, check, tmp_path):
    check(lance_contract, tmp_path)
