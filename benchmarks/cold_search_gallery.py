"""The process that makes the gallery of :mod:`benchmarks.cold_search`, so that the latter maps none of its files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import lookalike
from benchmarks.photos import photos
from lookalike.encoders.staging import embed_image
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import locate
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import Record
from lookalike.images.digest import content_digest
from lookalike.search.upkeep import renew

if TYPE_CHECKING:
    from lookalike.images.ref import Scalar

_PHOTOS = 256
_ROWS_A_COMMIT = 10_000
_NOISE = 0.02
"""Of the length of an embedding; enough that no two rows are equal."""


def main() -> None:
    """Write ``ROWS`` rows into the new gallery ``FOLDER``: embeddings of Beans photos, each many times with noise."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    encoder = lookalike.load_encoder()
    originals = np.concatenate([embed_image(encoder, path.read_bytes()) for path in photos("train")[:_PHOTOS]])
    scale = _NOISE * np.linalg.norm(originals, axis=1, keepdims=True) / np.sqrt(originals.shape[1])
    store = LanceStore.create(locate(folder), Manifest(encoder=encoder.spec.to_dict(), dim=encoder.spec.dim))
    generator = np.random.default_rng(0)
    for start in range(0, rows, _ROWS_A_COMMIT):
        numbers = np.arange(start, min(start + _ROWS_A_COMMIT, rows))
        noise = generator.standard_normal((len(numbers), originals.shape[1]), np.float32)
        chosen = numbers % len(originals)
        store.add([_record(int(number)) for number in numbers], originals[chosen] + scale[chosen] * noise)
    renew(store)


def _record(number: int) -> Record:
    name = f"{number % 100:02}/{number:06}.jpg"
    attributes: dict[str, Scalar] = {"folder": f"{number % 100:02}", "width": 500, "height": 500}
    return Record(name, f"./{name}", content_digest(name.encode()), "0", 1, attributes)


if __name__ == "__main__":
    main()
