"""Pages of one ranking, which stays what it is while the gallery changes."""

from __future__ import annotations

import base64
import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.gallery.table_files import fingerprint
from lookalike.images.digest import content_digest
from lookalike.search.options import START

if TYPE_CHECKING:
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.hit import Method

LENGTH = 1_000
"""Of a ranking that is handed out in pages: each page is a piece of the same answer."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a ranking."""

    version: int
    """Of the gallery."""
    fingerprint: str
    """Of the commit that made the version."""
    index: str
    """That ranks."""
    digest: str
    """Of the query and the options."""
    least: float | None
    """The least score."""
    offset: int = 0
    """How many hits came before."""

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(astuple(self)).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what a page said.

        Raises
        ------
        InputError : if it is no cursor.
        """
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            decoded = base64.b64decode(padded, altchars=b"-_", validate=True)
            version, commit, index, digest, least, offset = json.loads(decoded)
            least = None if least is None else float(least)
            return cls(int(version), str(commit), str(index), str(digest), least, int(offset))
        except (ValueError, TypeError) as error:
            msg = f"{text!r} is no cursor; begin with {START!r}, and go on with what the last page said"
            raise InputError(msg) from error

    @classmethod
    def first(cls, store: LanceStore, method: Method, digest: str, least: float | None) -> Cursor:
        """Return the beginning of the ranking of the version that a store is pinned to."""
        return cls(store.version, fingerprint(store.location, store.version), method.index, digest, least)


def digest_of(identity: str, options: object) -> str:
    """Return the digest of what was asked: the identity of the query, and the options."""
    return content_digest(f"{identity}\n{options!r}".encode())


def gone() -> InputError:
    """Return the error for a cursor of a ranking that cannot be made again."""
    return InputError(
        "the gallery has changed since the first page, and the version that was ranked is not kept any more; "
        f"begin again with the cursor {START!r}"
    )
