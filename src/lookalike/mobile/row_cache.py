"""Embeddings of a gallery's pictures by the model of a phone, kept beside the gallery: they take long to make.

A file of vectors only grows, and a list of what they are of follows it: so an interrupted run loses nothing.
"""

from __future__ import annotations

import contextlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors

_VECTORS, _DIGESTS, _PARTIAL = "vectors.f32", "digests.txt", ".partial"
_BLOCK = 4_096
_BATCH = 64
"""Vectors that are written at once, and so lost at most where the power fails."""


class RowCache:
    """Vectors by the digests of the files that they were made of.

    Parameters
    ----------
    folder : made if missing; one for each model.
    dim : of the vectors.

    Raises
    ------
    OSError : if the folder cannot be written.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self._folder = folder
        self._dim = dim
        folder.mkdir(parents=True, exist_ok=True)
        digests = _lines(folder / _DIGESTS)
        path = folder / _VECTORS
        written = path.stat().st_size // (4 * dim) if path.exists() else 0
        self._digests = digests[:written]
        self._rows = {digest: row for row, digest in enumerate(self._digests)}
        with path.open("ab") as file:
            file.truncate(len(self._digests) * 4 * dim)  # what an interruption left half written
        (folder / _DIGESTS).write_text("".join(f"{digest}\n" for digest in self._digests))

    def __contains__(self, digest: str) -> bool:
        return digest in self._rows

    @contextmanager
    def growing(self) -> Iterator[Callable[[str, Vectors], None]]:
        """Lend a function that appends a digest and its vector, shape (dim,); what ends the run loses none."""
        digests: list[str] = []
        vectors: list[Vectors] = []

        def flush() -> None:
            if digests:
                self._extend(digests, np.stack(vectors))
            digests.clear()
            vectors.clear()

        def add(digest: str, vector: Vectors) -> None:
            digests.append(digest)
            vectors.append(vector)
            if len(digests) == _BATCH:
                flush()

        try:
            yield add
        finally:
            flush()

    def arranged(self, digests: Sequence[str]) -> Vectors:
        """Return the vectors of those digests in their order, mapped into memory; others are dropped.

        Returns
        -------
        Shape (len(digests), dim), read-only.
        """
        if list(digests) != self._digests:
            rows = np.array([self._rows[digest] for digest in digests], np.int64)
            self._rewrite(rows)
            self._digests = list(digests)
            self._rows = {digest: row for row, digest in enumerate(self._digests)}
        if not digests:
            return np.empty((0, self._dim), np.float32)
        return self._mapped(len(digests))

    def _extend(self, digests: Sequence[str], vectors: Vectors) -> None:
        with (self._folder / _VECTORS).open("ab") as file:
            file.write(np.ascontiguousarray(vectors, np.float32).data)
            file.flush()
            os.fsync(file.fileno())
        with (self._folder / _DIGESTS).open("a") as file:
            file.write("".join(f"{digest}\n" for digest in digests))
        for digest in digests:
            self._rows.setdefault(digest, len(self._digests))
            self._digests.append(digest)

    def _rewrite(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        old = self._mapped(len(self._digests))
        partial = self._folder / (_VECTORS + _PARTIAL)
        with partial.open("wb") as file:
            for start in range(0, len(rows), _BLOCK):
                file.write(np.ascontiguousarray(old[rows[start : start + _BLOCK]]).data)
        digests = [self._digests[row] for row in rows]
        # without the list, the vectors that are there for a moment are of nothing
        (self._folder / _DIGESTS).unlink()
        partial.replace(self._folder / _VECTORS)
        (self._folder / _DIGESTS).write_text("".join(f"{digest}\n" for digest in digests))

    def _mapped(self, rows: int) -> Vectors:
        return np.memmap(self._folder / _VECTORS, np.float32, "r", shape=(rows, self._dim))


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        text = path.read_text()
        return text[: text.rfind("\n") + 1].split("\n")[:-1]  # a last line without an end was cut off
    return []
