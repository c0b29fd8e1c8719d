"""Index specs as text: ``[PROJECTION/]BACKEND[:ARGUMENT,OPTION=VALUE,...]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.indexes.base import SEPARATOR, IndexSpec
from lookalike.options import parse_choice

if TYPE_CHECKING:
    from lookalike.metric import Metric


def parse_index(text: str, *, metric: Metric, dim: int) -> IndexSpec:
    """Read a spec; whether the names in it exist is seen when the index is built.

    Parameters
    ----------
    text : such as ``exact``, ``lsh:bits=8,tables=10``, ``faiss:IVF256,PQ64x4fs,Refine(SQfp16)``, ``hnsw``, ``ivfpq``,
        ``sq8``, ``scann``, ``lance``, ``milvus``; a projection and a slash may come first, as in ``pca:128/lsh``.
    metric : how rows are compared.
    dim : of the embeddings.

    Raises
    ------
    InputError : if the text cannot be taken apart.

    Examples
    --------
    >>> from lookalike.metric import Metric
    >>> spec = parse_index("pca:128 / lsh:bits=8,tables=10", metric=Metric.COSINE, dim=1280)
    >>> spec.projection, spec.backend, spec.params["bits"], str(spec)
    ('pca:128', 'lsh', '8', 'pca:128/lsh:bits=8,tables=10')
    """
    first, separator, second = text.partition(SEPARATOR)
    if separator and (SEPARATOR in second or not first.strip() or not second.strip()):
        msg = f"{text!r} is no index; write BACKEND or PROJECTION{SEPARATOR}BACKEND, as in pca:128{SEPARATOR}lsh"
        raise InputError(msg)
    choice = parse_choice(second if separator else first)
    projection = str(parse_choice(first)) if separator else ""
    return IndexSpec(choice.name, metric, dim, choice.options, choice.arguments, projection)
