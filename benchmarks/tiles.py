"""Whether a part of a picture finds it, with tiles and without: ``python -m benchmarks.tiles``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import lookalike
from benchmarks.photos import beans, photos
from benchmarks.quality import measures_of
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.images.decode import as_pixels
from lookalike.images.transforms import encode_jpeg
from lookalike.search.options import SearchOptions

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.api.gallery import Gallery
    from lookalike.images.decode import Pixels

_CROPS = 400
_K = 10
_METHOD = """\
The gallery is the train split of Beans. Random regions of 400 of its photos, at any place, with an area of the given
share of the photo's and sides of a ratio from 3:4 to 4:3, are cut out of the fully decoded photo and asked with: the
photo itself has to be found. "JPEG" saves the region in quality 75 before. recall@k is the share of regions whose photo
is among the first k; the overlap is the intersection over union of the region and the box that the hit of the right
photo has, averaged over those that are found first. The second table asks with the whole photos of the test split and
counts those of the query's class as relevant, as the benchmark of ranking quality does."""


@dataclass(frozen=True)
class _Region:
    photo: Path
    box: tuple[int, int, int, int]
    picture: Pixels | bytes


def main() -> None:
    """Ask a gallery with tiles, in both ways."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = lookalike.open(folder)
        gallery.add(beans() / "train", tiles=True)
        rows, found = [], {}
        for name, low, high, quality in (
            ("25 to 50 %", 0.25, 0.5, None),
            ("25 to 50 %, JPEG", 0.25, 0.5, 75),
            ("10 to 25 %", 0.1, 0.25, None),
        ):
            regions = [_region(photo, number, (low, high), quality) for number, photo in enumerate(_drawn())]
            for tiles in (False, True):
                found[name, tiles] = _found(gallery, regions, tiles=tiles)
                rows.append([f"{name}, {'with' if tiles else 'without'} tiles", *found[name, tiles]])
        ranked = {tiles: _ranked(gallery, tiles=tiles) for tiles in (False, True)}
    publish(_result(rows, ranked))


def _drawn() -> list[Path]:
    names = photos("train")
    return [names[i] for i in np.random.default_rng(0).choice(len(names), _CROPS, replace=False)]


def _region(photo: Path, seed: int, area: tuple[float, float], quality: int | None) -> _Region:
    random = np.random.default_rng(seed)
    pixels = as_pixels(photo)
    height, width = pixels.shape[:2]
    share, ratio = random.uniform(*area), np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    wide = min(width, round(width * (share * ratio) ** 0.5))
    tall = min(height, round(height * (share / ratio) ** 0.5))
    x, y = int(random.integers(0, width - wide + 1)), int(random.integers(0, height - tall + 1))
    cut = np.ascontiguousarray(pixels[y : y + tall, x : x + wide])
    return _Region(photo, (x, y, wide, tall), cut if quality is None else encode_jpeg(cut, quality))


def _found(gallery: Gallery, regions: list[_Region], *, tiles: bool) -> list[float | None]:
    """Return recall@1, recall@10, and the mean overlap of the boxes; None without tiles."""
    answers = gallery.search_batch([region.picture for region in regions], _K, SearchOptions(tiles=tiles))
    ranks, overlaps = [], []
    for region, hits in zip(regions, answers, strict=True):
        rank = next((hit.rank for hit in hits if hit.uri == str(region.photo)), _K + 1)
        ranks.append(rank)
        if rank == 1 and hits[0].box is not None:
            overlaps.append(_overlap(region.box, hits[0].box))
    is_first, is_found = (np.array(ranks) <= k for k in (1, _K))
    return [float(is_first.mean()), float(is_found.mean()), float(np.mean(overlaps)) if overlaps else None]


def _overlap(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> float:
    sides = [max(0, min(first[i] + first[i + 2], second[i] + second[i + 2]) - max(first[i], second[i])) for i in (0, 1)]
    shared = sides[0] * sides[1]
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


def _ranked(gallery: Gallery, *, tiles: bool) -> list[float]:
    queries = photos("test")
    answers = gallery.search_batch(queries, len(gallery), SearchOptions(tiles=tiles))
    return measures_of(answers, [path.parent.name for path in queries])


def _result(rows: list[list[Any]], ranked: dict[bool, list[float]]) -> Result:
    regions = Table(
        f"{_CROPS} regions of photos of the gallery (share of the area)",
        [Column("regions"), *(Column(name, ".3f") for name in ("recall@1", f"recall@{_K}", "overlap of the box"))],
        rows,
    )
    whole = Table(
        "Whole photos, ranked by their class",
        [Column("search"), *(Column(name, ".3f") for name in ("P@1", "P@5", "mAP"))],
        [[f"{'with' if tiles else 'without'} tiles", *values] for tiles, values in ranked.items()],
    )
    target = Target("recall@1 of regions of 25 to 50 % with tiles", rows[1][1], 0.85, is_floor=True, format=".3f")
    return Result("tiles", "Parts of pictures", _METHOD, [regions, whole], [target])


if __name__ == "__main__":
    main()
