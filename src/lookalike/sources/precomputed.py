"""Items that come with their embeddings, which need no encoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lookalike.errors import SourceError
from lookalike.images.ref import ImageRef
from lookalike.sources.fetch import is_web_url
from lookalike.sources.files import read_file
from lookalike.sources.names import original
from lookalike.sources.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.arrays import Vectors


@dataclass(frozen=True, slots=True, eq=False)
class PrecomputedRef(ImageRef):
    """An item that its source lists together with its embedding."""

    embedding: Vectors | None = None
    """Shape (length,), float32, as it was found: of any length, with values that need not be finite; None: none."""
    dim: int = 0
    """The length that the embeddings of the source have."""
    picture: ImageRef | None = None
    """What the source knows of the picture itself."""


class VectorRows(Protocol):
    """Embeddings, one a row."""

    @property
    def dim(self) -> int:
        """The length of them all, or of most of the first few hundred."""
        ...

    @property
    def count(self) -> int:
        """The number of rows."""
        ...

    def __iter__(self) -> Iterator[Vectors | None]:
        """Yield the rows in order, each of shape (length,), float32; None where there is none.

        Raises
        ------
        SourceError : if they cannot be read.
        """
        ...


class NamedRows(Protocol):
    """What the rows are: an item each."""

    @property
    def uri(self) -> str:
        """What they are read from, for messages."""
        ...

    def refs(self) -> Iterator[ImageRef]:
        """Yield an item for each row, in order."""
        ...

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of an item's picture.

        Raises
        ------
        OSError : if there is none, or it cannot be read.
        """
        ...


class PrecomputedSource:
    """Rows of embeddings, and what each is the embedding of.

    Rows that name the same item are listed once, as the first says.

    Parameters
    ----------
    uri : what the user named.
    rows : what the embeddings are of.
    vectors : as many of them.
    owner : a name that stays the same as the rows change, by which items are known that came from here; None: what is
        not listed any more is not removed.
    """

    def __init__(self, uri: str, rows: NamedRows, vectors: VectorRows, *, owner: str | None) -> None:
        self.uri = uri
        self._rows = rows
        self._vectors = vectors
        self._prefix = "" if owner is None else f"given-{hashlib.blake2b(owner.encode(), digest_size=6).hexdigest()}:"
        self._listed: Seen | None = None

    @property
    def stamp_prefixes(self) -> Sequence[str]:
        """What the stamps of the items begin with that came from here, and are removed when they are gone."""
        return [self._prefix] if self._prefix else []

    def __iter__(self) -> Iterator[ImageRef]:
        """List the rows in order.

        Raises
        ------
        SourceError : if they cannot be read, there are none, or there are more names than embeddings or fewer.
        """
        if 0 in (self._vectors.count, self._vectors.dim):
            raise SourceError(self.uri, "it holds no embeddings")
        seen = Seen()
        for number, (ref, vector) in enumerate(zip_longest(self._rows.refs(), self._vectors, fillvalue=_NO_ROW)):
            if isinstance(ref, _NoRow) or isinstance(vector, _NoRow):
                has = f"only {number:,} rows" if isinstance(ref, _NoRow) else "more rows"
                reason = f"it holds {self._vectors.count:,} embeddings, and {self._rows.uri} has {has}; they must match"
                raise SourceError(self.uri, reason)
            if seen.add(ref.id):
                yield self._with(ref, vector)
        self._listed = seen

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item's picture if it is at hand; none is fetched from the web.

        Raises
        ------
        OSError : if it is not.
        """
        picture = ref.picture if isinstance(ref, PrecomputedRef) else None
        if picture is None or is_web_url(picture.uri):
            raise SourceError(ref.uri, "its picture is not at hand")
        return self._rows.read(picture)

    def covers(self, item_id: str) -> bool:
        """Say whether the item is among the rows; what was among them once, stamps tell."""
        if self._listed is None:
            for _ in self:
                pass
        return self._listed is not None and item_id in self._listed

    def _with(self, ref: ImageRef, vector: Vectors | None) -> PrecomputedRef:
        digest = "" if vector is None else hashlib.blake2b(vector.tobytes(), digest_size=8).hexdigest()
        return PrecomputedRef(
            ref.id,
            ref.uri,
            ref.attributes,
            f"{self._prefix}{digest}|{ref.stamp}",
            ref.size,
            embedding=vector,
            dim=self._vectors.dim,
            picture=ref,
        )


@dataclass(frozen=True, slots=True)
class BareRows:
    """Items of which no more is known than what they are."""

    uri: str
    items: Callable[[], Iterator[ImageRef]]

    def refs(self) -> Iterator[ImageRef]:
        """Yield an item for each row, in order."""
        return self.items()

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file that the item's URI names.

        Raises
        ------
        OSError : if it names none, or it cannot be read.
        """
        if not Path(original(ref.uri)).is_absolute():
            raise SourceError(ref.uri, "it names no picture")
        return read_file(ref)


class _NoRow:
    """Stands where one of two listings has ended."""


_NO_ROW = _NoRow()


def what_is_wrong(embedding: Vectors | None, dim: int) -> str | None:
    """Return why a gallery of that dimension cannot hold an embedding, as a clause; None if it can."""
    if embedding is None:
        return "it has no embedding"
    if embedding.shape != (dim,):
        return f"its embedding has {embedding.size} numbers, not {dim}"
    if not np.isfinite(embedding).all():
        return "its embedding holds values that are not finite (NaN or infinity)"
    return None if embedding.any() else "its embedding is all zeros"
