"""What a server tells of a gallery besides hits: its duplicates, and why a hit was found."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lookalike.server.problems import busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.api.duplicates import DuplicateGroup, Duplicates
    from lookalike.api.explanation import Explanation
    from lookalike.api.gallery import Gallery
    from lookalike.building.report import Progress
    from lookalike.images.region import Box
    from lookalike.search.terms import Query


class Insights:
    """Looks at one gallery; to look for duplicates takes long, so one request at a time does it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._looking = threading.Lock()

    def duplicates(
        self, threshold: float | str = "auto", keep: str = "best", *, progress: Progress | None = None
    ) -> Duplicates:
        """Return the duplicates.

        Raises
        ------
        RefusedError : if another request is looking for them.
        """
        if not self._looking.acquire(blocking=False):
            raise busy()
        try:
            return self._gallery.duplicates(threshold=threshold, keep=keep, progress=progress)
        finally:
            self._looking.release()

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
