"""What can be done with a gallery besides adding and searching."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.building.report import NoProgress
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.building.report import Progress
    from lookalike.evaluation.ann import Measured
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import Location
    from lookalike.gallery.skipped_store import SkippedItem
    from lookalike.images.decode import Limits
    from lookalike.indexes.tuning import Goal, Tuned
    from lookalike.mobile.onnx_export import OnnxReport
    from lookalike.mobile.searcher_options import SearcherOptions, SearcherReport
    from lookalike.search.hit import Hit


class GalleryTools(ABC):
    """The part of :class:`lookalike.api.gallery.Gallery` that needs its rows alone."""

    location: Location
    _limits: Limits

    @abstractmethod
    def read(self, hit: Hit) -> bytes:
        """Return the encoded image of a hit."""

    @property
    @abstractmethod
    def store(self) -> LanceStore:
        """The rows."""

    def tune(
        self, goal: Goal | None = None, *, specs: Sequence[str] = (), report: Callable[[str], None] = lambda _: None
    ) -> Tuned:
        """Find the fastest index that reaches a recall, measured on the gallery's own images, and search with it.

        See :func:`lookalike.api.tuning.tune_gallery`; the default goal is a recall@10 of 0.98.
        """
        from lookalike.api.tuning import tune_gallery
        from lookalike.indexes.tuning import Goal

        return tune_gallery(self.store, goal or Goal(), specs=specs, report=report)

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
        from lookalike.mobile.picture_rows import Pictures
        from lookalike.mobile.searcher_export import export_searcher
        from lookalike.mobile.searcher_options import SearcherOptions

        self.store.refresh()
        pictures = Pictures(self.store.pinned(), self.read, self._limits, where)
        chosen = options or SearcherOptions()
        return export_searcher(pictures, Path(path), chosen, progress=progress or NoProgress(), report=report)

    def export_onnx(self, folder: str | Path) -> OnnxReport:
        """Write the encoder and the embeddings for browsers; see :func:`lookalike.mobile.onnx_export.export_onnx`."""
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
