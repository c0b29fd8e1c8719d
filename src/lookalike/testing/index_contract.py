"""What every index must do, as checks to be run by any test framework, or by none.

With pytest, in the tests of a plug-in that registers the backend ``mine``::

    @pytest.fixture(scope="module", params=list(Metric))
    def contract(request):
        return IndexContract("mine:option=3", request.param, recall=0.95)

    @pytest.mark.parametrize("check", CHECKS)
    def test_contract(contract, check, tmp_path):
        check(contract, tmp_path)

Without one: ``IndexContract("mine", Metric.L2).check_all(folder)``. A check that fails raises AssertionError.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError, LookalikeError, ShapeError, UnknownNameError
from lookalike.indexes.building import build_index, load_index
from lookalike.metric import Metric, score_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.indexes.base import Neighbors

_ROWS, _DIM, _QUERIES, _K = 2_400, 16, 40, 10
_TOLERANCE = 1e-6


def mixture(rows: int, dim: int, *, seed: int) -> Vectors:
    """Draw rows from a mixture of forty normal distributions, with lengths that differ; shape (rows, dim), float32."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(40, dim))
    drawn = centres[random.integers(0, 40, rows)] + 0.4 * random.normal(size=(rows, dim))
    return np.asarray(drawn * random.lognormal(0, 0.2, (rows, 1)) + 0.3, np.float32)


class IndexContract:
    """The checks for one index and one metric.

    Parameters
    ----------
    spec : of the index, such as ``lsh:bits=6,tables=20``.
    metric : how rows are compared.
    recall : the least share of the true nearest that must be found, equal scores counting as found; 1 for exact ones.
    parameters : of every search, such as ``{"nprobe": 64}``: generous ones.
    rows : the rows and, as its first forty, the queries; a mixture where they are not given.
    build, load : how the index is made and opened; by default those of :mod:`lookalike.indexes.building`.
    least_rows : with fewer rows than these the index must be refused with an InputError.
    can_insert : whether the index takes rows in; otherwise that must be refused with an InputError.
    """

    def __init__(  # noqa: PLR0913  # what the author of an index may say about it, each by name
        self,
        spec: str,
        metric: Metric,
        *,
        recall: float = 0.95,
        parameters: Mapping[str, float] | None = None,
        rows: Vectors | None = None,
        build: Callable[[str, Vectors, Metric], Any] | None = None,
        load: Callable[[Path, Vectors], Any] = load_index,
        least_rows: int = 1,
        can_insert: bool = False,
    ) -> None:
        self.spec = spec
        self.metric = metric
        self.recall = recall
        self.rows = mixture(_ROWS, _DIM, seed=1) if rows is None else rows
        self.queries = mixture(_QUERIES, _DIM, seed=2) if rows is None else rows[:_QUERIES]
        self._parameters = dict(parameters or {})
        self._build = build or (lambda spec, vectors, metric: build_index(spec, vectors, metric=metric))
        self._load = load
        self._least_rows = least_rows
        self._can_insert = can_insert

    @cached_property
    def index(self) -> Any:
        """The index of all rows, which no check changes."""
        frozen = self.rows.copy()
        frozen.flags.writeable = False
        return self.build(frozen)

    def build(self, vectors: Vectors) -> Any:
        """Build the index over other rows."""
        return self._build(self.spec, vectors, self.metric)

    def search(
        self, index: Any, queries: Vectors, k: int = _K, allowed: npt.NDArray[np.bool_] | None = None
    ) -> Neighbors:
        """Search with the generous parameters."""
        given = {"parameters": self._parameters} if self._parameters else {}
        found: Neighbors = index.search(queries, k, allowed, **given)
        return found

    def check_all(self, folder: Path) -> None:
        """Run every check, each with a folder of its own inside ``folder``."""
        for check in CHECKS:
            inner = folder / check.__name__
            inner.mkdir(parents=True)
            check(self, inner)

    def check_finds_the_nearest(self, _: Path) -> None:
        """Find nearly the rows of an exact search, with the scores that they have."""
        self._verify(self.search(self.index, self.queries), self.queries, self.rows)
        _require(len(self.index) == len(self.rows), f"len() is {len(self.index)}, not {len(self.rows)}")
        _require(self.index.spec.metric is self.metric, "the spec has another metric")
        _require(self.index.nbytes > 0, "nbytes is not above 0")

    def check_keeps_to_allowed_rows(self, _: Path) -> None:
        """Find no other rows, whether many are allowed or few, and of few all that there are."""
        random = np.random.default_rng(3)
        for allowed in (random.random(len(self.rows)) < 0.6, np.arange(len(self.rows)) % 2 == 1):
            found = self.search(self.index, self.queries, _K, allowed)
            self._verify(found, self.queries, self.rows, allowed=allowed)
        for count in (0, 1, _K - 3, _K, 3 * _K):
            allowed = np.zeros(len(self.rows), np.bool_)
            allowed[random.choice(len(self.rows), count, replace=False)] = True
            found = self.search(self.index, self.queries, _K, allowed)
            self._verify(found, self.queries, self.rows, allowed=allowed, recall=1.0)

    def check_does_not_depend_on_the_batch(self, _: Path) -> None:
        """Find the same for a query alone and among others."""
        together = self.search(self.index, self.queries)
        for size in (1, 7):
            for start in range(0, len(self.queries), size):
                part = self.search(self.index, self.queries[start : start + size])
                _same(part.positions, together.positions[start : start + size], f"positions in batches of {size}")
                _same(part.scores, together.scores[start : start + size], f"scores in batches of {size}")

    def check_is_the_same_when_saved(self, folder: Path) -> None:
        """Answer as before once saved and opened."""
        self.index.save(folder / "index")
        loaded = self._load(folder / "index", self.rows)
        self._compare(loaded, self.index)
        _require(str(loaded.spec) == str(self.index.spec), f"{loaded.spec} was saved as {self.index.spec}")

    def check_gives_all_when_asked_for_more(self, _: Path) -> None:
        """Find all rows for a k beyond their number, then pad."""
        found = self.search(self.index, self.queries[:3], len(self.rows) + 5)
        self._verify(found, self.queries[:3], self.rows, recall=1.0)

    def check_works_with_few_rows(self, _: Path) -> None:
        """Work with few rows, one or none, or refuse to be built from so few."""
        for count in (0, 1, 2, 5, 40):
            rows = self.rows[:count]
            if count < self._least_rows:
                try:
                    index = self.build(rows)
                except InputError:
                    continue
                _require(count == 0, f"{count} rows were taken, fewer than {self._least_rows}")
            else:
                index = self.build(rows)
            floor = self.recall if count <= 2 * _K else 0.0  # of so few candidates a share says little
            self._verify(self.search(index, self.queries), self.queries, rows, recall=floor)

    def check_copies_are_rows_of_their_own(self, _: Path) -> None:
        """Find each of equal rows once."""
        rows = self.rows.copy()
        rows[100:130] = rows[7]
        rows[-50:] = rows[8]
        targets = np.concatenate([rows[7:9], self.queries[:5]])
        self._verify(self.search(self.build(rows), targets, 25), targets, rows)

    def check_zeros_are_rows(self, _: Path) -> None:
        """Take rows and queries of zeros, and give them finite scores."""
        rows = self.rows.copy()
        rows[[0, 17]] = 0
        targets = np.concatenate([np.zeros((1, rows.shape[1]), np.float32), self.queries[:5]])
        index = self.build(rows)
        self._verify(self.search(index, targets), targets, rows)
        nothing = np.zeros((self._least_rows + 40, rows.shape[1]), np.float32)
        try:
            empty = self.build(nothing)
        except InputError:
            return  # nothing to learn from
        self._verify(self.search(empty, targets), targets, nothing)

    def check_takes_any_layout(self, _: Path) -> None:
        """Take rows and queries that are strided, of another type, or read-only, and change none."""
        wide = np.repeat(self.rows, 2, axis=1)
        before = wide.copy()
        index = self.build(wide[:, ::2])
        expected = self.search(self.index, self.queries)
        strided = np.repeat(self.queries, 2, axis=0)[::2]
        frozen = self.queries.copy()
        frozen.flags.writeable = False
        layouts: list[Any] = [strided, np.asfortranarray(self.queries), self.queries.astype(np.float64), frozen]
        for targets in layouts:
            found = self.search(self.index, targets)
            _same(found.positions, expected.positions, "positions for another layout of the queries")
            _same(found.scores, expected.scores, "scores for another layout of the queries")
        self._verify(self.search(index, self.queries), self.queries, self.rows)
        _same(wide, before, "the rows after a search")
        _same(frozen, self.queries, "the queries after a search")
        _same(self.search(self.index, self.queries[0]).positions, expected.positions[:1], "positions for one vector")

    def check_refuses_what_makes_no_sense(self, _: Path) -> None:
        """Refuse wrong shapes, counts and names by the errors of lookalike."""
        mask = np.ones(len(self.rows) + 1, np.bool_)
        _refuses(ShapeError, lambda: self.index.search(self.queries[:, 1:], 3))
        _refuses(ShapeError, lambda: self.index.search(self.queries, 3, mask))
        _refuses(InputError, lambda: self.index.search(self.queries, 0))
        _refuses(InputError, lambda: self.index.search(np.full_like(self.queries, np.nan), 3))
        if hasattr(self.index, "parameters"):
            _refuses(UnknownNameError, lambda: self.index.search(self.queries, 3, parameters={"no such": 1}))
            for name in self.index.parameters:
                _refuses(InputError, partial(self.index.search, self.queries, 3, parameters={name: -1}))

    def check_grows_and_shrinks(self, folder: Path) -> None:
        """Find inserted rows and no deleted ones, also after saving; other positions stay."""
        if not hasattr(self.index, "insert"):
            return
        index = self.build(self.rows[:-500])
        if not self._can_insert:
            _refuses(InputError, lambda: index.insert(self.rows[-500:]))
            kept = self.rows[:-500]
        else:
            positions = np.concatenate([index.insert(self.rows[-500:-100]), index.insert(self.rows[-100:])])
            _same(positions, np.arange(len(self.rows) - 500, len(self.rows)), "positions of inserted rows")
            kept = self.rows
        _require(len(index) == len(kept), f"len() is {len(index)}, not {len(kept)}")
        self._verify(self.search(index, self.queries), self.queries, kept)
        live = np.arange(len(kept)) % 5 != 2
        index.delete(np.flatnonzero(~live))
        _refuses(InputError, lambda: index.delete(np.array([len(kept)])))
        self._verify(self.search(index, self.queries), self.queries, kept, allowed=live)
        few = np.arange(len(kept)) < 8
        found = self.search(index, self.queries, _K, few)
        self._verify(found, self.queries, kept, allowed=live & few, recall=1.0)
        index.save(folder / "index")
        self._compare(self._load(folder / "index", kept), index)

    def _magnitudes(self, queries: Vectors, rows: Vectors) -> npt.NDArray[np.float64]:
        """Return what the rounding of each query's scores is relative to; shape (q, 1)."""
        if self.metric is Metric.COSINE:
            return np.ones((len(queries), 1))
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
        longest = np.linalg.norm(rows.astype(np.float64), axis=1).max()
        return np.asarray(lengths * longest if self.metric is Metric.INNER_PRODUCT else lengths + longest)

    def _compare(self, loaded: Any, index: Any) -> None:
        _require(len(loaded) == len(index), f"len() is {len(loaded)}, it was {len(index)}")
        allowed = np.arange(len(index)) % 3 > 0
        for mask in (None, allowed):
            before, after = (self.search(which, self.queries, _K, mask) for which in (index, loaded))
            _same(after.positions, before.positions, "positions of the saved index")
            _same(after.scores, before.scores, "scores of the saved index")

    def _verify(
        self,
        found: Neighbors,
        queries: Vectors,
        rows: Vectors,
        *,
        allowed: npt.NDArray[np.bool_] | None = None,
        recall: float | None = None,
    ) -> None:
        """Compare neighbours with all scores in double precision."""
        permitted = np.ones(len(rows), np.bool_) if allowed is None else allowed
        scores = score_matrix(queries, rows, self.metric)
        k = found.positions.shape[1]
        count = min(k, int(permitted.sum()))
        _require(found.positions.shape == found.scores.shape == (len(queries), k), "shapes")
        _require(found.positions.dtype == np.int64 and found.scores.dtype == np.float32, "types")
        _require(bool((found.positions[:, count:] == -1).all()), "padding has positions")
        _require(bool(np.isneginf(found.scores[:, count:]).all()), "padding has scores")
        positions, got = found.positions[:, :count], found.scores[:, :count]
        _require(bool((positions >= 0).all()), "there is padding among the neighbours, or fewer than there are rows")
        _require(bool((positions < len(rows)).all() and permitted[positions].all()), "rows that are not allowed")
        _require(all(len(set(row)) == count for row in positions.tolist()), "a row stands twice")
        _require(bool((np.diff(got, axis=1) <= 0).all()), "scores are not in order")
        if count == 0:
            return
        slack = _TOLERANCE * self._magnitudes(queries, rows)
        true = np.take_along_axis(scores, positions, axis=1)
        _require(bool((np.abs(got - true) <= slack).all()), "a score is not that of its row")
        kth = -np.sort(-scores[:, permitted], axis=1)[:, count - 1 : count]
        reached = float((true >= kth - slack).mean())
        floor = self.recall if recall is None else recall
        _require(reached >= floor, f"recall is {reached:.3f}, below {floor}")


CHECKS: tuple[Callable[[IndexContract, Path], None], ...] = (
    IndexContract.check_finds_the_nearest,
    IndexContract.check_keeps_to_allowed_rows,
    IndexContract.check_does_not_depend_on_the_batch,
    IndexContract.check_is_the_same_when_saved,
    IndexContract.check_gives_all_when_asked_for_more,
    IndexContract.check_works_with_few_rows,
    IndexContract.check_copies_are_rows_of_their_own,
    IndexContract.check_zeros_are_rows,
    IndexContract.check_takes_any_layout,
    IndexContract.check_refuses_what_makes_no_sense,
    IndexContract.check_grows_and_shrinks,
)


def _require(condition: bool, what: str) -> None:  # noqa: FBT001  # read as an assertion
    if not condition:
        raise AssertionError(what)


def _same(left: npt.NDArray[Any], right: npt.NDArray[Any], what: str) -> None:
    _require(np.array_equal(left, right), f"{what} differ")


def _refuses(kind: type[LookalikeError], call: Callable[[], Any]) -> None:
    try:
        call()
    except kind:
        return
    msg = f"{kind.__name__} was not raised"
    raise AssertionError(msg)
