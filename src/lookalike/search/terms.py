"""What can be asked: one picture, text or vector, or several with weights; in Python and as JSON."""

from __future__ import annotations

import base64
import math
import os
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import numpy as np

from lookalike.errors import InputError, UnknownNameError
from lookalike.images.decode import as_pixels
from lookalike.images.formats import has_image_suffix
from lookalike.images.pillow_files import encoded_file
from lookalike.images.region import Region
from lookalike.search.notation import ITEM, names_file
from lookalike.sources.fetch import is_web_url
from lookalike.sources.names import original, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_FILE_URL = "file:"


class Kind(str, Enum):
    """What a term is."""

    FILE = "file"
    URL = "url"
    ID = "id"
    IMAGE = "image"
    TEXT = "text"
    VECTOR = "vector"


_WITHOUT_PIXELS = (Kind.TEXT, Kind.VECTOR)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One part of a query.

    Raises
    ------
    InputError : if the weight is zero or not finite, or something else than a picture is to be cropped.
    UnknownNameError : if there is no such kind.
    """

    what: Any
    """A path, a ``file:``, ``http:`` or ``https:`` URL, ``id:ID`` of an item or a text as ``str``; a ``Path``; the
    bytes of an image file; a PIL image; an array of pixels of shape (h, w), (h, w, 3) or (h, w, 4); or a vector of
    shape (dim,). A string is a path if it names a file, has the suffix of an image or holds a path separator, and a
    text otherwise. Once made, a term holds a ``Path`` for a file, and an id without ``id:``."""
    weight: float = 1.0
    """Below 0: what is unlike this is wanted."""
    crop: Region | None = None
    """Only this part of the picture; also four numbers x, y, width, height: see :class:`Region`."""
    kind: Kind | None = None
    """What it is, also as ``str``; by default it is told from ``what``. With it, an id is given without ``id:``."""

    def __post_init__(self) -> None:
        if not _is_weight(self.weight):
            msg = f"the weight of a term is a finite number other than 0, got {self.weight!r}"
            raise InputError(msg)
        kind, what = _told(self.what) if self.kind is None else _as_kind(self.kind, self.what)
        crop = None if self.crop is None else Region.of(self.crop)
        if crop is not None and kind in _WITHOUT_PIXELS:
            msg = f"only a picture can be cropped, and {what!r} is a {kind.value}; leave the crop out"
            raise InputError(msg)
        for name, value in (("kind", kind), ("what", what), ("crop", crop)):
            object.__setattr__(self, name, value)

    @property
    def is_picture(self) -> bool:
        """Whether it has pixels, a part of which can be asked with."""
        return self.kind not in _WITHOUT_PIXELS

    def to_dict(self) -> dict[str, Any]:
        """Return the term as JSON-ready values: its kind with what it is, and weight and crop where they say something.

        An image becomes the bytes of its file, or of a PNG, in base64.
        """
        kind = Kind(self.kind)
        values: dict[str, Any] = {kind.value: _as_json(kind, self.what)}
        if self.weight != 1:
            values["weight"] = float(self.weight)
        if self.crop is not None:
            values["crop"] = list(self.crop.numbers)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Term:
        """Return the term that :meth:`to_dict` described.

        Raises
        ------
        InputError : if it describes none.
        """
        kinds = [kind for kind in Kind if kind.value in values]
        others = set(values) - {"weight", "crop"} - {kind.value for kind in kinds}
        if len(kinds) != 1 or others:
            names = ", ".join(kind.value for kind in Kind)
            msg = (
                f"a term has exactly one of {names}, and may have weight and crop; got {', '.join(values) or 'nothing'}"
            )
            raise InputError(msg)
        what = _from_json(kinds[0], values[kinds[0].value])
        return cls(what, values.get("weight", 1.0), values.get("crop"), kinds[0])


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Terms that are looked for together.

    Parameters
    ----------
    terms : at least one; what is no :class:`Term` becomes one.

    Raises
    ------
    InputError : if there is no term.
    """

    terms: tuple[Term, ...]

    def __init__(self, terms: Iterable[Any]) -> None:
        made = tuple(term if isinstance(term, Term) else Term(term) for term in terms)
        if not made:
            msg = "a query has at least one term"
            raise InputError(msg)
        object.__setattr__(self, "terms", made)

    def cropped(self, crop: Region) -> Query:
        """Return the query with that part of each of its pictures that is not cropped yet.

        Raises
        ------
        InputError : if there is no picture.
        """
        if not any(term.is_picture for term in self.terms):
            msg = f"there is no picture in the query to take the region {crop} of; leave the crop out, or name a file"
            raise InputError(msg)
        return Query(
            Term(term.what, term.weight, term.crop or crop, term.kind) if term.is_picture else term
            for term in self.terms
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the query as JSON-ready values, such as ``{"terms": [{"id": "a.jpg"}, {"text": "sea"}]}``."""
        return {"terms": [term.to_dict() for term in self.terms]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Query:
        """Return the query that :meth:`to_dict` described.

        Raises
        ------
        InputError : if it describes none.
        """
        terms = values.get("terms")
        if set(values) != {"terms"} or not isinstance(terms, list) or not all(isinstance(t, dict) for t in terms):
            msg = 'a query is an object with a list of objects named "terms", such as {"terms": [{"id": "a.jpg"}]}'
            raise InputError(msg)
        return cls(Term.from_dict(term) for term in terms)


def _is_weight(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value) and value != 0


def _told(what: Any) -> tuple[Kind, Any]:
    if isinstance(what, str):
        return told_text(what)
    if isinstance(what, Path):
        return Kind.FILE, what
    is_vector = isinstance(what, np.ndarray) and what.ndim == 1 and what.dtype.kind in "fiu"
    return (Kind.VECTOR if is_vector else Kind.IMAGE), what


def told_text(text: str, is_file: Callable[[str], bool] = names_file) -> tuple[Kind, Any]:
    """Return what a text is as a term, and what a term of it holds.

    Parameters
    ----------
    text : see :class:`Term`.
    is_file : whether a text is the path of a file that exists.
    """
    if text.startswith(ITEM):
        return Kind.ID, text[len(ITEM) :]
    if is_web_url(text):
        return Kind.URL, text
    if text[: len(_FILE_URL)].lower() == _FILE_URL:
        return Kind.FILE, _path_of_url(text)
    own = os.path.expanduser(text)  # noqa: PTH111 - never raises
    if is_file(text) or has_image_suffix(text) or "/" in text or Path(own).name != text:
        return Kind.FILE, Path(own)
    return Kind.TEXT, text


def _as_kind(name: Kind | str, what: Any) -> tuple[Kind, Any]:
    try:
        kind = Kind(name)
    except ValueError:
        raise UnknownNameError("kind of term", str(name), [kind.value for kind in Kind]) from None  # noqa: EM101
    if kind in (Kind.URL, Kind.ID, Kind.TEXT) and not isinstance(what, str):
        msg = f"a term of the kind {kind.value} is a str, got {type(what).__qualname__}"
        raise InputError(msg)
    if kind is Kind.URL and not is_web_url(what):
        msg = f"{what!r} is no http: or https: URL; give one, or the kind file"
        raise InputError(msg)
    if kind is Kind.FILE:
        return kind, _path(what)
    return kind, _vector(what) if kind is Kind.VECTOR else what


def _path(what: Any) -> Path:
    if not isinstance(what, (str, Path)):
        msg = f"a term of the kind file is a path, got {type(what).__qualname__}"
        raise InputError(msg)
    return Path(os.path.expanduser(what))  # noqa: PTH111 - never raises


def _vector(what: Any) -> Any:
    array = np.asarray(what)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        msg = f"a term of the kind vector is numbers of the shape (dim,), got {array.dtype} of the shape {array.shape}"
        raise InputError(msg)
    return array


def _as_json(kind: Kind, what: Any) -> Any:
    if kind is Kind.FILE:
        return printable(str(what))
    if kind is Kind.VECTOR:
        return np.asarray(what).tolist()
    if kind is not Kind.IMAGE:
        return what
    from lookalike.images.transforms import encode_png  # which no search has need of

    data = bytes(what) if isinstance(what, (bytes, bytearray, memoryview)) else encoded_file(what)
    return base64.b64encode(encode_png(as_pixels(what)) if data is None else data).decode()


def _from_json(kind: Kind, value: Any) -> Any:
    if kind is Kind.VECTOR:
        if not isinstance(value, list) or not all(isinstance(v, Real) and not isinstance(v, bool) for v in value):
            msg = "a term of the kind vector is a list of numbers"
            raise InputError(msg)
        return np.array(value, np.float64)
    if not isinstance(value, str):
        msg = f"a term of the kind {kind.value} is a text"
        raise InputError(msg)
    if kind is Kind.IMAGE:
        try:
            return base64.b64decode(value, validate=True)
        except ValueError as error:
            msg = "a term of the kind image is the bytes of an image file in base64, and this text is not"
            raise InputError(msg) from error
    return Path(original(value)) if kind is Kind.FILE else value


def _path_of_url(url: str) -> Path:
    """Return the path in a ``file:`` URL (RFC 8089)."""
    rest = url[len(_FILE_URL) :]
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            msg = f"{url} names a file of another machine ({host}); name a file of this one, as file:///PATH"
            raise InputError(msg)
        rest = f"/{path}"
    return Path(os.fsdecode(unquote_to_bytes(rest)))
