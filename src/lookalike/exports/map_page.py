"""An overview of images as one HTML file that needs nothing else: a map to move about in, and a legend."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from lookalike.exports.captions import plain
from lookalike.exports.sprites import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.exports.sprites import Sprites

_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are drawn in one colour."""

    name: str
    members: npt.NDArray[np.intp]
    """Their numbers, at least one; each image is in one group."""
    central: int
    """The one that is shown beside the name."""


@dataclass(frozen=True, slots=True)
class Spots:
    """The n images of a map."""

    places: npt.NDArray[np.floating]
    """Shape (n, 2): across and down, in any unit."""
    titles: Sequence[str]
    links: Sequence[str]
    """What a click opens; empty for nothing."""
    pictures: Sprites


def map_page(spots: Spots, groups: Sequence[Group], *, title: str, note: str) -> str:
    """Write a map of images as an HTML document.

    Parameters
    ----------
    spots : at least one image.
    groups : in the order of the legend.
    title : of the document.
    note : stands below the title.

    Returns
    -------
    The whole document; write it in UTF-8. Its own policy forbids requests.
    """
    places = spots.places - spots.places.min(axis=0)
    places = places / max(float(places.max()), 1e-9)
    width, height = np.maximum(places.max(axis=0), 1e-3).tolist()
    group_of = np.empty(len(places), int)
    for number, group in enumerate(groups):
        group_of[group.members] = number
    data = {
        "x": places[:, 0].round(_DIGITS).tolist(),
        "y": places[:, 1].round(_DIGITS).tolist(),
        "width": width,
        "height": height,
        "group": group_of.tolist(),
        "title": [plain(text) for text in spots.titles],
        "link": list(spots.links),
        "groups": [
            {"name": plain(group.name), "count": len(group.members), "central": group.central} for group in groups
        ],
        "columns": COLUMNS,
        "side": spots.pictures.side,
        "sizes": spots.pictures.sizes,
        "sheets": spots.pictures.sheets,
    }
    # within a script, a text that holds "</script" or "<!--" would end or change it
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {"title": escape(plain(title)), "note": escape(plain(note)), "data": written}
    page = files("lookalike.exports").joinpath("map_page.html").read_text("utf-8")
    return re.sub("@(title|note|data)@", lambda found: parts[found[1]], page)
