"""Indexes a generated source of N rows in this process and prints what it took, as JSON."""

from __future__ import annotations

import json
import sys
import time
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import lookalike
from benchmarks.memory_probe import Sampler
from lookalike.encoders.base import EncoderSpec
from lookalike.images.ref import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

_DIM = 64


class Generated:
    """Rows of which each is another small picture."""

    uri = "generated:"

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[ImageRef]:
        for row in range(self._rows):
            yield ImageRef(f"generated/{row}", f"generated:{row}", {"group": row % 7}, "1")

    def read(self, ref: ImageRef) -> bytes:
        row = int(ref.id.rpartition("/")[2])
        pixels = np.frombuffer(row.to_bytes(8, "little") * 24, np.uint8).reshape(8, 8, 3)
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "BMP")
        return buffer.getvalue()

    def covers(self, item_id: str) -> bool:
        return item_id.startswith("generated/")


class Cheap:
    """An encoder that takes no time: what is left is the pipeline itself."""

    spec = EncoderSpec("cheap", "1", "00", "none", "none", "f32", _DIM)

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        return np.stack([image.reshape(-1)[:_DIM].astype(np.float32) + 1 for image in images])


def main() -> None:
    """Index ``argv[1]`` rows into the new gallery ``argv[2]``."""
    rows = int(sys.argv[1])
    with Sampler() as sampler:
        started = time.perf_counter()
        report = lookalike.open(sys.argv[2], encoder=Cheap()).add(Generated(rows))
        seconds = time.perf_counter() - started
    print(json.dumps({"embedded": report.embedded, "seconds": seconds, **sampler.found()}))


if __name__ == "__main__":
    main()
