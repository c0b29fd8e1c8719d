"""Where the labels of each source came from, so that a later run takes them from there again without being told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.search.uris import stored_uri
from lookalike.sources.combined import CombinedSource, parts_of
from lookalike.sources.labelled import LabelledSource, labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
    keys = [key for part in parts_of(source) for key in _keys(part, base)]
    kept = {key: value for key, value in rules.items() if not any(_is_within(key, outer) for outer in keys)}
    # "none" is kept where a rule of a folder around it would hold otherwise
    return kept | {key: column for key in keys if column != NO_LABELS or _rule(kept, key) is not None}


def recalled(source: Source, rules: Mapping[str, str], *, base: Path) -> Source:
    """Return the source with the labels that the rules of earlier runs give its items; some may have none."""
    if not rules:
        return source
    parts = [LabelledSource(part, _recall(part, rules, base)) for part in parts_of(source)]
    return parts[0] if len(parts) == 1 else CombinedSource(parts)


def _recall(part: Source, rules: Mapping[str, str], base: Path) -> Callable[[ImageRef], ImageRef]:
    in_folders = hasattr(part, "folders")
    own = None if in_folders else rules.get(_keys(part, base)[0])

    def label(ref: ImageRef) -> ImageRef:
        column = _rule(rules, stored_uri(ref.uri, base)) if in_folders else own
        return ref if column is None or column == NO_LABELS else labelled(ref, column) or ref

    return label


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
