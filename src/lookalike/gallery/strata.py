"""A sample of a gallery's rows in which every value of an attribute has its share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lookalike.gallery.lance_store import LanceStore

_MOST_VALUES = 5_000
"""An attribute of more values is a name rather than a class."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows, in the order of the table."""

    row_ids: npt.NDArray[np.uint64]
    """Shape (n,): the stable ids."""
    values: npt.NDArray[np.str_] | None
    """Shape (n,): of the attribute, empty where a row has none; None if it is no class."""
    total: int
    """Rows that the sample stands for."""


def sample_rows(store: LanceStore, count: int, *, column: str | None, seed: int = 0) -> Sample:
    """Draw rows at random, of each value of an attribute in proportion and at least one.

    Parameters
    ----------
    store : the gallery; is scanned twice, in memory that does not depend on its size.
    count : at least 1; all rows are taken if there are not more.
    column : the attribute; None, or one of more than 5,000 values: all rows have equal chances.
    seed : the same one draws the same rows.
    """
    store = store.pinned()
    counts = _counts(store, column) if column is not None else None
    if counts is None:
        column, counts = None, Counter({"": len(store)})
    rng = np.random.default_rng(seed)
    quotas = _quotas(counts, count)
    # ranks among the rows of the same value
    drawn = {value: np.sort(rng.choice(counts[value], quotas[value], replace=False)) for value in sorted(counts)}
    seen: Counter[str] = Counter()
    rows, values = [], []
    for batch in store.scan([] if column is None else [column]):
        of_batch = _values(batch, column)
        for value in np.unique(of_batch).tolist():
            places = np.flatnonzero(of_batch == value)
            ranks = seen[value] + np.arange(len(places))
            seen[value] += len(places)
            chosen = places[np.isin(ranks, drawn[value])]
            rows.append(batch["_rowid"].to_numpy()[chosen])
            values.append(of_batch[chosen])
    row_ids = np.concatenate(rows) if rows else np.empty(0, np.uint64)
    return Sample(row_ids, None if column is None or not values else np.concatenate(values), sum(counts.values()))


def _counts(store: LanceStore, column: str) -> Counter[str] | None:
    counts: Counter[str] = Counter()
    for batch in store.scan([column]):
        found, many = np.unique(_values(batch, column), return_counts=True)
        counts.update(dict(zip(found.tolist(), many.tolist(), strict=True)))
        if len(counts) > _MOST_VALUES:
            return None
    return counts


def _values(batch: pa.RecordBatch, column: str | None) -> npt.NDArray[np.str_]:
    if column is None:
        return np.full(len(batch), "")
    texts = pc.fill_null(pc.cast(batch[column], pa.string()), "")
    return np.asarray(texts.to_pylist(), dtype=str)


def _quotas(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    total = sum(counts.values())
    if total <= wanted:
        return dict(counts)
    quotas = {value: max(1, count * wanted // total) for value, count in counts.items()}
    for _ in range(sum(quotas.values()) - wanted):  # the least ones were rounded up
        largest = max(quotas, key=lambda value: quotas[value])
        if quotas[largest] == 1:
            break
        quotas[largest] -= 1
    return quotas
