"""Thousands of queries at once take memory for their answers, and not for all their scores."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lookalike.evaluation.memory import peak_bytes

if peak_bytes() is None:
    pytest.skip("this system does not tell the largest size of a process", allow_module_level=True)

_ROWS, _QUERIES, _K = 50_000, 16_000, 10
_SEARCHING = f"""
import sys
import numpy as np
from lookalike.evaluation.memory import peak_bytes
from lookalike.indexes.building import build_index

rng = np.random.default_rng(0)
rows = rng.normal(size=({_ROWS}, 64)).astype(np.float32)
queries = rng.normal(size=({_QUERIES}, 64)).astype(np.float32)
index = build_index(sys.argv[1], rows)
index.search(queries[:256], {_K})
before = peak_bytes()
found = index.search(queries, {_K})
assert found.positions.shape == ({_QUERIES}, {_K})
print(peak_bytes() - before)
"""


@pytest.mark.parametrize("spec", ["exact", "ivfpq"])
def test_the_memory_of_a_batch_is_that_of_its_answers(spec):
    command = [sys.executable, "-c", _SEARCHING, spec]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    all_scores = 4 * _ROWS * _QUERIES
    assert grown < all_scores / 16
