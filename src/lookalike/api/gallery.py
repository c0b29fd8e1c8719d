"""A gallery: images that can be added and searched."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lookalike.api.encoder_choice import EncoderChoice, check_space, spec_of
from lookalike.api.gallery_tools import GalleryTools
from lookalike.api.searchable import Searchable
from lookalike.encoders.precomputed import NAME as PRECOMPUTED
from lookalike.gallery.location import Location, locate
from lookalike.images.decode import DEFAULT_LIMITS
from lookalike.search.item_picture import read_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.api.hits import Hits
    from lookalike.arrays import Vectors
    from lookalike.building.build import BuildOptions
    from lookalike.building.report import BuildReport, Failure
    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.encoders.loading import Calibration
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Limits
    from lookalike.images.ref import Scalar
    from lookalike.search.hit import Hit
    from lookalike.search.options import SearchOptions
    from lookalike.search.query import QueryResolver, ResolvedQuery
    from lookalike.search.searcher import Searcher


class Gallery(Searchable, GalleryTools):
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
    def choice(self) -> EncoderChoice:
        """The encoder that was asked for; nothing if it was passed ready-made."""
        return self._choice

    @property
    def limits(self) -> Limits:
        """Larger images are refused."""
        return self._limits

    @property
    def has_chosen_encoder(self) -> bool:
        """Whether the caller named an encoder, or passed one."""
        return self._encoder is not None or self._choice.name not in (None, PRECOMPUTED)

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for."""
        return self.load_encoder()

    def load_encoder(self, calibration: Calibration | None = None) -> Encoder:
        """Return the encoder, loaded if it is not yet.

        Parameters
        ----------
        calibration : images of a new gallery, for a precision that has to be calibrated.
        """
        with self._lock:
            if self._encoder is not None and self._opened is not None:
                return self._encoder  # asked for with each image
            spec = self.spec if self.location.exists() else None  # looks at the encoder, if there is need
            if self._encoder is None:
                self._encoder = self._choice.load(spec, kept=self.location.encoders, calibration=calibration)
            return self._encoder

    @property
    def notice(self) -> str:
        """What a user should know of the encoder, once it is loaded: a sentence, or nothing."""
        return getattr(self._encoder, "notice", "")

    def __len__(self) -> int:
        return len(self.store) if self.location.exists() else 0

    def __repr__(self) -> str:
        return f"Gallery({str(self.path)!r}, {len(self)} items)"

    def add(
        self,
        source: Any,
        options: BuildOptions | None = None,
        *,
        label_from: str | None = None,
        embedding_column: str | None = None,
        tiles: bool | None = None,
    ) -> BuildReport:
        """Bring the gallery up to date with a source.

        Parameters
        ----------
        source : a folder, an image file, a glob pattern; a table (``x.parquet``, ``.csv``, ``.tsv``, ``.json``,
            ``.jsonl``, with ``#COLUMN`` to choose its column of images); tar archives of samples (``x.tar``,
            ``x-{000..009}.tar``); a list of paths and URLs (``x.txt``, or ``-`` for standard input); an ``http(s)://``
            URL of a picture; a URL that ``fsspec`` reaches, such as ``s3://bucket/photos``; ``hf:NAME[:SPLIT]`` or a
            data set saved on disk; all these as ``str``, files and folders as ``Path`` too. Or a ``datasets.Dataset``
            or ``DatasetDict``, an object with ``uri``, ``__iter__``, ``read`` and ``covers`` (see
            :class:`lookalike.sources.base.Source`), or a list of any of these. What is new is embedded, what has
            changed is embedded again, and what is gone from it is removed; the same source a second time costs almost
            nothing. What is no longer in a list of paths stays, as its folder may have brought it: see :meth:`remove`.
        options : limits, threads, and who is told of the progress.
        label_from : ``parent`` or the name of an attribute: its value also becomes the attribute ``label``. It is
            remembered for this source; ``none`` ends that.
        embedding_column : of Parquet tables that hold embeddings already, which are taken instead of made. A new
            gallery of them is asked with ids and vectors; one that is opened with their encoder, with pictures too.
        tiles : whether parts of pictures are found too, from now on, for which thirteen tiles of each are embedded and
            kept as well; None leaves it as it is.

        Returns
        -------
        Counts, and the items that could not be indexed with their reasons: these never stop a run.

        Raises
        ------
        SourceError : if the source does not exist, cannot be read or holds no images.
        SpaceMismatchError : if the gallery was made by another encoder.
        InputError : if embeddings were not made by the gallery's encoder.
        StoreError : if the gallery cannot be written.
        """
        from lookalike.api.adding import add_source, open_for
        from lookalike.building.build import BuildOptions

        opened = open_for(self, source, embedding_column=embedding_column)
        options = options or BuildOptions(limits=self._limits)
        if tiles is not None:
            options = replace(options, tiles=tiles)
        return add_source(self, opened, options, label_from=label_from)

    def add_embeddings(
        self,
        ids: Sequence[str],
        vectors: Any,
        *,
        attributes: Sequence[Mapping[str, Scalar]] | None = None,
        uris: Sequence[str] | None = None,
    ) -> BuildReport:
        """Add embeddings that were made elsewhere, or replace those of the same ids; others stay.

        A new gallery of them has no encoder, unless it was opened with the one that made them.

        Parameters
        ----------
        ids : n different ids.
        vectors : shape (n, dim), of real numbers. One that is not finite, or all zeros, is listed as failed.
        attributes : n mappings.
        uris : n paths or URLs of the pictures; by default the ids. Pictures that are there are shown with hits.

        Raises
        ------
        InputError : if these do not fit together, or the vectors were not made by the gallery's encoder.
        StoreError : if the gallery cannot be written.
        """
        from lookalike.api.adding import add_source
        from lookalike.building.build import BuildOptions
        from lookalike.sources.precomputed_arrays import array_embeddings

        source = array_embeddings(ids, vectors, attributes=attributes, uris=uris)
        return add_source(self, source, BuildOptions(limits=self._limits), label_from=None)

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
        from lookalike.api.answering import answer_all
        from lookalike.search.options import SearchOptions

        return answer_all(self, queries, k=k, options=options or SearchOptions(), include_self=include_self)

    def search_resolved(
        self, queries: Sequence[ResolvedQuery], k: int, options: SearchOptions | None, *, include_self: bool
    ) -> list[Hits]:
        """Do what :meth:`search_batch` does with queries that are embedded already; the time is that of the search."""
        from lookalike.api.answering import answer_resolved
        from lookalike.search.options import SearchOptions

        return answer_resolved(self, queries, k=k, options=options or SearchOptions(), include_self=include_self)

    def search_each(  # noqa: PLR0913  (as search_batch, and who is told of what cannot be read)
        self,
        source: Any,
        k: int = 10,
        options: SearchOptions | None = None,
        *,
        crop: Any = None,
        include_self: bool = False,
        on_failure: Callable[[Failure], None] = lambda _: None,
    ) -> Iterator[Hits]:
        """Find the items that are most alike to each picture of a folder, a data set or another source, one by one.

        Parameters
        ----------
        source : what :meth:`add` takes.
        k, options, include_self : see :meth:`search_batch`.
        crop : only this part of each picture; see :class:`lookalike.Term`.
        on_failure : told of each picture that cannot be read, for which there is no answer.
        """
        from lookalike.api.batches import Batch
        from lookalike.images.region import Region

        region = None if crop is None else Region.of(crop)
        return Batch(self, k, options, region, include_self, on_failure).to_each(source)

    def read(self, hit: Hit) -> bytes:
        """Return the encoded image of a hit: its file, or the thumbnail kept for an item that has none.

        Raises
        ------
        SourceError : if neither can be read, or the file is another than was indexed: a gallery may come from somebody
            else, and must not name files of yours as its own.
        ImageDecodeError : if the file is above the limit.
        """
        return read_kept(hit.uri, hit.digest, lambda: self._thumbnail(hit.id), self._limits)

    def _thumbnail(self, item: str) -> bytes | None:
        self.store.refresh()
        kept = self.store.find(item, ["thumbnail"])["thumbnail"].to_pylist()
        return kept[0] if kept else None

    def embed(self, query: Any) -> Vectors:
        """Return the embedding of a query, just as :meth:`search` compares it; shape (dim,), float32, not normalised.

        Raises
        ------
        LookalikeError : as :meth:`search` does.
        """
        vector: Vectors = self.resolver().resolve(query).vector[0]
        return vector

    def resolver(self) -> QueryResolver:
        """Return what embeds queries."""
        from lookalike.search.query import QueryResolver

        return QueryResolver(self.store, lambda: self.encoder, self._limits)

    @property
    def searcher(self) -> Searcher:
        """What answers embedded queries."""
        if self._searcher is None:
            from lookalike.search.searcher import Searcher
            from lookalike.search.tiles import TileFinder

            self._searcher = Searcher(self.store, TileFinder(self.location, Searcher))
        return self._searcher

    def _check(self, spec: EncoderSpec) -> None:
        self._choice.check(spec)
        if self._encoder is None and self._choice.may_have_moved(spec):
            self._encoder = self._choice.load(spec, kept=self.location.encoders)
        if self._encoder is not None:
            check_space(spec, self._encoder.spec)


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
