"""A picture from the web, named by its URL."""

from __future__ import annotations

from pathlib import Path

from lookalike.sources.fetch import DEFAULT_FETCH_LIMITS, FetchLimits
from lookalike.sources.listed import ListedSource, ListName


def url_source(url: str, *, base: Path, limits: FetchLimits = DEFAULT_FETCH_LIMITS) -> ListedSource:
    """Return the source of one ``http:`` or ``https:`` URL.

    Parameters
    ----------
    url : its item's id.
    base : the folder that holds the gallery.
    limits : of fetching.
    """
    return ListedSource(ListName(url, url), lambda: iter([(url, {})]), folder=Path.cwd(), base=base, limits=limits)
