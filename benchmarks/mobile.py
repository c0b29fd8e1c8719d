"""What the client of the TFLite Task Library finds in an exported gallery: ``python -m benchmarks.mobile``.

Needs ``make mobile-client``, or its Python in ``$LOOKALIKE_MOBILE_CLIENT``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.mobile.searchers import client

import lookalike
from benchmarks.photos import beans, photos
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.arrays import normalised
from lookalike.encoders.staging import decode_for, encode_prepared, prepare
from lookalike.images.decode import as_pixels
from lookalike.mobile.choosing import IndexMaker
from lookalike.mobile.client_resize import client_resize
from lookalike.mobile.index_file import OnDeviceIndex
from lookalike.mobile.index_training import IndexKind
from lookalike.mobile.searcher_options import SearcherOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Vectors
    from lookalike.images.decode import Pixels

_K, _PART, _SIDE = 10, 256, 224
_ROUNDING = 2e-6
"""Of a product in single precision: rows that it exchanges count as equal."""
_FEW = ("float", "float:leaves=32,fraction=0.25", "pq:block=4", "pq:block=8", "pq:block=4,leaves=32,fraction=0.25")
_MANY = (
    "float",
    "float:leaves=224,fraction=0.1",
    "pq:block=4",
    "pq:block=8",
    "pq:block=16",
    "pq:block=4,leaves=224,fraction=0.1",
)
_METHOD = f"""\
The gallery is the train split of Beans, encoded by the embedded encoder and exported as a user would; the queries are
the photos of the test split as they are, {_K} hits each. The real client, the ImageSearcher of `tflite_support`,
resizes, embeds and searches, on one core of this machine; `p50` is the median of its whole answer. Recall@{_K} compares
its hits with a plain product of the embeddings that the client itself makes of queries and gallery; `told` is what the
export printed. "Weights in 8 bits" is compared with the exact search of the model in floats. In the large table the
rows are the gallery's and the embeddings of random regions of its photos, half of them mirrored, with sides of 50 to
100 %, which go through the client's resize and the same network in floats. The last table searches rows that went
through the ordinary preprocessing of the encoder rather than the client's own resize."""


class _Phone:
    """The client with the gallery's model, and what it makes of the queries and of the gallery."""

    def __init__(self, gallery: Gallery, folder: Path) -> None:
        self._folder = folder
        self.model = gallery.export_tflite(folder / "model.tflite", SearcherOptions(separate=True)).path
        self.images = [as_pixels(path) for path in photos("test")]
        self.queries = self._embedded(self.images)
        paths = photos("train")
        parts = [paths[start : start + _PART] for start in range(0, len(paths), _PART)]
        self.rows = np.concatenate([self._embedded([as_pixels(path) for path in part]) for part in parts])

    def search(self, index: OnDeviceIndex) -> tuple[list[list[int]], float, float]:
        """Return which rows it finds, the median of its answers in ms, and the size of model and index in MB."""
        path = self._folder / "index.ldb"
        with path.open("wb") as stream:
            index.write(stream)
        told = client("search", self.model, path, images=self.images)
        found = [[json.loads(metadata)["row"] for metadata, _ in answer] for answer in told["answers"]]
        return found, _p50(told), (path.stat().st_size + self.model.stat().st_size) / 1e6

    def recall(self, found: Sequence[Sequence[int]], rows: Vectors) -> float:
        """Return the share of hits that are as near as the last true one."""
        cosines = self.queries @ rows.T
        last = np.sort(cosines, axis=1)[:, -_K]
        near = [cosines[i, numbers] >= last[i] - _ROUNDING for i, numbers in enumerate(found)]
        return float(np.concatenate(near).sum()) / (_K * len(found))

    def _embedded(self, images: list[Pixels]) -> Vectors:
        return normalised(np.array(client("embed", self.model, images=images), np.float32))


def main() -> None:
    """Export, and ask the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="of the large table")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gallery = lookalike.open(folder / "gallery")
        gallery.add(beans() / "train", label_from="parent")
        phone = _Phone(gallery, folder)
        few = [_exported(gallery, phone, folder / "searcher.tflite", kind) for kind in (*_FEW, None)]
        publish(_result(few, _many(phone, rows), _resized(phone), rows))


def _exported(gallery: Gallery, phone: _Phone, path: Path, kind: str | None) -> list[Any]:
    """Measure one kind on Beans; None for floats with the model's weights in 8 bits."""
    report = gallery.export_tflite(path, SearcherOptions(index=kind or "float", in_int8=kind is None))
    told = client("search", report.path, images=phone.images)
    numbers = {str(photo): number for number, photo in enumerate(photos("train"))}
    by_id = {hit.id: numbers[hit.uri] for hit in gallery.search(phone.queries[0], k=len(gallery))}
    found = [[by_id[json.loads(metadata)["id"]] for metadata, _ in answer] for answer in told["answers"]]
    name = kind or "float, weights in 8 bits"
    return [name, report.nbytes / 1e6, phone.recall(found, phone.rows), report.recall, _p50(told)]


def _many(phone: _Phone, count: int) -> list[list[Any]]:
    rows = _regions(phone.rows, count)
    maker = IndexMaker(rows, _metadata(count))
    measured = []
    for kind in _MANY:
        built = maker.build(IndexKind.parse(kind))
        found, milliseconds, size = phone.search(built.index)
        measured.append([kind, size, phone.recall(found, rows), built.recall, milliseconds])
    return measured


def _regions(real: Vectors, count: int) -> Vectors:
    """Return the embeddings of the photos, and of random regions of them as the client would see these."""
    encoder: Any = lookalike.load_encoder(precision="f32")
    photos_seen = [as_pixels(path) for path in photos("train")]
    rng = np.random.default_rng(0)
    rows = [real[:count]]
    for start in range(len(real), count, _PART):
        chosen = rng.integers(0, len(photos_seen), min(_PART, count - start))
        cut = [client_resize(_region(photos_seen[number], rng), _SIDE, _SIDE) for number in chosen]
        rows.append(normalised(encoder.encode_prepared(np.stack(cut))))
    return np.concatenate(rows)


def _region(photo: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = (round(side * rng.uniform(0.5, 1)) for side in photo.shape[:2])
    top, left = (
        int(rng.integers(0, room - side + 1)) for room, side in zip(photo.shape, (height, width), strict=False)
    )
    part = photo[top : top + height, left : left + width]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _resized(phone: _Phone) -> list[list[Any]]:
    encoder = lookalike.load_encoder()
    ready = [prepare(encoder, decode_for(encoder, path.read_bytes()).pixels) for path in photos("train")]
    ordinary = normalised(
        np.concatenate([encode_prepared(encoder, ready[i : i + 32]) for i in range(0, len(ready), 32)])
    )
    measured = []
    for name, rows in (("the client's", phone.rows), ("the encoder's", ordinary)):
        found, _, _ = phone.search(OnDeviceIndex(rows, rows.shape[1], _metadata(len(rows))))
        cosine = float(np.einsum("ij,ij->i", phone.rows, rows).mean())
        measured.append([name, cosine, phone.recall(found, phone.rows), _precision(found)])
    return measured


def _precision(found: list[list[int]]) -> float:
    labels = [path.parent.name for path in photos("train")]
    truth = [path.parent.name for path in photos("test")]
    return float(np.mean([[labels[n] == label for n in row[:5]] for row, label in zip(found, truth, strict=True)]))


def _metadata(count: int) -> list[bytes]:
    return [json.dumps({"row": number}).encode() for number in range(count)]


def _p50(told: dict[str, Any]) -> float:
    return 1e3 * statistics.median(told["seconds"])


def _result(few: list[list[Any]], many: list[list[Any]], resized: list[list[Any]], rows: int) -> Result:
    recall = Column(f"recall@{_K}", ".3f")
    columns = [Column("index"), Column("size, MB", ".1f"), recall, Column("told", ".3f"), Column("p50, ms", ".1f")]
    resize = [Column("resize of the rows"), Column("cosine to the phone's own", ".3f"), recall, Column("P@5", ".3f")]
    return Result(
        "mobile",
        "On the phone",
        _METHOD,
        [
            Table(f"Beans, {len(photos('train')):,} rows", columns, few),
            Table(f"{rows:,} rows", columns, many),
            Table("What the client's own resize is good for", resize, resized),
        ],
        [
            Target(f"recall@{_K} of floats on Beans", few[0][2], 1.0, is_floor=True, format=".3f"),
            Target(f"recall@{_K} of floats over {rows:,} rows", many[0][2], 1.0, is_floor=True, format=".3f"),
        ],
    )


if __name__ == "__main__":
    main()
