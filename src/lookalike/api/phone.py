"""A phone's searcher, asked with pictures here: its hits are those that the phone finds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.api.hits import Hits
from lookalike.errors import InputError, SourceError
from lookalike.images.decode import DEFAULT_LIMITS, Limits, as_pixels, decode
from lookalike.images.reading import read_picture
from lookalike.images.region import cut
from lookalike.mobile.searcher_file import SearcherFile
from lookalike.search.hit import Hit, Method
from lookalike.search.options import SearchOptions, checked_k
from lookalike.sources.fetch import FetchLimits, fetch, is_web_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.images.decode import Pixels
    from lookalike.images.region import Region
    from lookalike.mobile.searcher_file import Found


class PhoneSearcher:
    """Searches a ``.tflite`` file as :class:`lookalike.Gallery` searches a gallery.

    Parameters
    ----------
    path : the file, with its index in it or beside it.
    limits : larger pictures are refused.

    Raises
    ------
    StoreMissingError : if there is no such file.
    InputError : if it is no searcher.
    BackendMissingError : if LiteRT is not installed.
    """

    notice = ""

    def __init__(self, path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.path = Path(path).expanduser().absolute()
        self._limits = limits
        self._file = SearcherFile.open(self.path)

    def search_batch(
        self, queries: Sequence[Any], k: int = 10, options: SearchOptions | None = None, *, crop: Region | None = None
    ) -> list[Hits]:
        """Find what a phone finds.

        Parameters
        ----------
        queries : each a path or a URL as ``str``, a ``Path``, the bytes of a file, a PIL image or an array of pixels.
        k : at least 1.
        options : a least score; a phone compares by the cosine, and has no other options.
        crop : the part of each picture that is asked with.

        Raises
        ------
        InputError : if a query is no picture, or an option has no meaning here.
        SourceError : if a picture cannot be read.
        """
        k, options = checked_k(k), options or SearchOptions()
        if isinstance(options.min_score, str) or options != SearchOptions(min_score=options.min_score):
            msg = "a searcher for phones has no options but k and a number for min_score; leave the others out"
            raise InputError(msg)
        least = options.min_score
        return [self._answer(query, k, least, crop) for query in queries]

    def info(self) -> dict[str, Any]:
        """Return what the file holds, as JSON-ready values."""
        file = self._file
        size = {"height": file.model.height, "width": file.model.width}
        noted = {name: file.about.get(name) for name in ("index", "recall", "encoder", "made_by")}
        values = {"searcher": str(self.path), "rows": len(file.index), "dim": file.index.dim, "model": file.model.name}
        stored = {"partitions": len(file.index.offsets), "codes": self._codes(), "bytes": file.nbytes}
        return {**values, "input": size, **noted, **stored}

    def _codes(self) -> int | None:
        """Return the bytes of a row that is kept in codes."""
        return len(self._file.index.codebook) or None

    def _answer(self, query: Any, k: int, min_score: float | None, crop: Region | None) -> Hits:
        started = time.perf_counter()
        name, picture = self._picture(query)
        pixels = decode(picture, limits=self._limits).pixels if isinstance(picture, bytes) else picture
        if crop is not None:
            pixels = picture = cut(pixels, crop)
        found = self._file.search(self._file.embed(pixels)[None], k)[0]
        kept = [hit for hit in found if min_score is None or hit.cosine >= min_score]
        hits = tuple(_hit(rank, item) for rank, item in enumerate(kept, start=1))
        return Hits(name, hits, time.perf_counter() - started, picture, _unreadable, self._limits, self._method())

    def _picture(self, query: Any) -> tuple[str, bytes | Pixels]:
        if isinstance(query, str) and query.startswith("id:"):
            msg = f"a searcher for phones is asked with pictures, not with {query!r}; name an image file"
            raise InputError(msg)
        if isinstance(query, str) and is_web_url(query):
            return query, fetch(query, limits=FetchLimits(max_bytes=self._limits.max_bytes))
        if isinstance(query, (str, Path)):
            return str(query), read_picture(Path(query).expanduser(), self._limits)
        if isinstance(query, (bytes, bytearray, memoryview)):
            return "image", bytes(query)
        return "image", as_pixels(query, limits=self._limits)

    def _method(self) -> Method:
        recall = self._file.about.get("recall", {}).get("value", 1.0)
        kind = self._file.about.get("index", "unknown")
        return Method("exact" if kind == "float" else kind, recall)


def _hit(rank: int, found: Found) -> Hit:
    """Return a hit; one of a file that another tool made has its metadata as its id."""
    text = found.metadata.decode(errors="replace")
    try:
        about = json.loads(text)
        item, attributes = str(about["id"]), dict(about["attributes"])
    except (ValueError, TypeError, KeyError):
        item, attributes = text, {}
    return Hit(rank, item, item, found.cosine, attributes)


def _unreadable(hit: Hit) -> bytes:
    raise SourceError(hit.uri, "a searcher for phones keeps no pictures")
