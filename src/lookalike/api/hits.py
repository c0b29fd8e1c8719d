"""The answer to a query, which can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, overload

from lookalike.errors import ImageDecodeError, StoreError
from lookalike.exports.captions import short_name
from lookalike.exports.contact_sheet import contact_sheet
from lookalike.exports.destination import saved_path, write
from lookalike.exports.html_page import html_page
from lookalike.exports.picture import Picture, Section
from lookalike.exports.thumbnails import mosaic
from lookalike.images.decode import DEFAULT_LIMITS, Limits, decode
from lookalike.images.region import Region
from lookalike.images.transforms import encode_png, framed
from lookalike.search.hit import EXACTLY, Hit, Method

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lookalike.images.decode import Pixels
    from lookalike.images.ref import Scalar

_SHOWN_SIDE = 512
"""Pictures are decoded no larger than they are shown."""
SAVED_AS = (".png", ".html")


@dataclass(frozen=True, eq=False)
class Hits(Sequence["Hit"]):
    """The hits of one query, best first, or the least alike first."""

    query: str
    """What was asked, for people."""
    hits: tuple[Hit, ...]
    seconds: float
    """Time taken, with the encoding of the query."""
    picture: bytes | Pixels | None
    """The query, if it was a picture."""
    read: Callable[[Hit], bytes]
    """Returns the encoded image of a hit; raises SourceError where it cannot be read any more."""
    limits: Limits = DEFAULT_LIMITS
    """Larger pictures are drawn as missing."""
    method: Method = EXACTLY
    """How the search was done: with which index, and what its recall is."""
    are_least: bool = False
    """Whether these are the least alike, which come first."""
    cursor: str | None = None
    """What to ask the next page with; None on the last one, and if pages were not asked for."""
    asked_with: Callable[[], Sequence[bytes | Pixels]] = tuple
    """Returns the pictures of a query of several, or of one by the id of an item."""

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Hit]: ...
    def __getitem__(self, index: int | slice) -> Hit | Sequence[Hit]:
        return self.hits[index]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        rows = "\n".join(f"{hit.rank:4d}  {hit.score:+.4f}  {hit.id}" for hit in self.hits)
        return f"Hits for {self.query} ({len(self)})" + (f"\n{rows}" if rows else "")

    @property
    def is_exact(self) -> bool:
        """Whether these are the true nearest items."""
        return self.method.is_exact

    @property
    def ids(self) -> list[str]:
        """The ids, in the order of ranks."""
        return [hit.id for hit in self.hits]

    @property
    def scores(self) -> list[float]:
        """The scores, in the order of the hits; larger is more alike."""
        return [hit.score for hit in self.hits]

    @property
    def labels(self) -> list[Scalar]:
        """The attribute ``label`` of each hit; None where it has none."""
        return [hit.attributes.get("label") for hit in self.hits]

    def image(self) -> Pixels:
        """Return a contact sheet: the query beside its hits; shape (height, width, 3), uint8."""
        return contact_sheet(self.section())

    def section(self) -> Section:
        """Return the query and its hits as the exports take them."""
        query = self._query()
        shown = [
            Picture(
                title=short_name(hit.id),
                subtitle=subtitle_of(hit),
                pixels=_with_box(_read(partial(self.read, hit), self.limits), hit),
                score=hit.score,
                attributes=hit.attributes,
            )
            for hit in self.hits
        ]
        title = "least alike" if self.are_least else "most alike"
        return Section(query, shown, self.query if self.picture is None else "", title)

    def _query(self) -> Picture | None:
        if self.picture is not None:
            return Picture(short_name(self.query), "query", _shown(self.picture, self.limits))
        loaded = [_shown(picture, self.limits) for picture in self.asked_with()]
        readable = [pixels for pixels in loaded if pixels is not None]
        return Picture("", "query", mosaic(readable, _SHOWN_SIDE)) if readable else None

    def save(self, path: str | Path) -> Path:
        """Write a contact sheet (``.png``) or a self-contained page (``.html``) and return its absolute path.

        Raises
        ------
        InputError : for any other suffix, or if the file cannot be written.
        """
        return save_hits([self], path)

    def show(self) -> None:
        """Show the contact sheet: in a notebook below the cell, elsewhere in the system's picture viewer."""
        from PIL import Image

        picture = Image.fromarray(self.image())
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ModuleNotFoundError:
            picture.show()
            return
        if get_ipython() is None:
            picture.show()
        else:
            display(picture)

    def _repr_html_(self) -> str:
        """Render the query and its hits in a notebook."""
        page = html_page([self.section()], title="lookalike")
        # a frame of its own keeps the page's style and the notebook's apart
        escaped = page.replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{escaped}" style="width:100%;height:34em;border:0" title="search results"></iframe>'


def save_hits(answers: Sequence[Hits], path: str | Path) -> Path:
    """Write the answers to several queries into one file; see :meth:`Hits.save`."""
    return save_sections([hits.section() for hits in answers], path, title="Lookalikes")


def save_sections(sections: Sequence[Section], path: str | Path, *, title: str) -> Path:
    """Write queries and their hits into one file; see :meth:`Hits.save`."""
    target = saved_path(path, SAVED_AS)
    if target.suffix.lower() == ".html":
        write(target, html_page(sections, title=title).encode())
    else:
        write(target, encode_png(_stacked([contact_sheet(part) for part in sections])))
    return target


def _stacked(sheets: Sequence[Pixels]) -> Pixels:
    import numpy as np

    width = max(sheet.shape[1] for sheet in sheets)
    padded = [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=255) for sheet in sheets]
    return np.concatenate(padded)


def _read(load: Callable[[], bytes], limits: Limits) -> Pixels | None:
    try:
        return _shown(load(), limits)
    except (OSError, StoreError):
        return None  # drawn as a missing picture


def _shown(picture: bytes | Pixels, limits: Limits) -> Pixels | None:
    """Return the pixels of a picture; None if it cannot be decoded, which is drawn as a missing one."""
    try:
        return decode(picture, min_side=_SHOWN_SIDE, limits=limits).pixels if isinstance(picture, bytes) else picture
    except ImageDecodeError:
        return None


def _with_box(pixels: Pixels | None, hit: Hit) -> Pixels | None:
    """Return a hit's picture with the part of it that was found, if that is not all."""
    share = share_of(hit)
    return pixels if pixels is None or share is None else framed(pixels, share.numbers)


def share_of(hit: Hit) -> Region | None:
    """Return the part of a hit's picture that was found, in fractions of its sides; None if that is all of it."""
    width, height = hit.attributes.get("width"), hit.attributes.get("height")
    if hit.box is None or not (isinstance(width, int) and isinstance(height, int)):
        return None
    x, y, wide, tall = hit.box
    share = Region(x / width, y / height, min(wide / width, 1.0), min(tall / height, 1.0))
    return None if (share.width, share.height) == (1.0, 1.0) else share


def size_of(hit: Hit) -> str:
    """Return the width and height of a hit's picture in pixels, as far as they are known."""
    return " x ".join(str(hit.attributes.get(side, "?")) for side in ("width", "height"))


def subtitle_of(hit: Hit) -> str:
    """Return the label of a hit, or its folder."""
    label = hit.attributes.get("label", hit.attributes.get("folder"))
    return "" if label is None else str(label)
