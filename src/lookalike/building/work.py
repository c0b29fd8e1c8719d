"""What is to be done about each item that a source lists, and the part of it that runs in worker threads."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import PIL

from lookalike.encoders.staging import decode_for, prepare
from lookalike.errors import ImageDecodeError, SourceError
from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING, SEEN, THUMBNAIL, Record
from lookalike.images.decode import decode
from lookalike.images.digest import content_digest
from lookalike.images.transforms import encode_jpeg, thumbnail
from lookalike.search.uris import stored_uri
from lookalike.sources.names import original
from lookalike.sources.precomputed import PrecomputedRef, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.building.inventory import Inventory
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Decoded, Limits
    from lookalike.images.ref import ImageRef, Scalar
    from lookalike.sources.base import Source

KEPT = "; its earlier version stays in the gallery"
"""Added to the reason for an item that was indexed before."""

_THUMBNAIL_SIDE = 256


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image that is ready to be embedded."""

    record: Record
    is_new: bool
    image: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """An item whose embedding the gallery holds already, under this id or another."""

    record: Record
    is_new: bool
    embedding: Vectors
    """Shape (dim,); read together with the digest, for the row may be overwritten at any moment."""
    is_redated: bool = False
    """Whether it is as the gallery holds it but for its stamp, such as a file that was copied over itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """An item that came with its embedding."""

    record: Record
    is_new: bool
    embedding: Vectors
    """Shape (dim,)."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An item that cannot be indexed."""

    ref: ImageRef
    reason: str
    stamp: str
    """Empty if it may be readable next time though it looks the same."""


@dataclass(frozen=True, slots=True)
class Same:
    """An item that turned out to be as the gallery holds it, once it was read."""

    ref: ImageRef


Outcome: TypeAlias = Prepared | Known | Given | Same | Unusable


@dataclass(frozen=True, slots=True)
class Worker:
    """Reads, recognises, decodes and preprocesses one item; safe to call from several threads."""

    source: Source
    store: LanceStore
    inventory: Inventory
    encoder: Callable[[], Encoder]
    """Called only when an image has to be decoded."""
    limits: Limits

    def read(self, ref: ImageRef) -> bytes:
        """Return the encoded image, unless it is too large.

        Raises
        ------
        ImageDecodeError : if it is.
        OSError : if it cannot be read.
        """
        if ref.size is not None:
            self.limits.check_bytes(ref.size)  # before reading it
        return self.source.read(ref)

    def __call__(self, ref: ImageRef, row_id: int | None, read: Callable[[], bytes] | None = None) -> Outcome:
        """Return what is to be written for an item.

        Parameters
        ----------
        ref : the item, as its source lists it.
        row_id : its row, if the gallery holds it in an older form.
        read : returns what :meth:`read` has returned in another thread, or raises what it has raised.
        """
        read = read or partial(self.read, ref)
        if isinstance(ref, PrecomputedRef):
            return self._given(ref, row_id, read)
        kept = "" if row_id is None else KEPT
        try:
            data = read()
            digest = content_digest(data)
            if row_id is not None and self._is_same(ref, row_id, digest):
                return Same(ref)
            return self._recognised(ref, data, digest, row_id) or self._prepared(ref, data, digest, row_id)
        except ImageDecodeError as error:
            return Unusable(ref, f"{error.reason}{kept}", skip_stamp(ref, self.limits))
        except SourceError as error:
            return Unusable(ref, f"{error.reason}{kept}", "")
        except OSError as error:
            return Unusable(ref, f"{error.strerror or error}{kept}", "")

    def _is_same(self, ref: ImageRef, row_id: int, digest: str) -> bool:
        return row_id in self.inventory.rows_with_digest(digest) and self.inventory.has_stamp(ref.id, item_stamp(ref))

    def _recognised(self, ref: ImageRef, data: bytes, digest: str, row_id: int | None) -> Known | None:
        """Return the item with the embedding of another that has the same bytes, if the gallery holds one."""
        rows = self.inventory.rows_with_digest(digest)
        if len(rows) == 0:
            return None
        row = rows[:1] if row_id is None or row_id not in rows else np.array([row_id], np.uint64)
        found = self.store.take(row, ["stamp", "digest", EMBEDDING, THUMBNAIL, *SEEN])
        if found["digest"].to_pylist() != [digest]:
            return None
        held = found.drop_columns([EMBEDDING]).to_pylist()[0]
        preview = None
        if _needs_thumbnail(ref):
            preview = held[THUMBNAIL] or _thumbnail(decode(data, min_side=_THUMBNAIL_SIDE, limits=self.limits))
        record = self._record(ref, data, digest, preview)
        seen = {name: held[name] for name in SEEN}
        is_redated = row[0] == row_id and _of_attributes(held["stamp"]) == _of_attributes(record.stamp)
        return Known(_with(record, seen), row_id is None, embedding_matrix(found[EMBEDDING])[0], is_redated)

    def _prepared(self, ref: ImageRef, data: bytes, digest: str, row_id: int | None) -> Prepared:
        encoder = self.encoder()
        decoded = decode_for(encoder, data, self.limits)
        record = self._record(ref, data, digest, _thumbnail(decoded) if _needs_thumbnail(ref) else None)
        seen = {"width": decoded.width, "height": decoded.height, "taken": decoded.taken}
        return Prepared(_with(record, seen), row_id is None, prepare(encoder, decoded.pixels))

    def _given(self, ref: PrecomputedRef, row_id: int | None, read: Callable[[], bytes]) -> Given | Unusable:
        """Return an item with its own embedding, and what its picture tells if that is at hand: it need not be."""
        embedding = ref.embedding
        reason = what_is_wrong(embedding, self.store.manifest.dim)
        if embedding is None or reason:
            return Unusable(ref, reason or "", skip_stamp(ref, self.limits))
        data, preview = b"", None
        with contextlib.suppress(OSError, ImageDecodeError):
            data = read()
            if _needs_thumbnail(ref):
                preview = _thumbnail(decode(data, min_side=_THUMBNAIL_SIDE, limits=self.limits))
        record = self._record(ref, data, content_digest(data or embedding.tobytes()), preview)
        return Given(record, row_id is None, embedding)

    def _record(self, ref: ImageRef, data: bytes, digest: str, preview: bytes | None) -> Record:
        return Record(
            id=ref.id,
            uri=stored_uri(ref.uri, self.store.location.base),
            digest=digest,
            stamp=item_stamp(ref),
            size=len(data),
            attributes=ref.attributes,
            thumbnail=preview,
        )


def item_stamp(ref: ImageRef) -> str:
    """Return what changes when the item's attributes change, and its bytes as far as the source can tell."""
    attributes = json.dumps(sorted(ref.attributes.items()), default=str, ensure_ascii=True)
    return f"{ref.stamp}#{hashlib.blake2b(attributes.encode(), digest_size=6).hexdigest()}"


def _of_attributes(stamp: str) -> str:
    """Return the part of an item's stamp that changes with its attributes."""
    return stamp.rpartition("#")[2]


def skip_stamp(ref: ImageRef, limits: Limits) -> str:
    """Return what changes when an unusable item may have become usable: it, the limits, or the decoders at hand."""
    if not ref.stamp:
        return ""
    can_heif = importlib.util.find_spec("pillow_heif") is not None
    return f"{ref.stamp}|{limits.max_pixels}|{limits.max_bytes}|{can_heif}|{PIL.__version__}"


def _with(record: Record, seen: Mapping[str, Scalar]) -> Record:
    return replace(record, attributes={**record.attributes, **seen})


def _needs_thumbnail(ref: ImageRef) -> bool:
    # a file can be read again for a picture of the hit; a row of a data set cannot, without its source
    return not Path(original(ref.uri)).is_absolute()


def _thumbnail(decoded: Decoded) -> bytes:
    return encode_jpeg(thumbnail(decoded.pixels, _THUMBNAIL_SIDE))
