"""A gallery: images that can be added and searched."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.encoder_choice import EncoderChoice, check_space, spec_of
from lookalike.api.hits import Hits
from lookalike.encoders.base import KeptEncoder
from lookalike.errors import SourceError, StoreCorruptError, StoreMissingError
from lookalike.gallery.location import Location, locate
from lookalike.images.decode import DEFAULT_LIMITS
from lookalike.images.digest import content_digest
from lookalike.images.reading import read_picture
from lookalike.metric import Metric
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Vectors
    from lookalike.building.build import BuildOptions
    from lookalike.building.report import BuildReport
    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.encoders.loading import Calibration
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.skipped_store import SkippedItem
    from lookalike.images.decode import Limits
    from lookalike.search.hit import Hit
    from lookalike.search.query import QueryResolver, ResolvedQuery
    from lookalike.search.searcher import Searcher, SearchOptions


class Gallery:
    """Images with their embeddings, in a folder on disk.

    Parameters
    ----------
    location : where it is; it need not exist before the first :meth:`add`.
    encoder : an encoder or the choice of one; the default is the gallery's own, and the embedded one if it is new.
    limits : larger images are refused.
    """

    def __init__(
        self, location: Location, encoder: Encoder | EncoderChoice | None = None, *, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.location = location
        self._choice = encoder if isinstance(encoder, EncoderChoice) else EncoderChoice()
        self._encoder: Encoder | None = None if isinstance(encoder, EncoderChoice) else encoder
        self._limits = limits
        self._lock = threading.Lock()
        self._opened: LanceStore | None = None
        self._searcher: Searcher | None = None

    @property
    def path(self) -> Path:
        """The folder of the gallery."""
        return self.location.folder

    @property
    def spec(self) -> EncoderSpec:
        """The encoder that the gallery was made by.

        Raises
        ------
        StoreMissingError : if there is no gallery yet.
        """
        return spec_of(self.store)

    @property
    def store(self) -> LanceStore:
        """The rows.

        Raises
        ------
        StoreError : if there is no gallery yet, or it cannot be read.
        """
        if self._opened is None:
            from lookalike.gallery.lance_store import LanceStore

            opened = LanceStore.open(self.location)
            self._check(spec_of(opened))
            self._opened = opened
        return self._opened

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for."""
        return self._loaded()

    @property
    def notice(self) -> str:
        """What a user should know of the encoder, once it is loaded: a sentence, or nothing."""
        return getattr(self._encoder, "notice", "")

    def __len__(self) -> int:
        return len(self.store) if self.location.exists() else 0

    def __repr__(self) -> str:
        return f"Gallery({str(self.path)!r}, {len(self)} items)"

    def add(self, source: Any, options: BuildOptions | None = None, *, label_from: str | None = None) -> BuildReport:
        """Bring the gallery up to date with a source.

        Parameters
        ----------
        source : a folder, an image file, a glob pattern, ``hf:NAME[:SPLIT]``, a data set saved on disk, a
            ``datasets.Dataset``, or a list of these. What is new is embedded, what has changed is embedded again, and
            what is gone from it is removed; the same source a second time costs almost nothing.
        options : limits, threads, and who is told of the progress.
        label_from : ``parent`` or the name of an attribute: its value also becomes the attribute ``label``.

        Returns
        -------
        Counts, and the items that could not be indexed with their reasons: these never stop a run.

        Raises
        ------
        SourceError : if the source does not exist, cannot be read or holds no images.
        SpaceMismatchError : if the gallery was made by another encoder.
        StoreError : if the gallery cannot be written.
        """
        from lookalike.building.build import BuildOptions, build
        from lookalike.building.sample import sample_images
        from lookalike.sources.labelled import LabelledSource
        from lookalike.sources.resolve import open_source

        opened = open_source(source, base=self.location.base)
        if label_from is not None:
            opened = LabelledSource(opened, label_from)
        if not self.location.exists():
            _check_not_empty(opened)
        store = self._store_for_writing(partial(sample_images, opened, self._limits))
        return build(store, opened, lambda: self.encoder, options or BuildOptions(limits=self._limits))

    def search(  # noqa: PLR0913  (one keyword for each choice that a caller has)
        self,
        query: Any,
        k: int = 10,
        *,
        where: str | None = None,
        min_score: float | None = None,
        metric: Metric | str = Metric.COSINE,
        include_self: bool = False,
    ) -> Hits:
        """Find the items that are most alike.

        Parameters
        ----------
        query : a path, ``id:ID`` or a text as ``str``; a ``Path``; the bytes of an image file; a PIL image; an array of
            pixels; or a vector of shape (dim,).
        k : at least 1; all items are returned where there are fewer.
        where : a condition over the attributes in SQL, such as ``folder = 'beach' and width > 1000``.
        min_score : hits below are left out.
        metric : ``cosine``, ``inner-product`` or ``l2``.
        include_self : keep the query itself among the hits if it is an item of the gallery.

        Returns
        -------
        At most k hits, best first, equal scores by id.

        Raises
        ------
        StoreError : if there is no gallery, or it cannot be read.
        SpaceMismatchError : if the gallery was made by another encoder.
        InputError : if the query or an option cannot be used.
        """
        from lookalike.search.searcher import SearchOptions

        options = SearchOptions(as_metric(metric), where, min_score)
        return self.search_batch([query], k, options, include_self=include_self)[0]

    def search_batch(
        self, queries: Sequence[Any], k: int = 10, options: SearchOptions | None = None, *, include_self: bool = False
    ) -> list[Hits]:
        """Find the items that are most alike to each of several queries; see :meth:`search`.

        Parameters
        ----------
        queries : what :meth:`search` takes, any number of them.
        k : at least 1.
        options : what narrows the search.
        include_self : keep each query itself among its hits if it is an item of the gallery.
        """
        from lookalike.search.searcher import SearchOptions

        started = time.perf_counter()
        self.store.refresh()
        resolver = self._resolver()
        resolved = [resolver.resolve(query) for query in queries]
        if not resolved:
            return []
        vectors = np.concatenate([query.vector for query in resolved])
        exclude = [None if include_self else query.item_id for query in resolved]
        version = self.store.version
        try:
            found = self._search().search(vectors, k, options or SearchOptions(), exclude=exclude)
        except StoreCorruptError:
            self.store.refresh()
            if self.store.version == version:
                raise
            # a writer has tidied up the version that was being read
            found = self._search().search(vectors, k, options or SearchOptions(), exclude=exclude)
        seconds = (time.perf_counter() - started) / len(resolved)
        return [self._hits(query, hits, seconds) for query, hits in zip(resolved, found, strict=True)]

    def read(self, hit: Hit) -> bytes:
        """Return the encoded image of a hit: its file, or the thumbnail kept for an item that has none.

        Raises
        ------
        SourceError : if neither can be read, or the file is another than was indexed: a gallery may come from somebody
            else, and must not name files of yours as its own.
        ImageDecodeError : if the file is above the limit.
        """
        path = Path(original(hit.uri))
        if path.is_absolute():
            data = read_picture(path, self._limits)
            if content_digest(data) != hit.digest:
                raise SourceError(hit.uri, "the file has changed since it was indexed; index it again")
            return data
        self.store.refresh()
        kept = self.store.find(hit.id, ["thumbnail"])["thumbnail"].to_pylist()
        if kept and kept[0] is not None:
            return bytes(kept[0])
        raise SourceError(hit.uri, "the gallery keeps no picture of this item")

    def embed(self, query: Any) -> Vectors:
        """Return the embedding of a query, just as :meth:`search` compares it; shape (dim,), float32, not normalised.

        Raises
        ------
        LookalikeError : as :meth:`search` does.
        """
        vector: Vectors = self._resolver().resolve(query).vector[0]
        return vector

    def to_dataset(self, *, image_column: str | None = None) -> Any:
        """Return the gallery as a ``datasets.Dataset``; see :func:`lookalike.integrations.datasets.to_dataset`."""
        from lookalike.integrations.datasets import to_dataset

        return to_dataset(self.store, image_column=image_column)

    def push_to_hub(self, repo_id: str, *, image_column: str | None = None, **options: Any) -> Any:
        """Upload the gallery as a data set; see :func:`lookalike.integrations.datasets.push_to_hub`."""
        from lookalike.integrations.datasets import push_to_hub

        return push_to_hub(self.store, repo_id, image_column=image_column, **options)

    def faiss_index(self, *, metric: Metric | str = Metric.COSINE) -> Any:
        """Return an empty index for :meth:`to_dataset`; see :func:`lookalike.integrations.datasets.faiss_index`."""
        from lookalike.integrations.datasets import faiss_index

        return faiss_index(self.store.manifest.dim, metric=as_metric(metric))

    def failures(self) -> list[SkippedItem]:
        """Return the items that could not be indexed, with their reasons, by id.

        Raises
        ------
        StoreError : if there is no gallery, or it cannot be read.
        """
        from lookalike.gallery.skipped_store import SkippedStore
        from lookalike.search.uris import full_uri

        if not self.location.exists():
            raise StoreMissingError(str(self.path))
        items = SkippedStore(self.location).items()
        return [replace(item, uri=full_uri(item.uri, self.location.base)) for item in items]

    def _hits(self, query: ResolvedQuery, hits: list[Hit], seconds: float) -> Hits:
        exact = self._search().is_exact
        return Hits(query.name, tuple(hits), exact, seconds, query.picture, self.read, self._limits)

    def _resolver(self) -> QueryResolver:
        from lookalike.search.query import QueryResolver

        return QueryResolver(self.store, lambda: self.encoder, self._limits)

    def _search(self) -> Searcher:
        if self._searcher is None:
            from lookalike.search.searcher import Searcher

            self._searcher = Searcher(self.store)
        return self._searcher

    def _check(self, spec: EncoderSpec) -> None:
        self._choice.check(spec)
        if self._encoder is not None:
            check_space(spec, self._encoder.spec)

    def _loaded(self, calibration: Calibration | None = None) -> Encoder:
        with self._lock:
            if self._encoder is None:
                spec = self.spec if self.location.exists() else None
                self._encoder = self._choice.load(spec, kept=self.location.encoders, calibration=calibration)
            return self._encoder

    def _store_for_writing(self, calibration: Calibration) -> LanceStore:
        from lookalike.gallery.lance_errors import store_errors
        from lookalike.gallery.lance_store import LanceStore
        from lookalike.gallery.lock import writer_lock
        from lookalike.gallery.manifest import Manifest

        try:
            return self.store
        except StoreMissingError:
            encoder = self._loaded(calibration)
        with writer_lock(self.location, on_wait=lambda _: None):
            try:  # another run may have made it meanwhile
                return self.store
            except StoreMissingError:
                if isinstance(encoder, KeptEncoder):
                    with store_errors(self.location):
                        encoder.keep_in(self.location.encoders)
                spec = encoder.spec
                LanceStore.create(self.location, Manifest(encoder=spec.to_dict(), dim=spec.dim))
        return self.store


def as_metric(name: Metric | str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    UnknownNameError : if there is none.
    """
    from lookalike.errors import UnknownNameError

    try:
        return Metric(name)
    except ValueError:
        raise UnknownNameError("metric", str(name), [metric.value for metric in Metric]) from None  # noqa: EM101


def open_gallery(path: str | Path | None = None, *, encoder: Encoder | str | None = None) -> Gallery:
    """Open a gallery, or name one that the first :meth:`Gallery.add` will make.

    Parameters
    ----------
    path : the gallery's folder or the folder that holds it; by default the ``.lookalike`` folder of the working
        directory or of the nearest parent that has one.
    encoder : an encoder, or a name that :func:`lookalike.load_encoder` takes; by default the gallery's own, and the
        embedded encoder for a new gallery.
    """
    chosen = EncoderChoice(encoder) if isinstance(encoder, str) else encoder
    return Gallery(locate(path), chosen)


def _check_not_empty(source: Any) -> None:
    """Raise the source's own error before a gallery is made for it, if it cannot be listed or is empty."""
    next(iter(source), None)
