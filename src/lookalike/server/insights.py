"""What a server does with a gallery besides searches: duplicates, quality, map, index, and why a hit was found."""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from lookalike.building.report import Failure
from lookalike.search.uris import full_uri
from lookalike.server.problems import busy, without_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.api.duplicates import DuplicateGroup, Duplicates
    from lookalike.api.evaluation import Evaluation, LeftOut
    from lookalike.api.explanation import Explanation
    from lookalike.api.gallery import Gallery
    from lookalike.api.map import MapOptions
    from lookalike.building.optimizing import Optimized
    from lookalike.building.report import Progress
    from lookalike.images.region import Box
    from lookalike.indexes.tuning import Goal, Tuned
    from lookalike.search.terms import Query


class Insights:
    """Looks at one gallery; to look at all of it takes long, so one request at a time does it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._looking = threading.Lock()

    def duplicates(
        self, threshold: float | str = "auto", keep: str = "best", *, progress: Progress | None = None
    ) -> Duplicates:
        """Return the duplicates.

        Raises
        ------
        RefusedError : if another request looks at the whole gallery.
        """
        with self._alone():
            return self._gallery.duplicates(threshold=threshold, keep=keep, progress=progress)

    def evaluation(
        self,
        name: str,
        *,
        label_from: str | None = None,
        k: Sequence[int] = (1, 5, 10),
        sample: int | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Let the gallery's own items ask, and judge its ranking; raises as :meth:`duplicates` does.

        Parameters
        ----------
        name : what the gallery is called, so that no path of the disk is told; of the encoder likewise.
        label_from, k, sample, progress : see :meth:`lookalike.api.gallery.Gallery.evaluate`.
        """
        with self._alone():
            found = self._gallery.evaluate(label_from=label_from, k=k, sample=sample, progress=progress)
            encoder = replace(found.subject.encoder, name=PurePath(found.subject.encoder.name).name)
            subject = replace(found.subject, gallery=name, encoder=encoder)
            return replace(found, subject=subject, left_out=self._by_ids(found.left_out))

    def tuned(self, goal: Goal, specs: Sequence[str]) -> Tuned:
        """Find an index, and search with it; raises as :meth:`duplicates` does."""
        with self._alone():
            return self._gallery.tune(goal, specs=specs)

    def optimized(self) -> Optimized:
        """Bring files, snapshot and index up to date; raises as :meth:`duplicates` does."""
        with self._alone():
            return self._gallery.optimize()

    def map_page(self, options: MapOptions) -> bytes:
        """Return the gallery drawn as a page; raises as :meth:`duplicates` does."""
        with self._alone(), tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
            path = Path(folder) / "map.html"
            self._gallery.map(path, options)
            return path.read_bytes()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._looking.acquire(blocking=False):
            raise busy()
        try:
            yield
        finally:
            self._looking.release()

    def _by_ids(self, left_out: LeftOut) -> LeftOut:
        """Return what was left out, with ids in place of what could not be read, and no folders."""
        uris = {failure.uri for failure in left_out.failed}
        if not uris:
            return left_out
        store = self._gallery.store
        base = store.location.base
        rows = (row for batch in store.scan(["id", "uri"]) for row in batch.to_pylist())
        ids = {uri: row["id"] for row in rows if (uri := full_uri(row["uri"], base)) in uris}
        # one that was removed meanwhile has no address any more
        told = [
            Failure(ids[failure.uri], without_folders(failure.reason))
            for failure in left_out.failed
            if failure.uri in ids
        ]
        return replace(left_out, failed=tuple(told))

    def explanation(self, query: Query, item: str, box: Box | None) -> Explanation:
        """Compare a query with a hit.

        Parameters
        ----------
        query : a picture or an item.
        item : the id of a hit.
        box : the part of its picture that was found, if it was not all.

        Raises
        ------
        UnknownItemError : if there is no such item.
        """
        self._gallery.store.refresh()
        hit = self._gallery.resolver().hit(item)
        return self._gallery.explain(query, replace(hit, box=box))


def told_evaluation(found: Evaluation, address: Callable[[str], str]) -> dict[str, Any]:
    """Return an evaluation as clients are told it: with addresses of the server for what could not be read."""
    told = found.to_dict()
    failed = [{**failure, "uri": address(failure["uri"])} for failure in told["left_out"]["failed"]]
    return {**told, "left_out": {**told["left_out"], "failed": failed}}


def told_duplicates(found: Duplicates, most: int, addresses: Callable[[str], dict[str, str]]) -> dict[str, Any]:
    """Return duplicates as clients are told them: with addresses of the server in place of those of its disk."""

    def told(group: DuplicateGroup) -> dict[str, Any]:
        items = [{**item.to_dict(), **addresses(item.item.id)} for item in group.items]
        return {"keep": group.keep.id, **addresses(group.keep.id), "items": items}

    return {
        "groups": [told(group) for group in found.groups[:most]],
        "found": len(found.groups),
        "unreadable": len(found.unreadable),
        "threshold": round(found.threshold, 4),
        "total": found.total,
        "seconds": round(found.seconds, 4),
    }
