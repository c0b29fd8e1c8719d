"""Some of one's own images, drawn at random but the same ones each time."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError, SourceError
from lookalike.images.ref import ImageRef
from lookalike.search.uris import full_uri
from lookalike.sources.labelled import PARENT
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lookalike.arrays import Positions
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.sources.base import Source

LABEL = "label"
_SEED = 0
_RESERVE = 4
"""Times as many are drawn as are wanted: some may turn out not to be readable."""


@dataclass(frozen=True, slots=True)
class SampleImage:
    """One image of a sample."""

    path: str
    """Absolute: of a file."""
    label: str | None


class SampledSource:
    """Some of a source's items, drawn at random but the same ones each time.

    Parameters
    ----------
    source : is listed once, when the sample is first listed.
    count : at most so many.
    """

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._count = count
        self._chosen: list[ImageRef] | None = None

    @property
    def uri(self) -> str:
        """What the user named."""
        return self._source.uri

    @property
    def concurrency(self) -> int:
        """How many items are best read at once; 0: the source does not ask."""
        return getattr(self._source, "concurrency", 0)

    def __iter__(self) -> Iterator[ImageRef]:
        """List the items that were drawn; raises what the source does."""
        if self._chosen is None:
            self._chosen = _drawn(self._source, self._count)
        return iter(self._chosen)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item."""
        return self._source.read(ref)

    def covers(self, item_id: str) -> bool:  # noqa: ARG002  (the protocol's)
        """Say no: that an item is not in the sample does not mean that it is gone."""
        return False


def sample_of_source(source: Source, count: int, folder: Path) -> list[SampleImage]:
    """Draw images of a source.

    Parameters
    ----------
    source : its attribute ``label`` is the label.
    count : at most.
    folder : exists; pictures that are in no file of their own are written there.

    Raises
    ------
    SourceError : if it cannot be listed.
    InputError : if none of those drawn can be read.
    """
    numbers = itertools.count()

    def as_file(ref: ImageRef) -> str | None:
        path = Path(original(ref.uri))
        if path.is_absolute() and path.is_file():
            return str(path)
        try:
            data = source.read(ref)
        except OSError:
            return None
        copy = folder / f"{next(numbers):06}"
        copy.write_bytes(data)
        return str(copy)

    return _readable(_drawn(source, count * _RESERVE), count, as_file, source.uri)


def sample_of_gallery(store: LanceStore, count: int, *, label_from: str | None = None) -> list[SampleImage]:
    """Draw images of a gallery whose files are there.

    Parameters
    ----------
    store : the gallery.
    count : at most.
    label_from : ``parent`` or an attribute; by default the attribute ``label``, if there is one.

    Raises
    ------
    InputError : if there is no such attribute, or no file can be read.
    StoreError : if the gallery cannot be read.
    """
    column = label_column(store, label_from)

    def as_file(ref: ImageRef) -> str | None:
        path = Path(original(ref.uri))
        return str(path) if path.is_absolute() and path.is_file() else None

    refs = _items(store, column)
    return _readable(_drawn(refs, count * _RESERVE), count, as_file, f"the gallery {store.location.folder}")


def label_column(store: LanceStore, label_from: str | None) -> str | None:
    """Return the attribute of a gallery that holds the labels, or None if nobody named one and there is none.

    Parameters
    ----------
    store : the gallery.
    label_from : ``parent`` or an attribute; by default the attribute ``label``.

    Raises
    ------
    InputError : if there is no attribute of that name.
    """
    column = "folder" if label_from == PARENT else label_from or LABEL
    if column in store.attributes:
        return column
    if label_from is None:
        return None
    known = ", ".join(store.attributes)
    msg = f"the gallery has no attribute {label_from!r} to take labels from; it has: {known}"
    raise InputError(msg)


def _items(store: LanceStore, column: str | None) -> Iterator[ImageRef]:
    base = store.location.base
    for batch in store.scan(["id", "uri", *([column] if column else [])]):
        labels = batch[column].to_pylist() if column else [None] * len(batch)
        for item, uri, label in zip(batch["id"].to_pylist(), batch["uri"].to_pylist(), labels, strict=True):
            yield ImageRef(item, full_uri(uri, base), {LABEL: label})


def sampled(positions: Positions, count: int) -> Positions:
    """Draw some of the positions, the same ones each time; in order, and at most ``count`` of them."""
    if len(positions) <= count:
        return positions
    return np.sort(np.random.default_rng(_SEED).choice(positions, count, replace=False))


def _drawn(refs: Iterable[ImageRef], count: int) -> list[ImageRef]:
    """Return so many of them in a random order, of all of them with equal chances."""
    random = np.random.default_rng(_SEED)
    lots = ((random.random(), number, ref) for number, ref in enumerate(refs))
    return [ref for *_, ref in heapq.nsmallest(count, lots)]


def _readable(
    refs: list[ImageRef], count: int, as_file: Callable[[ImageRef], str | None], uri: str
) -> list[SampleImage]:
    found: list[SampleImage] = []
    for ref in refs:
        if len(found) == count:
            break
        path = as_file(ref)
        if path is not None:
            label = ref.attributes.get(LABEL)
            found.append(SampleImage(path, None if label is None else str(label)))
    if not found:
        if not refs:
            raise SourceError(uri, "it holds no images")
        msg = f"{uri}: none of its pictures can be read here; name a folder of images with --images"
        raise InputError(msg)
    return sorted(found, key=lambda image: image.path)
