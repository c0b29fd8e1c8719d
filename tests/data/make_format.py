"""Writes the stored gallery of the present format: ``python -m tests.data.make_format``, once for each new format.

What is stored is never made again: it shows that galleries of this format can be read for ever.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

import lookalike
from lookalike.encoders.base import EncoderSpec
from lookalike.gallery.manifest import FORMAT
from tests.building.sources import MemorySource
from tests.toys import png

FORMATS = Path(__file__).parent / "formats"
QUERY = [1.0, 2.0, -3.0, 0.5]


class ColourEncoder:
    """Embeds an image as its mean colour and a constant."""

    spec = EncoderSpec("colour", "1", "0c", "average", "none", "f32", 4)

    def encode_images(self, images):
        means = [[*(image.reshape(-1, 3).mean(axis=0) / 255 - 0.5), 0.25] for image in images]
        return np.array(means, np.float32)


def make(target: Path) -> None:
    """Write a gallery of three items, one failure and every kind of attribute, and the hits that it gives."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "photos").mkdir()
        (base / "photos" / "a.png").write_bytes(png(1))
        (base / "photos" / "bad.jpg").write_bytes(b"no picture")
        gallery = lookalike.open(base / "gallery", encoder=ColourEncoder())
        attributes = {"label": "cat", "number": 3, "share": 0.5, "is_sharp": True}
        rows = {"rows/0": png(2), "rows/1": png(3)}
        gallery.add(MemorySource(rows, {"rows/0": attributes}, prefix="rows/"))
        gallery.add(base / "photos")
        (target / "gallery").parent.mkdir(parents=True)
        shutil.copytree(base / "gallery", target / "gallery", ignore=shutil.ignore_patterns("lock*", "indexes"))
        hits = [hit.to_dict() for hit in gallery.search(np.array(QUERY))]
    for hit in hits:
        del hit["uri"]
    (target / "hits.json").write_text(json.dumps(hits, indent=1) + "\n")


if __name__ == "__main__":
    make(FORMATS / f"v{FORMAT}")
