"""The fingerprints of a gallery's pictures, made when they are first asked for and kept beside the gallery.

Indexing does not make them: who never looks for duplicates does not pay for them, and galleries of any age have them. A
fingerprint belongs to the bytes of a picture, so it outlives a renamed file and a gallery that was made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lance
import numpy as np
import pyarrow as pa

from lookalike.building.ahead import ahead
from lookalike.building.report import Failure
from lookalike.curation.fingerprint import LENGTH, SIDE, fingerprint, hashes
from lookalike.errors import LookalikeError
from lookalike.gallery.commits import append, compact
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.location import is_committed
from lookalike.images.decode import decode
from lookalike.search.item_picture import is_file, read_kept
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from lookalike.building.report import Progress
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import Location
    from lookalike.images.decode import Pixels
    from lookalike.images.limits import Limits

    Keys = npt.NDArray[np.uint64]
    Bytes = npt.NDArray[np.uint8]

_SCHEMA = pa.schema(
    [
        pa.field("digest", pa.uint64(), nullable=False),
        pa.field("fingerprint", pa.binary(LENGTH), nullable=False),
    ]
)
_IN_A_COMMIT = 4_096
_SCANNED = 4_096


def digest_keys(digests: Sequence[str]) -> Keys:
    """Return the first 64 bits of hexadecimal digests; shape (n,).

    Examples
    --------
    >>> digest_keys(["00000000000000ff" + "0" * 16])
    array([255], dtype=uint64)
    """
    data = bytes.fromhex("".join(digest[:16] for digest in digests))
    return np.frombuffer(data, ">u8").astype(np.uint64)


def picture_of(row: dict[str, str | bytes | None], location: Location, limits: Limits) -> Pixels:
    """Return the picture of a row with ``uri``, ``digest`` and ``thumbnail``, decoded at a reduced size.

    Raises
    ------
    SourceError : if it cannot be read, or is another than was indexed.
    ImageDecodeError : if it cannot be decoded.
    """
    uri, thumbnail = full_uri(str(row["uri"]), location.base), row["thumbnail"]
    kept = thumbnail if isinstance(thumbnail, bytes) else None
    return decode(read_kept(uri, str(row["digest"]), lambda: kept, limits), min_side=8 * SIDE, limits=limits).pixels


class FingerprintTable:
    """The fingerprints that are kept beside one gallery."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def update(self, store: LanceStore, limits: Limits, progress: Progress) -> list[Failure]:
        """Make the fingerprints that pictures of a gallery lack, and return which pictures could not be read.

        What was made is kept when the run is interrupted.

        Raises
        ------
        StoreError : if they cannot be written.
        """
        known = np.unique(self.digests())
        missing = sum(int(_is_unknown(batch, known).sum()) for batch in store.scan(["digest"]))
        if not missing:
            return []
        progress.note(f"looking at {missing:,} pictures")
        progress.expect(missing)
        failures: list[tuple[int, Failure]] = []
        waiting: list[tuple[int, Bytes]] = []
        try:
            for key, outcome in _made(_unknown(store, known), store.location, limits):
                if isinstance(outcome, Failure):
                    failures.append((key, outcome))
                else:
                    waiting.append((key, outcome))
                progress.advance(1, failed=int(isinstance(outcome, Failure)))
                if len(waiting) >= _IN_A_COMMIT:
                    ready, waiting = waiting, []
                    self._add(ready)
        finally:
            self._add(waiting)
        with store_errors(self._location):
            if is_committed(self._location.fingerprints):
                compact(self._open())
        made = set(self.digests().tolist()) if failures else set()
        return [failure for key, failure in failures if key not in made]  # another file with these bytes was read

    def digests(self) -> Keys:
        """Return of which pictures there are fingerprints, in the order of the table; shape (n,)."""
        if not is_committed(self._location.fingerprints):
            return np.empty(0, np.uint64)
        with store_errors(self._location):
            column = self._open().to_table(columns=["digest"])["digest"]
        found: Keys = column.to_numpy()
        return found

    def hashes(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Return the hashes in the order of the table, and which rows have one; shapes (n, 8) and (n,)."""
        if not is_committed(self._location.fingerprints):
            return np.empty((0, 8), np.uint8), np.empty(0, np.bool_)
        with store_errors(self._location):
            batches = self._open().to_batches(columns=["fingerprint"], batch_size=_SCANNED, scan_in_order=True)
            parts = [hashes(_matrix(batch["fingerprint"])) for batch in batches]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def take(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return fingerprints by their places in the table; shape (m, 1152)."""
        with store_errors(self._location):
            distinct, back = np.unique(places, return_inverse=True)
            rows = self._open().take(distinct.tolist(), columns=["fingerprint"])
        return _matrix(rows["fingerprint"].combine_chunks())[back]

    def _add(self, made: Sequence[tuple[int, Bytes]]) -> None:
        if not made:
            return
        columns = [[key for key, _ in made], [print_.tobytes() for _, print_ in made]]
        table = pa.Table.from_arrays(
            [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
        )
        with store_errors(self._location):
            if not is_committed(self._location.fingerprints):
                lance.write_dataset(_SCHEMA.empty_table(), str(self._location.fingerprints))
            append(self._open(), table)

    def _open(self) -> lance.LanceDataset:
        return lance.dataset(str(self._location.fingerprints))


def _made(
    rows: Iterable[dict[str, str | bytes | None]], location: Location, limits: Limits
) -> Iterator[tuple[int, Bytes | Failure]]:
    def one(row: dict[str, str | bytes | None]) -> tuple[int, Bytes | Failure]:
        key = int(digest_keys([str(row["digest"])])[0])
        try:
            return key, fingerprint(picture_of(row, location, limits))
        except LookalikeError as error:
            uri = full_uri(str(row["uri"]), location.base)
            return key, Failure(uri, getattr(error, "reason", None) or str(error))

    return (made for _, made in ahead(one, rows))


def _unknown(store: LanceStore, known: Keys) -> Iterator[dict[str, str | bytes | None]]:
    base = store.location.base
    for batch in store.scan(["uri", "digest", "thumbnail"]):
        rows = batch.filter(pa.array(_is_unknown(batch, known))).to_pylist()
        # of an embedding that was brought in there may never have been a picture
        yield from (row for row in rows if row["thumbnail"] is not None or is_file(full_uri(row["uri"], base)))


def _is_unknown(batch: pa.RecordBatch, known: Keys) -> npt.NDArray[np.bool_]:
    return ~np.isin(digest_keys(batch["digest"].to_pylist()), known)


def _matrix(column: pa.Array) -> npt.NDArray[np.uint8]:
    data = np.frombuffer(column.buffers()[1], np.uint8)
    start = column.offset * LENGTH
    return data[start : start + len(column) * LENGTH].reshape(len(column), LENGTH)
