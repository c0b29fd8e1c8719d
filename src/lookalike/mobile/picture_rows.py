"""A gallery's pictures, embedded again just as a phone would: what a phone asks with is compared with these.

An ordinary embedding will not do. The client resizes pictures in its own way, and the same photo resized well has a
cosine of about .96 to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lookalike.building.ahead import ahead
from lookalike.building.report import Failure
from lookalike.errors import ImageDecodeError, InputError, LookalikeError
from lookalike.images.decode import decode
from lookalike.mobile.row_cache import RowCache
from lookalike.search.filters import rows_where
from lookalike.search.items import as_hits, item_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.building.report import Progress
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Limits, Pixels
    from lookalike.mobile.phone_model import PhoneModel
    from lookalike.search.hit import Hit

_ROWS = 1_024


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where the pictures of a gallery are."""

    store: LanceStore
    read: Callable[[Hit], bytes]
    """Returns the file of an item, or else the thumbnail that the gallery keeps."""
    limits: Limits
    where: str | None = None
    """A condition that leaves only some of the items."""

    def items(self, progress: Progress) -> Iterator[Hit]:
        """Yield the items, as hits that nobody asked for; ``progress`` is told their number."""
        store = self.store
        row_ids = store.row_ids() if self.where is None else rows_where(store, self.where)
        progress.expect(len(row_ids))
        for start in range(0, len(row_ids), _ROWS):
            yield from as_hits(store.take_in_order(row_ids[start : start + _ROWS], item_columns(store)), store)


@dataclass(frozen=True, slots=True, eq=False)
class PictureRows:
    """The embedded pictures of a gallery."""

    metadata: list[bytes]
    """What a phone is told of each: JSON with ``id``, ``label`` and ``attributes``."""
    vectors: Vectors
    """Shape (n, dim), of unit length; mapped."""
    failed: list[Failure]


def embed_pictures(pictures: Pictures, model: PhoneModel, progress: Progress) -> PictureRows:
    """Embed all pictures that were not embedded by this model before.

    Parameters
    ----------
    pictures : of the gallery. Those that cannot be read are left out and listed.
    model : the model that the phone will have.
    progress : told how it goes on.

    Raises
    ------
    InputError : if another process does the same at the moment, the vectors cannot be kept, or no picture can be read.
    """
    folder = pictures.store.location.indexes / f"phone-{model.digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            return _embedded(pictures, model, progress, folder)
    except Timeout as error:
        msg = "another process exports this gallery with the same model; wait for it to end, then run this again"
        raise InputError(msg) from error
    except OSError as error:
        if isinstance(error, LookalikeError):
            raise
        msg = f"the embeddings for the phone cannot be kept in {folder} ({error.strerror}); make room, or allow writing"
        raise InputError(msg) from error


def _embedded(pictures: Pictures, model: PhoneModel, progress: Progress, folder: Path) -> PictureRows:
    cache = RowCache(folder, model.dim)
    digests: list[str] = []
    metadata: list[bytes] = []
    failed: list[Failure] = []

    def prepare(item: Hit) -> Pixels | Failure | None:
        if item.digest in cache:
            return None
        try:
            return model.resize(decode(pictures.read(item), limits=pictures.limits).pixels)
        except (OSError, ImageDecodeError) as error:
            return Failure(item.uri, getattr(error, "reason", str(error)))

    with cache.growing() as add:
        for item, made in ahead(prepare, pictures.items(progress)):
            progress.advance(1, isinstance(made, Failure))
            if isinstance(made, Failure):
                failed.append(made)
                continue
            if made is not None:
                add(item.digest, model.embed_row(made))
            digests.append(item.digest)
            metadata.append(_metadata(item))
    if not digests:
        what = "none of its pictures can be read" if failed else "it holds no such images"
        msg = f"the gallery {pictures.store.location.folder} cannot be exported: {what}; index some that are there"
        raise InputError(msg)
    return PictureRows(metadata, cache.arranged(digests), failed)


def _metadata(item: Hit) -> bytes:
    attributes = item.to_dict()["attributes"]
    about = {"id": item.id, "label": attributes.get("label"), "attributes": attributes}
    return json.dumps(about, ensure_ascii=False).encode()
