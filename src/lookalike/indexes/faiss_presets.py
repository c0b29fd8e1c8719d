"""Factory strings for FAISS: the user's own, or one that suits the number of rows.

The grammar is that of https://github.com/facebookresearch/faiss/wiki/The-index-factory.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.metric import Metric

if TYPE_CHECKING:
    from lookalike.options import Options

_FLAT_UP_TO = 10_000
_LISTS_FROM = 2_000
"""Rows below which lists would hold too few, and codebooks would have too little to learn from."""
_MANY_LISTS_FROM = 50_000
_COARSE_FROM = 1 << 30
"""Numbers from which refining by half floats would take more memory than scoring more rows takes time."""
_GRAPH_OVER_LISTS_FROM = 2_048


def factory_for(options: Options, rows: int, dim: int, metric: Metric) -> str:
    """Return the factory string of a spec.

    Parameters
    ----------
    options : of ``faiss:FACTORY``; of ``faiss`` alone, which is exact up to 10,000 rows and ``ivfpq`` beyond; of
        ``ivfpq`` with ``lists`` and ``subquantizers``; of ``hnsw`` with ``m``, the number of links, of which
        inner products of very different lengths need more than the 20 it has; or of ``sq8``.
    rows : how many there will be.
    dim : of the rows.
    metric : of the index.

    Raises
    ------
    InputError : if an option cannot be used.
    """
    if options.name == "faiss":
        if options.arguments:
            return ",".join(options.arguments)
        return "Flat" if rows <= _FLAT_UP_TO else _ivfpq(options, rows, dim, metric)
    options.refuse_arguments()
    if options.name == "hnsw":
        return f"HNSW{options.whole('m', 20, at_least=2, at_most=512)}_SQfp16"
    return "SQ8" if options.name == "sq8" else _ivfpq(options, rows, dim, metric)


def effort_to_build(options: Options) -> int | None:
    """Return the breadth of the search for links as a graph grows (efConstruction); None: as FAISS has it.

    Notes
    -----
    Malkov and Yashunin (arXiv:1603.09320). FAISS's own 40 costs recall among vectors that lie in clusters, which no
    effort of a search makes up for.
    """
    return options.whole("efConstruction", 100, at_most=10_000) if options.name == "hnsw" else None


def parameters_of(options: Options) -> tuple[str, ...]:
    """Return the search parameters that a preset has, whatever structure the number of rows led to."""
    is_ivfpq = options.name == "ivfpq" or (options.name == "faiss" and not options.arguments)
    return ("nprobe", "k_factor") if is_ivfpq else ()


def oversampling(factory: str) -> float:
    """Return how many times k rows of such an index are worth scoring exactly: no more where codes are half floats."""
    return 1 if factory.endswith(("Flat", "SQfp16", "Refine(SQfp16)", "Refine(Flat)")) else 2


def _ivfpq(options: Options, rows: int, dim: int, metric: Metric) -> str:
    """Return lists of 4-bit codes that are scanned in registers, the best of them refined by codes of 16 or 8 bits.

    Notes
    -----
    The codes are of what the centroid leaves over, for inner products: then they say more, at no cost but a sum for
    each list. For distances every list would need tables of its own.
    With 8 bits, for galleries whose half floats would take 2 GB, a few more than k rows are then scored exactly.
    Jegou et al. (https://doi.org/10.1109/TPAMI.2010.57); Andre et al. for the scan (arXiv:1812.09162).
    """
    lists = options.whole("lists", _lists_for(rows), at_most=1 << 20)
    parts = options.whole("subquantizers", dim // 2 if dim % 2 == 0 else dim)
    if dim % parts:
        msg = f"{options.name}: subquantizers must divide the {dim} dimensions, got {parts}"
        raise InputError(msg)
    if rows < _LISTS_FROM and "lists" not in options.given:
        return "SQfp16"
    quantizer = f"IVF{lists}_HNSW32" if lists >= _GRAPH_OVER_LISTS_FROM else f"IVF{lists}"
    refined = "SQfp16" if rows * dim < _COARSE_FROM else "SQ8"
    residual = "r" if metric is Metric.INNER_PRODUCT else ""
    return f"{quantizer},PQ{parts}x4fs{residual},Refine({refined})"


def _lists_for(rows: int) -> int:
    """Return the power of two that is nearest to sqrt(rows), and four times that for many rows."""
    root = math.sqrt(max(rows, 1))
    return 1 << max(4, round(math.log2(root if rows < _MANY_LISTS_FROM else 4 * root)))
