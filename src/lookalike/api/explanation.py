"""Why a hit is like its query, which can be looked at."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lookalike.api.hits import share_of, subtitle_of
from lookalike.encoders.staging import decode_for
from lookalike.errors import ImageDecodeError, InputError
from lookalike.exports.captions import score_text, short_name
from lookalike.exports.destination import saved_path, write
from lookalike.exports.heat_map import heated, side_by_side
from lookalike.exports.picture import Picture
from lookalike.images.decode import cut_out
from lookalike.images.transforms import encode_png
from lookalike.search.explain import CONTRIBUTION, compare_places
from lookalike.search.hit import Hit
from lookalike.search.notation import ITEM
from lookalike.search.query import QueryResolver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Limits, Pixels
    from lookalike.search.explain import HeatMap, Likeness

SAVED_AS = (".png",)
_CONTRIBUTIONS = "what each place adds to the score"
_MATCHES = "how well each place matches the best place of the other picture"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Two pictures, and how much each of their parts has to do with their likeness."""

    query: str
    """What was asked, for people."""
    hit: Hit
    """The item, with the score of the explanation."""
    likeness: Likeness

    @property
    def score(self) -> float:
        """The cosine of the two pictures' embeddings."""
        return self.likeness.score

    @property
    def method(self) -> str:
        """What the values are; see :class:`lookalike.search.explain.Likeness`."""
        return self.likeness.method

    @property
    def meaning(self) -> str:
        """What the values are, for people."""
        return _CONTRIBUTIONS if self.method == CONTRIBUTION else _MATCHES

    @property
    def query_map(self) -> HeatMap:
        """The heat map of the query; its ``values`` have the shape of its ``pixels``."""
        return self.likeness.query

    @property
    def hit_map(self) -> HeatMap:
        """The heat map of the hit."""
        return self.likeness.hit

    def __repr__(self) -> str:
        return f"Explanation({self.query!r}, {self.hit.id!r}, {self.score:+.4f} by {self.method})"

    def image(self) -> Pixels:
        """Return both pictures under their heat maps, side by side; shape (height, width, 3), uint8."""
        subtitles = ("query", subtitle_of(self.hit))
        pictures = [
            Picture(short_name(name), subtitle, heated(heat.pixels, heat.values))
            for name, subtitle, heat in zip(
                (self.query, self.hit.id), subtitles, (self.query_map, self.hit_map), strict=True
            )
        ]
        return side_by_side(pictures, f"{score_text(self.score)}: {self.meaning}")

    def save(self, path: str | Path) -> Path:
        """Write :meth:`image` as a ``.png`` file and return its absolute path.

        Raises
        ------
        InputError : for any other suffix, or if the file cannot be written.
        """
        target = saved_path(path, SAVED_AS)
        write(target, encode_png(self.image()))
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON-ready values; a view is left, top, right and bottom, in shares of a side."""
        return {
            "query": self.query,
            "id": self.hit.id,
            "uri": self.hit.uri,
            "score": self.score,
            "method": self.method,
            "query_map": _as_dict(self.query_map),
            "hit_map": _as_dict(self.hit_map),
        }

    def _repr_html_(self) -> str:
        """Render the pictures in a notebook."""
        data = base64.b64encode(encode_png(self.image())).decode()
        return f'<img src="data:image/png;base64,{data}" alt="heat maps" style="max-width:100%">'


class Explainer:
    """Explains the hits of one gallery.

    Parameters
    ----------
    store : the gallery.
    encoder : returns its encoder.
    read : returns the encoded image of an item; see :meth:`lookalike.api.gallery.Gallery.read`.
    limits : larger images are refused.
    """

    def __init__(
        self, store: LanceStore, encoder: Callable[[], Encoder], read: Callable[[Hit], bytes], limits: Limits
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._read = read
        self._limits = limits

    def explain(self, query: Any, hit: Hit | str) -> Explanation:
        """Compare a query with an item; see :meth:`lookalike.api.gallery_tools.GalleryTools.explain`."""
        self._store.refresh()
        resolver = QueryResolver(self._store, self._encoder, self._limits)
        item = hit if isinstance(hit, Hit) else resolver.hit(hit.removeprefix(ITEM))
        asked = resolver.resolve(query)
        if asked.parts:
            msg = f"{asked.name!r} is no single picture whose parts can be shown; explain with one of its terms alone"
            raise InputError(msg)
        picture = asked.picture
        if picture is None:
            if len(asked.item_ids) != 1:
                msg = f"{asked.name!r} is no picture, so it has no parts to show; name a picture, or an item as id:ID"
                raise InputError(msg)
            picture = self._read(resolver.hit(asked.item_ids[0]))
        pictures = self._pixels(picture, asked.name), self._found(item)
        likeness = compare_places(self._encoder(), *pictures)
        return Explanation(asked.name, replace(item, score=likeness.score), likeness)

    def _found(self, item: Hit) -> Pixels:
        """Return the part of a hit's picture that was found, just as the gallery embeds it."""
        picture = self._read(item)
        share = share_of(item)
        if share is None:
            return self._pixels(picture, item.id)
        return cut_out(picture, share, limits=self._limits)

    def _pixels(self, picture: bytes | Pixels, name: str) -> Pixels:
        """Return a picture just as the gallery embeds it."""
        if not isinstance(picture, bytes):
            return picture
        try:
            return decode_for(self._encoder(), picture, self._limits).pixels
        except ImageDecodeError as error:
            reason = f"{name}: {error.reason}"
            raise ImageDecodeError(reason) from error


def _as_dict(heat: HeatMap) -> dict[str, Any]:
    view = heat.view
    return {"grid": heat.grid.tolist(), "view": [view.left, view.top, view.right, view.bottom]}
