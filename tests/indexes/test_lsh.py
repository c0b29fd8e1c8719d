"""Hashing by random hyperplanes: against the textbook algorithm, and against the angles that it stands for."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.indexes.building import build_index, load_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.scoring import WideQueries
from lookalike.testing.index_contract import mixture


class Textbook:
    """Tables that are dictionaries from strings of bits to lists of rows."""

    def __init__(self, planes, rows):
        self.planes = planes
        self.tables = [{} for _ in planes]
        for number, row in enumerate(rows):
            for table, code in zip(self.tables, self.codes(row), strict=True):
                table.setdefault(code, []).append(number)

    def codes(self, vector):
        return ["".join("1" if np.dot(plane, vector) > 0 else "0" for plane in planes) for planes in self.planes]

    def query(self, vector):
        found = []
        for table, code in zip(self.tables, self.codes(vector), strict=True):
            found.extend(table.get(code, []))
        return Counter(found)


@pytest.fixture(scope="module")
def rows():
    return mixture(1_000, 32, seed=1)


@pytest.fixture(scope="module")
def queries():
    return mixture(30, 32, seed=2)


def proposals(index, queries, count=10, **parameters):
    values = {**index.parameters, **parameters}
    prepared = index._preparation.queries(WideQueries.of(queries))
    found = index.backend.propose(prepared, count, allowed=None, parameters=values)
    return [row[row >= 0].tolist() for row in found]


@pytest.mark.parametrize("seed", range(3))
def test_the_candidates_are_those_of_the_textbook(rows, queries, seed):
    index = build_index("lsh:bits=8,tables=10,center=no", rows, seed=seed)
    textbook = Textbook(index.backend.planes, rows)
    found = proposals(index, queries)
    assert sum(map(len, found)) > 0
    for candidates, query in zip(found, queries, strict=True):
        assert sorted(candidates) == sorted(textbook.query(query))
        assert len(set(candidates)) == len(candidates)


def test_the_candidates_of_photos_are_those_of_the_textbook(bean_embeddings):
    rows, queries = bean_embeddings
    index = build_index("lsh:bits=8,tables=10,center=no", rows)
    textbook = Textbook(index.backend.planes, rows)
    for candidates, query in zip(proposals(index, queries), queries, strict=True):
        assert sorted(candidates) == sorted(textbook.query(query))


def test_what_is_found_is_the_best_of_the_candidates(rows, queries):
    index = build_index("lsh:bits=8,tables=10,center=no", rows)
    textbook = Textbook(index.backend.planes, rows)
    found = index.search(queries, 5)
    checked = 0
    for i, query in enumerate(queries):
        candidates = np.array(sorted(textbook.query(query)))
        if len(candidates) >= 5:
            best = ExactIndex(rows[candidates]).search(query, 5)
            np.testing.assert_array_equal(found.positions[i], candidates[best.positions[0]])
            np.testing.assert_array_equal(found.scores[i], best.scores[0])
            checked += 1
    assert checked > 10


def test_rank_by_collisions_keeps_the_rows_in_most_tables(rows, queries):
    index = build_index("lsh:bits=6,tables=30,center=no,rank=collisions", rows)
    textbook = Textbook(index.backend.planes, rows)
    for candidates, query in zip(proposals(index, queries, 7), queries, strict=True):
        counts = textbook.query(query)
        ranked = sorted(counts, key=lambda row: (-counts[row], row))
        assert candidates == ranked[:7]


def test_the_share_of_equal_bits_tells_the_angle():
    # two vectors lie on the same side of a hyperplane with the probability 1 - angle / pi
    random = np.random.default_rng(0)
    rows = random.normal(size=(40, 16)).astype(np.float32)
    index = build_index("lsh:bits=50,tables=80,center=no", rows)
    codes, _ = index.backend.hash(rows)
    bits = (codes[:, :, None] >> np.arange(50, dtype=np.uint64)) & np.uint64(1)
    agreement = (bits[:, None] == bits[None]).mean(axis=(2, 3))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    angles = np.arccos(np.clip(unit @ unit.T, -1, 1))
    np.testing.assert_allclose(agreement, 1 - angles / np.pi, atol=0.04)


def test_tables_are_independent_draws_and_the_seed_repeats_them(rows):
    first, again, other = (build_index("lsh:bits=8,tables=4", rows, seed=seed).backend.planes for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert abs(np.corrcoef(first.reshape(4, -1)) - np.eye(4)).max() < 0.25


def test_centring_spreads_what_lies_on_one_side(queries):
    # as features after a ReLU do
    rows = np.abs(mixture(2_000, 32, seed=1)) + 2
    sizes = {}
    for center in ("yes", "no"):
        index = build_index(f"lsh:bits=8,tables=10,center={center}", rows)
        sizes[center] = np.mean([len(found) for found in proposals(index, np.abs(queries) + 2)])
    assert sizes["yes"] < 0.5 * sizes["no"]
    # by default it is on, and what is subtracted is the mean of the rows as they are hashed
    index = build_index("lsh:bits=8,tables=10", rows)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(index.backend.centre, unit.mean(axis=0), atol=1e-6)


def test_more_probes_find_more(rows, queries):
    index = build_index("lsh:bits=12,tables=6", rows)
    truth = ExactIndex(rows).search(queries, 10).positions
    found = [proposals(index, queries, probes=probes) for probes in (0, 5, 50, 1023)]
    for fewer, more in itertools.pairwise(found):
        assert all(set(few) <= set(many) for few, many in zip(fewer, more, strict=True))
    recalls = [np.mean([np.isin(t, c).mean() for t, c in zip(truth, part, strict=True)]) for part in found]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.7 < recalls[2]


def test_all_buckets_hold_all_rows(rows, queries):
    index = build_index("lsh:bits=5,tables=1", rows)
    assert all(sorted(found) == list(range(1_000)) for found in proposals(index, queries, probes=31))


@pytest.mark.parametrize(("bits", "most"), [(3, 7), (12, 1023)])
def test_probes_beyond_what_there_is_are_refused(rows, queries, bits, most):
    index = build_index(f"lsh:bits={bits}", rows)
    index.search(queries, 3, parameters={"probes": most})
    with pytest.raises(InputError, match=f"probes must be at most {most} here, got {most + 1}"):
        index.search(queries, 3, parameters={"probes": most + 1})


@pytest.mark.parametrize(("rows", "bits"), [(1, 8), (16_384, 8), (60_000, 10)])
def test_the_number_of_bits_follows_the_number_of_rows(rows, bits):
    index = build_index("lsh:tables=1", np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32))
    assert index.details == {"bits": bits, "tables": 1}


def test_inserted_rows_hash_as_those_that_were_there_from_the_start(rows, queries):
    whole = build_index("lsh:bits=6,tables=8,center=no", rows)
    grown = build_index("lsh:bits=6,tables=8,center=no", rows[:700])
    grown.insert(rows[700:])
    assert [sorted(found) for found in proposals(grown, queries)] == [
        sorted(found) for found in proposals(whole, queries)
    ]


def test_the_stored_tables_are_mapped_and_hold_no_pickle(rows, queries, tmp_path):
    index = build_index("lsh:bits=8,tables=10", rows)
    index.save(tmp_path / "index")
    for path in (tmp_path / "index").rglob("*.npy"):
        np.load(path, allow_pickle=False)
    loaded = load_index(tmp_path / "index", rows)
    assert isinstance(loaded.backend._tables[0].order.base, np.memmap)
    assert proposals(loaded, queries) == proposals(index, queries)
    assert loaded.nbytes == index.nbytes
