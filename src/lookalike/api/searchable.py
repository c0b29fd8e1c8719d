"""What can be searched: a gallery on disk, and one on a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lookalike.metric import Metric, as_metric
from lookalike.search.options import SearchOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.hits import Hits


class Searchable(ABC):
    """Answers queries, several at once or one alone."""

    @abstractmethod
    def search_batch(
        self, queries: Sequence[Any], k: int = 10, options: SearchOptions | None = None, *, include_self: bool = False
    ) -> list[Hits]:
        """Find the items that are most alike to each of several queries; see :meth:`search`."""

    def search(  # noqa: PLR0913  (one keyword for each choice that a caller has)
        self,
        query: Any,
        k: int = 10,
        *,
        where: str | None = None,
        min_score: float | str | None = None,
        metric: Metric | str = Metric.COSINE,
        include_self: bool = False,
        reverse: bool = False,
        tiles: bool = True,
        exclude: Sequence[str] = (),
        collapse: bool = False,
        diversity: float | None = None,
        sort: str | None = None,
        expand: str | None = None,
        rerank: str | None = None,
        cursor: str | None = None,
    ) -> Hits:
        """Find the items that are most alike.

        Parameters
        ----------
        query : a path, a URL, ``id:ID`` of an item, or a text (for an encoder with a text side) as ``str``; a
            ``Path``; the bytes of an image file; a PIL image; an array of pixels; or a vector of shape (dim,): see
            :class:`lookalike.Term`. Several of these with weights, or a region of a picture, are a ``Term``, a
            :class:`lookalike.Query`, or a text such as ``beach.jpg + "sunset" - 0.5:people``. Files, bytes and PIL
            images that were only opened are embedded just as the gallery embeds files. Other pixels are embedded in
            full resolution; large JPEGs are decoded at a smaller scale, so the same photo as pixels scores a little
            less than 1 (.994 to .998 with the embedded encoder).
        k : at least 1; all items are returned where there are fewer.
        where : a condition over the attributes, ``id``, ``uri`` and ``size`` in SQL, such as ``folder = 'beach' and
            taken >= '2024-05'``; see :mod:`lookalike.search.filters`.
        min_score : hits below are left out; with ``auto`` those that are weak: see ``Hit.strength``.
        metric : ``cosine``, ``inner-product`` or ``l2``.
        include_self : keep the query itself, or its terms, among the hits if they are items of the gallery.
        reverse : find the least alike instead, these first.
        tiles : compare with parts of pictures too, where the gallery has them: the score of an
            item is that of its best part, and the hit has its ``box``.
        exclude : ids of items to leave out.
        collapse : fold copies and near-duplicates of a better hit into that; ``Hit.collapsed`` counts them.
        diversity : from 0 to 1: how much hits should differ from each other (maximal marginal relevance).
        sort : an attribute that puts the k best hits in order, such as ``taken``, or ``-taken`` for the newest first.
        expand : rank with more than the query: ``neighbours`` (its best hits) or ``crops`` (of its picture).
        rerank : rank the best hits anew: ``centred``, ``whitened`` or ``augmented``; see
            :mod:`lookalike.search.ranking`.
        cursor : ``start`` for the first page of up to 1,000 hits, and then the ``cursor`` of the page before, with the
            same query and options; the ranking stays the same while the gallery changes.

        Returns
        -------
        At most k hits, best first, equal scores by id. Scores are those of the query, however the hits are ranked.

        Raises
        ------
        StoreError : if there is no gallery, or it cannot be read.
        SpaceMismatchError : if the gallery was made by another encoder.
        InputError : if the query or an option cannot be used.
        RemoteError : if the gallery is on a server that does not answer.
        """
        narrowed = (as_metric(metric), where, min_score, tuple(exclude))
        options = SearchOptions(*narrowed, expand, rerank, collapse, diversity, sort, cursor, reverse, tiles)
        return self.search_batch([query], k, options, include_self=include_self)[0]
