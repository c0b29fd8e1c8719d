"""Buckets as slices, against dictionaries; likely codes, against all of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.indexes.lsh_tables import Table, codes_of, gather, most_probes, probed_codes


@given(
    codes=st.lists(st.integers(0, 2**62 - 1) | st.integers(0, 5), max_size=40),
    later=st.lists(st.integers(0, 5), max_size=10),
    asked=st.lists(st.integers(0, 7), max_size=6),
)
def test_a_bucket_holds_the_rows_of_its_code(codes, later, asked):
    table = Table.of(np.array(codes, np.uint64)).with_more(np.array(later, np.uint64))
    buckets = defaultdict(list)
    for row, code in enumerate([*codes, *later]):
        buckets[code].append(row)
    wanted = np.array([*asked, *codes[:3]], np.uint64)
    starts, ends = table.buckets(wanted)
    rows, bucket = gather(table.order, starts, ends)
    for i, code in enumerate(wanted.tolist()):
        assert rows[bucket == i].tolist() == buckets[code]


def test_codes_are_the_bits_as_numbers():
    sides = np.array([[True, False, True], [False, False, True]])
    assert codes_of(sides).tolist() == [5, 4]
    assert codes_of(np.ones((1, 62), np.bool_)).tolist() == [2**62 - 1]


@pytest.mark.parametrize("bits", [1, 3, 6])
@pytest.mark.parametrize("seed", range(5))
def test_the_probed_codes_are_the_nearest_of_all(bits, seed):
    random = np.random.default_rng(seed)
    margins, code = random.random((2, bits)), random.integers(0, 2**bits, 2).astype(np.uint64)
    probes = most_probes(bits)
    found = probed_codes(code, margins, probes)
    assert found.shape == (2, 1 + probes)
    for i in range(2):
        sets = [chosen for size in range(bits + 1) for chosen in combinations(range(bits), size)]
        cost = {sum(1 << bit for bit in chosen) ^ int(code[i]): sum(margins[i][list(chosen)] ** 2) for chosen in sets}
        assert found[i, 0] == code[i]
        assert sorted(found[i].tolist()) == sorted(cost)
        np.testing.assert_allclose([cost[c] for c in found[i].tolist()], sorted(cost.values()))


def test_of_many_bits_those_near_the_hyperplanes_are_flipped():
    margins = np.full((1, 40), 5.0)
    margins[0, [33, 2]] = 0.1, 0.2
    found = probed_codes(np.zeros(1, np.uint64), margins, 3)
    assert found[0].tolist() == [0, 1 << 33, 1 << 2, (1 << 33) | (1 << 2)]
    assert most_probes(40) == 1023
