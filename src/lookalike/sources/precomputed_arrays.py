"""Embeddings in memory."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError, first_line
from lookalike.images.ref import ImageRef
from lookalike.sources.fetch import is_web_url
from lookalike.sources.names import absolute, printable
from lookalike.sources.precomputed import BareRows, PrecomputedSource
from lookalike.sources.vector_rows import ArrayVectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lookalike.images.ref import Scalar

_URI = "these embeddings"


def array_embeddings(
    ids: Sequence[str],
    vectors: Any,
    *,
    attributes: Sequence[Mapping[str, Scalar]] | None = None,
    uris: Sequence[str] | None = None,
) -> PrecomputedSource:
    """Return embeddings in memory as a source; what is in the gallery beside them stays there.

    Parameters
    ----------
    ids : n different ids.
    vectors : shape (n, dim), of real numbers; not modified.
    attributes : n mappings.
    uris : n paths, which are made absolute, or URLs; by default the ids as they are.

    Raises
    ------
    InputError : if these do not fit together, or are of other types.
    """
    rows = _matrix(vectors)
    for what, values in (("ids", ids), ("attributes", attributes), ("uris", uris)):
        if values is not None and len(values) != rows.count:
            msg = f"there are {rows.count:,} vectors and {len(values):,} {what}; give one for each"
            raise InputError(msg)
    _check_ids(ids)
    return PrecomputedSource(_URI, BareRows(_URI, partial(_refs, ids, attributes, uris)), rows, owner=None)


def _matrix(vectors: Any) -> ArrayVectors:
    try:
        return ArrayVectors(np.asarray(vectors))
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        msg = f"vectors must be an array of shape (n, dim) of real numbers ({first_line(error).rstrip('.')})"
        raise InputError(msg) from error


def _check_ids(ids: Sequence[str]) -> None:
    wrong = next((item for item in ids if not isinstance(item, str) or not item), None)
    if wrong is not None:
        msg = f"ids must be texts that are not empty, and one is {wrong!r}; convert it with str()"
        raise InputError(msg)
    twice = [item for item, count in Counter(ids).most_common(1) if count > 1]
    if twice:
        msg = f"the id {twice[0]!r} is there more than once; give every item an id of its own"
        raise InputError(msg)


def _refs(
    ids: Sequence[str], attributes: Sequence[Mapping[str, Scalar]] | None, uris: Sequence[str] | None
) -> Iterator[ImageRef]:
    for row, item in enumerate(ids):
        uri = item if uris is None else _uri(uris[row])
        yield ImageRef(printable(item), uri, {} if attributes is None else dict(attributes[row]))


def _uri(text: str) -> str:
    if is_web_url(text) or "://" in text:
        return printable(text)
    return printable(absolute(os.fspath(Path(text).expanduser())))
