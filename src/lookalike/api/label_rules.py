"""Where the labels of each source came from, so that a later run takes them from there again without being told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.search.uris import stored_uri
from lookalike.sources.base import WalkingSource
from lookalike.sources.combined import CombinedSource
from lookalike.sources.labelled import labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

NO_LABELS = "none"
"""What a user asks for to end the taking of labels from a source."""


def with_rule(rules: Mapping[str, str], source: Source, column: str, *, base: Path) -> dict[str, str]:
    """Return the rules with that of one source changed.

    Parameters
    ----------
    rules : from a folder or another source, as the gallery names it, to the attribute that labels come from.
    source : whose labels were asked for.
    column : the attribute, ``parent``, or ``none``.
    base : the folder that holds the gallery.
    """
    keys = [key for part in _parts(source) for key in _keys(part, base)]
    kept = {key: value for key, value in rules.items() if not any(_is_within(key, outer) for outer in keys)}
    # "none" is kept where a rule of a folder around it would hold otherwise
    return kept | {key: column for key in keys if column != NO_LABELS or _rule(kept, key) is not None}


class RecalledLabels:
    """A source whose items get the labels that the rules of an earlier run give them."""

    def __init__(self, source: Source, rules: Mapping[str, str], *, base: Path) -> None:
        self._source = source
        self._rules = rules
        self._base = base

    @property
    def uri(self) -> str:
        """What the user named."""
        return self._source.uri

    @property
    def unreadable(self) -> Sequence[str]:
        """The folders that could not be entered on the latest listing."""
        return self._source.unreadable if isinstance(self._source, WalkingSource) else ()

    @property
    def stamp_prefixes(self) -> Sequence[str]:
        """What the stamps of items begin with that came from the source."""
        return getattr(self._source, "stamp_prefixes", ())

    def __iter__(self) -> Iterator[ImageRef]:
        """List the items; one without the attribute has no label."""
        in_folders = hasattr(self._source, "folders")
        column = None if in_folders else self._rules.get(_keys(self._source, self._base)[0])
        for ref in self._source:
            if in_folders:
                column = _rule(self._rules, stored_uri(ref.uri, self._base))
            yield (labelled(ref, column) if column is not None and column != NO_LABELS else None) or ref

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item."""
        return self._source.read(ref)

    def covers(self, item_id: str) -> bool:
        """Say whether the source would list the item if it existed."""
        return self._source.covers(item_id)

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        return isinstance(self._source, WalkingSource) and self._source.reaches(folder_id)


def recalled(source: Source, rules: Mapping[str, str], *, base: Path) -> Source:
    """Return the source with the labels that the rules of earlier runs give its items."""
    if not rules:
        return source
    parts = [RecalledLabels(part, rules, base=base) for part in _parts(source)]
    return parts[0] if len(parts) == 1 else CombinedSource(parts)


def _parts(source: Source) -> Sequence[Source]:
    return source.sources if isinstance(source, CombinedSource) else (source,)


def _keys(source: Source, base: Path) -> list[str]:
    return [stored_uri(place, base).rstrip("/") for place in getattr(source, "folders", (source.uri,))]


def _rule(rules: Mapping[str, str], uri: str) -> str | None:
    """Return the rule of the innermost folder around a URI, or of the URI itself."""
    while uri not in rules:
        uri, separator, _ = uri.rpartition("/")
        if not separator:
            return None
    return rules[uri]


def _is_within(uri: str, outer: str) -> bool:
    return uri == outer or uri.startswith(f"{outer}/")
