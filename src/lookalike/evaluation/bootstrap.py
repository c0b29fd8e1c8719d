"""How far means over queries would vary if other queries of the same kind had been asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

CONFIDENCE = 0.95
RESAMPLES = 1_000
_SEED = 0
_COUNTS_HELD = 1 << 22


def bootstrap_intervals(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the bounds of the central 95 % of the means of resampled queries.

    Parameters
    ----------
    values : shape (q, m), q at least 1: m measures of each query.

    Returns
    -------
    Shape (2, m): the lower and the upper bound. The same values always give the same bounds.

    Notes
    -----
    The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) over queries, as
    Sakai (Evaluating evaluation metrics based on the bootstrap, SIGIR 2006) applies it to retrieval; 1,000 resamples.
    Where all queries have the same value, and so for a single one, the interval is that value alone.
    """
    random = np.random.default_rng(_SEED)
    queries = len(values)
    chances = np.full(queries, 1.0 / queries)
    step = max(1, _COUNTS_HELD // queries)
    means = [
        random.multinomial(queries, chances, size=min(step, RESAMPLES - start)) @ values / queries
        for start in range(0, RESAMPLES, step)
    ]
    tail = (1.0 - CONFIDENCE) / 2.0
    return np.quantile(np.concatenate(means), [tail, 1.0 - tail], axis=0)
