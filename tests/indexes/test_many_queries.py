"""Thousands of queries at once take memory for their answers, and not for all their scores."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="the largest size of a process is told on Unix")

_ROWS, _QUERIES, _K = 50_000, 16_000, 10
_SEARCHING = f"""
import resource, sys
import numpy as np
from lookalike.indexes.building import build_index

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

rng = np.random.default_rng(0)
rows = rng.normal(size=({_ROWS}, 64)).astype(np.float32)
queries = rng.normal(size=({_QUERIES}, 64)).astype(np.float32)
index = build_index(sys.argv[1], rows)
index.search(queries[:256], {_K})
before = peak()
found = index.search(queries, {_K})
assert found.positions.shape == ({_QUERIES}, {_K})
print(peak() - before)
"""


@pytest.mark.parametrize("spec", ["exact", "ivfpq"])
def test_the_memory_of_a_batch_is_that_of_its_answers(spec):
    command = [sys.executable, "-c", _SEARCHING, spec]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    all_scores = 4 * _ROWS * _QUERIES
    assert grown < all_scores / 16
