"""Random projections: distances are nearly kept, and nothing is learned from the data.

Johnson and Lindenstrauss: n points can be mapped into O(log n / eps^2) dimensions so that every squared distance
changes by a factor within 1 - eps and 1 + eps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError
from lookalike.projections.linear import LinearProjection

if TYPE_CHECKING:
    from lookalike.arrays import Vectors
    from lookalike.options import Options


def dimension_for(eps: float, rows: int) -> int:
    """Return how many dimensions keep all squared distances of ``rows`` points within 1 - eps and 1 + eps.

    Notes
    -----
    The bound ``4 ln n / (eps^2 / 2 - eps^3 / 3)`` of Dasgupta and Gupta (https://doi.org/10.1002/rsa.10073).

    Raises
    ------
    InputError : if ``eps`` is not between 0 and 1.

    Examples
    --------
    >>> dimension_for(0.5, 1_000_000)
    663
    """
    if not 0 < eps < 1:
        msg = f"eps must be between 0 and 1, got {eps:g}"
        raise InputError(msg)
    return math.ceil(4 * math.log(max(rows, 2)) / (eps**2 / 2 - eps**3 / 3))


def fit_gaussian(vectors: Vectors, options: Options, *, seed: int) -> LinearProjection:
    """Draw a matrix of independent normal numbers of variance 1 / dim.

    Parameters
    ----------
    vectors : shape (n, input dim); only its shape is used.
    options : ``DIM``, or ``eps=E`` for as many dimensions as :func:`dimension_for` wants.
    seed : the same seed draws the same matrix.

    Raises
    ------
    InputError : if the options are not those, or more dimensions would come out than go in.
    """
    dim = _dimension(vectors, options)
    drawn = np.random.default_rng(seed).standard_normal((dim, vectors.shape[1]), dtype=np.float32)
    return _unlearned(options.name, drawn, math.sqrt(dim))


def fit_sparse(vectors: Vectors, options: Options, *, seed: int) -> LinearProjection:
    """Draw a matrix most of whose entries are zero, the others plus or minus one, scaled.

    Parameters
    ----------
    vectors : shape (n, input dim); only its shape is used.
    options : as for :func:`fit_gaussian`, and ``density=D``, the share of entries that are not zero: 1 / sqrt(input
        dim) where it is not given, and 1/3 is that of Achlioptas.
    seed : the same seed draws the same matrix.

    Notes
    -----
    Achlioptas (https://doi.org/10.1016/S0022-0000(03)00025-4); Li, Hastie and Church
    (https://doi.org/10.1145/1150402.1150436). The matrix is kept dense, because a product of dense matrices is the
    faster one at the sizes of embeddings.

    Raises
    ------
    InputError : if the options are not those, or more dimensions would come out than go in.
    """
    input_dim = vectors.shape[1]
    density = options.number("density", 1 / math.sqrt(input_dim), above=0)
    if density > 1:
        msg = f"{options.name}: density must be at most 1, got {density:g}"
        raise InputError(msg)
    dim = _dimension(vectors, options)
    random = np.random.default_rng(seed)
    signs = np.where(random.random((dim, input_dim)) < 0.5, np.float32(-1), np.float32(1))
    signs[random.random((dim, input_dim)) >= density] = 0
    return _unlearned(options.name, signs, math.sqrt(density * dim))


def _dimension(vectors: Vectors, options: Options) -> int:
    rows, input_dim = vectors.shape
    eps = options.number("eps", 0.0, above=0)
    options.refuse_others()
    if eps and not options.arguments:
        dim = dimension_for(eps, rows)
        if dim > input_dim:
            msg = (
                f"{options.name}:eps={eps:g} needs {dim} dimensions for {rows} embeddings, and they have {input_dim}; "
                "allow a larger eps, or name the dimension"
            )
            raise InputError(msg)
        return dim
    dim, rest = asked_dimension(options, input_dim)
    if eps or rest:
        msg = f"{options.name} takes a dimension or an eps, as in {options.name}:128 or {options.name}:eps=0.2"
        raise InputError(msg)
    return dim


def asked_dimension(options: Options, input_dim: int) -> tuple[int, tuple[str, ...]]:
    """Return the dimension that stands first among the arguments, and the other arguments.

    Raises
    ------
    InputError : if there is none, or it is larger than that of the embeddings.
    """
    first, *rest = options.arguments or ("",)
    if not first.isdecimal() or int(first) < 1:
        msg = f"{options.name} wants a dimension, as in {options.name}:128, got {first or 'none'!r}"
        raise InputError(msg)
    if int(first) > input_dim:
        msg = f"{options.name}:{first} would widen embeddings of {input_dim} dimensions; choose at most {input_dim}"
        raise InputError(msg)
    return int(first), tuple(rest)


def _unlearned(name: str, drawn: Vectors, divisor: float) -> LinearProjection:
    matrix = np.asarray(drawn / divisor, dtype=np.float32)
    return LinearProjection(name, np.ascontiguousarray(matrix), np.zeros(matrix.shape[1], np.float32))
