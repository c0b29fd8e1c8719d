"""What can be done with a gallery besides adding and searching."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from lookalike.metric import Metric, as_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lookalike.api.difference import Difference
    from lookalike.api.duplicates import Duplicates
    from lookalike.api.evaluation import Evaluation
    from lookalike.api.explanation import Explanation
    from lookalike.api.gallery import Gallery
    from lookalike.api.map import MapOptions, MapReport
    from lookalike.building.optimizing import Optimized
    from lookalike.building.report import Progress, Removal
    from lookalike.curation.moves import Moved
    from lookalike.encoders.base import Encoder
    from lookalike.evaluation.ann import Measured
    from lookalike.exports.space import SpaceOptions, SpaceReport
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import Location
    from lookalike.gallery.skipped_store import SkippedItem
    from lookalike.images.decode import Limits
    from lookalike.indexes.tuning import Goal, Tuned
    from lookalike.mobile.onnx_export import OnnxReport
    from lookalike.mobile.searcher_options import SearcherOptions, SearcherReport
    from lookalike.search.hit import Hit


class GalleryTools(ABC):
    """The part of :class:`lookalike.api.gallery.Gallery` that neither adds nor searches."""

    location: Location
    _limits: Limits

    @property
    @abstractmethod
    def store(self) -> LanceStore:
        """The rows."""

    @property
    @abstractmethod
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for."""

    @abstractmethod
    def read(self, hit: Hit) -> bytes:
        """Return the encoded image of a hit."""

    def explain(self, query: Any, hit: Hit | str) -> Explanation:
        """Show which parts of a query and of a hit make the encoder find them alike.

        Parameters
        ----------
        query : a picture, or a region of one, as :meth:`lookalike.api.gallery.Gallery.search` takes it, or ``id:ID``.
        hit : of a search, of whose picture the part that was found is looked at; or the id of an item.

        Returns
        -------
        A heat map of each picture. Where embeddings are means of features, the values of a map add up to the score; see
        :class:`lookalike.search.explain.Likeness`.

        Raises
        ------
        InputError : if the query is no single picture, there is no such item, or the encoder does not show what it sees
            where.
        SourceError : if a picture cannot be read any more.
        """
        from lookalike.api.explanation import Explainer

        return Explainer(self.store, lambda: self.encoder, self.read, self._limits).explain(query, hit)

    def map(self, path: str | Path, options: MapOptions | None = None) -> MapReport:
        """Write a page with a map of the images, like ones beside each other, that needs no other file and no network.

        Parameters
        ----------
        path : of the ``.html`` file.
        options : what groups the images, and how many are shown at most.

        Raises
        ------
        InputError : if there are no images, no such attribute, or the file cannot be written.
        BackendMissingError : if scikit-learn is not installed.
        """
        from lookalike.api.map import MapOptions, save_map

        return save_map(self, path, options or MapOptions())

    def export_space(self, folder: str | Path, options: SpaceOptions | None = None) -> SpaceReport:
        """Write a folder that becomes a Hugging Face Space when it is uploaded: a page to search the gallery with.

        Parameters
        ----------
        folder : new or empty; gets the gallery, and those of its pictures that lie below the folder that holds it.
        options : the title, and whether the gallery is copied at all.

        Raises
        ------
        InputError : if the folder has other files in it, or cannot be written.
        StoreError : if there is no gallery, or it cannot be read.
        """
        from lookalike import __version__
        from lookalike.exports.space import SpaceOptions, write_space

        return write_space(self.store, folder, options or SpaceOptions(), version=__version__)

    def remove(
        self,
        ids: str | Path | Sequence[str | Path] | None = None,
        *,
        where: str | None = None,
        missing: bool = False,
        dry_run: bool = False,
        report: Callable[[str], None] = lambda _: None,
    ) -> Removal:
        """Take items out of the gallery; files are left alone, and a source that lists them brings them back.

        Parameters
        ----------
        ids : ids as ``id:ID``; paths, of folders, archives and tables with all that is in them, or patterns, none of
            which need exist any more; URLs, or ``hf:NAME[:SPLIT]``. An item is meant if one of them means it.
        where : only items that match; see :meth:`search`.
        missing : only items that are files of their own which do not exist, such as after their folder was removed; on
            a disk that is not connected they do not exist either.
        dry_run : only say what would go.
        report : told if another run writes to the gallery, for which this one waits.

        Returns
        -------
        The ids that were meant, and how many items left and are left.

        Raises
        ------
        InputError : if nothing is given, one of ``ids`` means nothing, or the condition cannot be used.
        StoreError : if there is no gallery, or it cannot be written.
        """
        from lookalike.building.removal import remove, would_remove
        from lookalike.gallery.lock import waiting_for
        from lookalike.search.selection import Choice

        names = [ids] if isinstance(ids, (str, os.PathLike)) else ids
        choice = Choice(None if names is None else [str(name) for name in names], where, missing)
        if dry_run:
            return would_remove(self.store, choice)
        return remove(self.store, choice, on_wait=lambda holder: report(waiting_for(holder)))

    def tune(
        self, goal: Goal | None = None, *, specs: Sequence[str] = (), report: Callable[[str], None] = lambda _: None
    ) -> Tuned:
        """Find the fastest index that reaches a recall, measured on the gallery's own images, and search with it.

        See :func:`lookalike.api.tuning.tune_gallery`; the default goal is a recall@10 of 0.98.
        """
        from lookalike.api.tuning import tune_gallery
        from lookalike.indexes.tuning import Goal

        return tune_gallery(self.store, goal or Goal(), specs=specs, report=report)

    def optimize(self, *, report: Callable[[str], None] = lambda _: None) -> Optimized:
        """Write the snapshot and the index anew now; see :func:`lookalike.building.optimizing.optimize`."""
        from lookalike.building.optimizing import optimize

        return optimize(self.store, report)

    def benchmark(
        self,
        specs: Sequence[str] | None = None,
        *,
        k: int = 10,
        metric: Metric | str = Metric.COSINE,
        report: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Measured]:
        """Measure indexes over the gallery; see :class:`lookalike.evaluation.ann.IndexBenchmark`."""
        from lookalike.api.tuning import benchmark_gallery

        yield from benchmark_gallery(self.store, specs, metric=as_metric(metric), k=k, report=report)

    def evaluate(
        self,
        queries: Any = None,
        *,
        label_from: str | None = None,
        k: Sequence[int] = (1, 5, 10),
        sample: int | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Judge how far up the gallery ranks what is relevant to queries whose answers are known.

        Parameters
        ----------
        queries : what :meth:`lookalike.api.gallery.Gallery.add` takes; nothing is added. By default, or if it is this
            gallery, its own items ask for each other. An item is never a hit of itself.
        label_from : ``parent`` (the folder's name) or an attribute, of the queries and of the gallery: items with the
            label of a query are relevant to it. Where the gallery has no such values, and by default, its attribute
            ``label`` counts. Without labels, and with ``none``, changed copies of the gallery's pictures have to find
            their originals.
        k : how many first hits precision, recall and nDCG look at, each at least 1.
        sample : at most so many queries, drawn at random but the same ones each time; by default all that are named,
            1,000 of the gallery's own, and copies of 100 pictures.
        progress : told how the embedding, and then the ranking of queries goes on.

        Raises
        ------
        InputError : if there is nothing to judge by, or an option cannot be used.
        SourceError : if the queries do not exist or cannot be read.
        StoreError : if there is no gallery, or it cannot be read.
        """
        from lookalike.api.evaluating import evaluate_gallery
        from lookalike.api.evaluation import EvaluationOptions
        from lookalike.building.report import NoProgress

        options = EvaluationOptions(label_from, k, sample, progress or NoProgress())
        return evaluate_gallery(cast("Gallery", self), queries, options)  # which is all that derives from this

    def duplicates(
        self, *, threshold: float | str = "auto", keep: str = "best", progress: Progress | None = None
    ) -> Duplicates:
        """Find the items that are there more than once, each kind told apart.

        Items with the same bytes are ``exact``, the same picture encoded anew, resized, turned or mirrored is ``same``,
        and another picture that looks much alike, or was edited, is ``similar``. Pairs that were reviewed are left
        out; see :meth:`not_duplicates`.

        Parameters
        ----------
        threshold : the cosine from which items are similar; ``auto`` is 0.95, or more where all of the gallery's
            pictures are near to each other.
        keep : which one of a group to keep: ``best`` (most pixels), ``largest`` (most bytes), ``oldest`` or ``newest``
            (by the time of the shot).
        progress : told how it goes on. The first time every picture is read; what is seen is kept beside the gallery.

        Raises
        ------
        InputError : if an option cannot be used.
        StoreError : if there is no gallery, or it cannot be read or written.
        """
        from lookalike.api.duplicates import find_duplicates

        return find_duplicates(cast("Gallery", self), threshold=threshold, keep=keep, progress=progress)

    def not_duplicates(self, *ids: str, report: Callable[[str], None] = lambda _: None) -> None:
        """Note that no two of those items are duplicates of each other; it stays so.

        ``report`` is told who is writing to the gallery, if that has to be waited for.

        Raises
        ------
        InputError : if there is no such item, or only one is named.
        """
        from lookalike.api.tidying import keep_apart

        keep_apart(self.store, ids, report)

    def undo(self, *, report: Callable[[str], None] = lambda _: None) -> Moved:
        """Move the files of the last :meth:`lookalike.api.duplicates.Duplicates.move` back, and their items with them.

        Returns
        -------
        What was moved back; what could not be stays where it is, to be tried again.

        Raises
        ------
        InputError : if nothing was moved away, or all of it was moved back.
        """
        from lookalike.api.tidying import undo_move

        return undo_move(self.store, report)

    def diff(self, other: Gallery, *, threshold: float | str = "auto", progress: Progress | None = None) -> Difference:
        """Compare with another gallery: what only this one has, what only the other, and what both have.

        Parameters
        ----------
        other : made by the same encoder.
        threshold, progress : see :meth:`duplicates`.

        Raises
        ------
        SpaceMismatchError : if the galleries were made by different encoders.
        """
        from lookalike.api.difference import compare

        return compare(cast("Gallery", self), other, threshold=threshold, progress=progress)

    def to_dataset(self, *, image_column: str | None = None) -> Any:
        """Return the gallery as a ``datasets.Dataset``; see :func:`lookalike.integrations.datasets.to_dataset`."""
        from lookalike.integrations.datasets import to_dataset

        return to_dataset(self.store, image_column=image_column)

    def push_to_hub(self, repo_id: str, *, image_column: str | None = None, **options: Any) -> Any:
        """Upload the gallery as a data set; see :func:`lookalike.integrations.datasets.push_to_hub`."""
        from lookalike.integrations.datasets import push_to_hub

        return push_to_hub(self.store, repo_id, image_column=image_column, **options)

    def export_tflite(
        self,
        path: str | Path,
        options: SearcherOptions | None = None,
        *,
        where: str | None = None,
        progress: Progress | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> SearcherReport:
        """Write a searcher for phones; see :func:`lookalike.mobile.searcher_export.export_searcher`."""
        from pathlib import Path

        from lookalike import __version__
        from lookalike.building.report import NoProgress
        from lookalike.mobile.picture_rows import Pictures
        from lookalike.mobile.searcher_export import export_searcher
        from lookalike.mobile.searcher_options import SearcherOptions

        self.store.refresh()
        pictures = Pictures(self.store.pinned(), self.read, self._limits, where)
        chosen = options or SearcherOptions()
        return export_searcher(
            pictures, Path(path), chosen, progress=progress or NoProgress(), report=report, version=__version__
        )

    def export_onnx(self, folder: str | Path) -> OnnxReport:
        """Write the encoder and the embeddings for browsers; see :func:`lookalike.mobile.onnx_export.export_onnx`."""
        from pathlib import Path

        from lookalike.mobile.onnx_export import export_onnx

        self.store.refresh()
        return export_onnx(self.store.pinned(), Path(folder))

    def faiss_index(self, *, metric: Metric | str = Metric.COSINE) -> Any:
        """Return an empty index for :meth:`to_dataset`; see :func:`lookalike.integrations.datasets.faiss_index`."""
        from lookalike.integrations.datasets import faiss_index

        return faiss_index(self.store.manifest.dim, metric=as_metric(metric))

    def failures(self) -> list[SkippedItem]:
        """Return the items that could not be indexed, and the folders that could not be entered, by id.

        Raises
        ------
        StoreError : if there is no gallery, or it is damaged or cannot be read.
        """
        from lookalike.gallery.lance_store import LanceStore
        from lookalike.gallery.skipped_store import SkippedStore
        from lookalike.search.uris import full_uri

        LanceStore.open(self.location).check()  # lest a damaged gallery is said to be without failures
        items = SkippedStore(self.location).items()
        return [replace(item, uri=full_uri(item.uri, self.location.base)) for item in items]
