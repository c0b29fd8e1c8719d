"""Galleries and encoders for the ``datasets`` library.

An encoder becomes a function for ``Dataset.map`` (:func:`map_function`), a gallery becomes a ``Dataset``
(:func:`to_dataset`), and :func:`faiss_index` lets ``Dataset.get_nearest_examples`` find what the gallery finds.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.map_function import MapFunction, map_function
from lookalike.errors import InputError, SourceError, first_line
from lookalike.gallery.record import EMBEDDING, THUMBNAIL
from lookalike.metric import Metric
from lookalike.search.uris import full_uri
from lookalike.sources.dataset import HUB_PREFIX, datasets_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from lookalike.gallery.lance_store import LanceStore

    RowIds = npt.NDArray[np.uint64]

__all__ = ["MapFunction", "faiss_index", "map_function", "push_to_hub", "to_dataset"]

_ROWS = 4_096
"""Rows that are read from the gallery at a time."""
_IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def to_dataset(store: LanceStore, *, image_column: str | None = None) -> Any:
    """Return the gallery as a ``datasets.Dataset`` in memory, in the order of ids.

    Parameters
    ----------
    store : the gallery; its newest version is read.
    image_column : the name of a column of ``datasets.Image`` to add: the file by its path, for an item without a file
        the thumbnail that the gallery keeps, and None where there is neither (a name that is not UTF-8 is no path
        there). ``save_to_disk`` and ``push_to_hub`` store the files themselves.

    Returns
    -------
    Columns ``id``, ``uri``, the attributes, and ``embedding`` (float32, not normalised). Its ``info.description`` names
    the encoder: a line for people, and a line with its :class:`lookalike.EncoderSpec` as JSON.

    Raises
    ------
    BackendMissingError : if the ``datasets`` library is not installed.
    InputError : if an attribute has the name of the image column.
    StoreError : if the gallery cannot be read.
    """
    datasets = datasets_library()
    store.refresh()
    names = ["id", "uri", *store.attributes, EMBEDDING]
    if image_column in names:
        msg = f"the gallery has a column {image_column!r} already; choose another name for the images"
        raise InputError(msg)
    row_ids, fingerprint = _listed(store, image_column)
    table = pa.concat_tables(_parts(store, row_ids, names, image_column))
    features = datasets.Features.from_arrow_schema(table.schema)
    if image_column is not None:
        features[image_column] = datasets.Image()
    info = datasets.DatasetInfo(description=_description(store), features=features)
    return datasets.Dataset(table, info=info, fingerprint=fingerprint)


def push_to_hub(store: LanceStore, repo_id: str, *, image_column: str | None = None, **options: Any) -> Any:
    """Upload the gallery as a data set to the Hugging Face hub.

    Parameters
    ----------
    store : the gallery.
    repo_id : ``owner/name``.
    image_column : see :func:`to_dataset`; the files are uploaded.
    options : of ``Dataset.push_to_hub``, such as ``private`` or ``token``. The description of the commit is that of the
        data set, which names the encoder, unless another ``commit_description`` is given.

    Returns
    -------
    What ``Dataset.push_to_hub`` returns.

    Raises
    ------
    SourceError : if the hub cannot be reached or refuses; nothing is changed in the gallery.
    InputError, StoreError, BackendMissingError : see :func:`to_dataset`.
    """
    dataset = to_dataset(store, image_column=image_column)
    options = {"commit_description": dataset.info.description, **options}
    try:
        return dataset.push_to_hub(repo_id, **options)
    except TypeError:  # an option that there is not
        raise
    except Exception as error:  # of the HTTP library, which differs between versions
        target = f"{HUB_PREFIX}{repo_id}"
        reason = (
            f"cannot be uploaded ({first_line(error).rstrip('.')}); check the network, the name, and `hf auth login`"
        )
        raise SourceError(target, reason) from error


def faiss_index(dim: int, *, metric: Metric = Metric.COSINE) -> Any:
    """Return an empty FAISS index for ``Dataset.add_faiss_index(custom_index=...)``, which fills it.

    Parameters
    ----------
    dim : of the embeddings.
    metric : how embeddings are compared. For cosine the index itself scales rows and queries to unit length.

    Returns
    -------
    A :class:`lookalike.integrations.ordered_index.OrderedIndex`. Over the data set of :func:`to_dataset`,
    ``get_nearest_examples`` finds with it what a search of the gallery finds, up to the rounding of float32 scores. For
    l2 the scores are squared distances, smaller is more alike.
    """
    from lookalike.integrations.ordered_index import OrderedIndex

    return OrderedIndex(dim, metric)


def _listed(store: LanceStore, image_column: str | None) -> tuple[RowIds, str]:
    """Return the row ids in the order of the items' ids, and a fingerprint of what the rows hold."""
    known = pa.schema([("id", pa.string()), ("stamp", pa.string()), ("digest", pa.string()), ("_rowid", pa.uint64())])
    batches = [batch.select(known.names) for batch in store.scan(known.names[:-1])]
    table = pa.Table.from_batches(batches, known if not batches else None)
    table = table.take(pc.sort_indices(table["id"]))
    digest = hashlib.blake2b(
        json.dumps([str(store.location.base), dict(store.manifest.encoder), image_column]).encode(), digest_size=8
    )
    for name in known.names[:-1]:
        digest.update("\n".join(table[name].to_pylist()).encode())
    return table["_rowid"].to_numpy(), digest.hexdigest()


def _parts(store: LanceStore, row_ids: RowIds, names: list[str], image_column: str | None) -> Iterator[pa.Table]:
    """Yield the rows in the order of ``row_ids``; at least one table, so that there is a schema."""
    columns = names if image_column is None else [*names, THUMBNAIL]
    for start in range(0, max(len(row_ids), 1), _ROWS):
        wanted = row_ids[start : start + _ROWS]
        rows = store.take_in_order(wanted, columns)
        uris = [full_uri(uri, store.location.base) for uri in rows["uri"].to_pylist()]
        arrays = {name: rows[name] for name in names}
        arrays["uri"] = pa.array(uris, pa.string())
        if image_column is not None:
            arrays[image_column] = _images(uris, rows[THUMBNAIL])
        yield pa.table(arrays)


def _images(uris: list[str], thumbnails: pa.ChunkedArray) -> pa.Array:
    paths = pa.array([uri if Path(uri).is_absolute() else None for uri in uris], pa.string())
    previews = thumbnails.combine_chunks().cast(pa.binary())
    is_absent = pc.and_(pc.is_null(paths), pc.is_null(previews))
    return pa.StructArray.from_arrays([previews, paths], fields=list(_IMAGE_TYPE), mask=is_absent)


def _description(store: LanceStore) -> str:
    spec = EncoderSpec.from_dict(store.manifest.encoder)
    return f"Images embedded by {spec}.\n{json.dumps(spec.to_dict())}"
