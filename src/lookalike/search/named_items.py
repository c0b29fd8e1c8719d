"""Which items a user means by the path of a file or folder, a pattern, an id, or the name of a data set."""

from __future__ import annotations

import fnmatch
import os
from collections import defaultdict
from typing import TYPE_CHECKING

from lookalike.search.uris import full_uri
from lookalike.sources.dataset import HUB_PREFIX
from lookalike.sources.names import anchored, item_id, original
from lookalike.sources.pattern import GlobSource, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.gallery.lance_store import LanceStore

_ITEM = "id:"
_JOINT = "::"
_CONTAINERS = ("tar:", "table:", "dataset:")
"""Begin the URIs of items in an archive, a table or a data set, the path of which follows."""


class NamedItems:
    """Says of each item whether one of the names means it.

    Parameters
    ----------
    names : ``id:ID``; the path of a file, of a folder, archive or table with all that is in it, or a pattern of paths,
        relative to the working folder, whether or not it exists any more; a URL, or the begin of URLs up to a slash;
        ``hf:NAME[:SPLIT]`` or another begin of ids up to a slash.
    store : the gallery.
    """

    def __init__(self, names: Sequence[str], store: LanceStore) -> None:
        self._base = store.location.base
        self._names = names
        self._unused = set(names)
        # two names may mean the same
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        self._begins: defaultdict[str, list[str]] = defaultdict(list)
        self._paths: defaultdict[str, list[str]] = defaultdict(list)
        self._patterns: list[tuple[GlobSource, str]] = []
        for name in names:
            if name.startswith(_ITEM):
                self._ids[name.removeprefix(_ITEM)].append(name)
                continue
            path = anchored(os.path.expanduser(original(name)), self._base)  # noqa: PTH111 - takes any text
            self._paths[path].append(name)
            self._begins[_begin_of_ids(name)].append(name)
            is_there = os.path.lexists(path) or store.has(item_id(path, self._base))
            if is_pattern(name) and not is_there:
                self._patterns.append((GlobSource(name, base=self._base), name))

    @property
    def unused(self) -> list[str]:
        """The names that no item has fitted so far."""
        return [name for name in self._names if name in self._unused]

    def mean(self, item: str, stored: str) -> bool:
        """Say whether the item of an id and a URI, as the gallery stores it, is meant."""
        path, container = self._paths_of(item, stored)
        found = [*self._ids.get(item, ())]
        found += [name for begin in _begins(container) for name in self._paths.get(begin, ())]
        if path is None:
            found += [name for begin in _begins(item) for name in self._begins.get(begin, ())]
            found += [name for _, name in self._patterns if _matches(item.split("/"), name.split("/"))]
        else:
            found += [name for begin in _begins(path) for name in self._paths.get(begin, ())]
            found += [name for pattern, name in self._patterns if pattern.covers(item)]
        self._unused.difference_update(found)
        return bool(found)

    def _paths_of(self, item: str, stored: str) -> tuple[str | None, str]:
        """Return the path of an item on this machine, None if it has none, and the place in the file that it is in.

        An item in a container has the path of its id, which begins with the container's unless rows have ids of their
        own.
        """
        uri = original(full_uri(stored, self._base))
        if os.path.isabs(uri):  # noqa: PTH117 - galleries are long
            return uri, ""
        inside = original(next((uri.removeprefix(prefix) for prefix in _CONTAINERS if uri.startswith(prefix)), ""))
        if not os.path.isabs(inside):  # noqa: PTH117 - see above
            return None, ""
        return os.path.join(self._base, original(item)), inside  # noqa: PTH118 - see above


def _begins(text: str) -> Iterator[str]:
    """Yield a path or an id, and what it begins with up to each of its slashes and up to a number sign.

    Of the URL of a file in an archive, ``zip://FOLDER/FILE::ARCHIVE``, it is the part before ``::`` that is shortened.
    """
    place, beyond = _split(text)
    yield text
    for at in range(len(place) - 1, -1, -1):
        if place[at] in "/#" or place[at] == os.sep:
            yield f"{place[:at]}{beyond}" or os.sep


def _split(url: str) -> tuple[str, str]:
    place, joint, beyond = url.partition(_JOINT)
    return place, joint + beyond


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(parts) == len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern))


def _begin_of_ids(name: str) -> str:
    if name.startswith(HUB_PREFIX):
        return name.removeprefix(HUB_PREFIX).replace(":", "/").rstrip("/")
    place, beyond = _split(name)
    return place.rstrip("/") + beyond
