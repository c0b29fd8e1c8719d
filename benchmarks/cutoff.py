"""Whether ``--min-score auto`` keeps related hits and only these: ``python -m benchmarks.cutoff``."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lookalike
from benchmarks.photos import beans, photos
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.encoders.staging import embed_image
from lookalike.images.decode import decode
from lookalike.images.digest import content_digest
from lookalike.search.calibration import calibration_of
from lookalike.search.options import AUTO, SearchOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

_PACKAGES = {
    "skimage": "data",
    "sklearn": "datasets/images",
    "matplotlib": "mpl-data/sample_data",
    "gradio": "media_assets/images",
    "imgaug": "",
    "mahotas": "demos/data",
    "mvtbimages": "",
}
"""Python packages that bring photos, none of bean leaves, and where these lie; those that are installed are taken."""
_SMALLEST = 20_000
_CROPS = 9
_IN_GALLERY = 0.6
_METHOD = """\
Beans: the gallery is the train split, the related queries are the test split, and the unrelated ones all photos that
Python packages at hand bring ({packages}), some of flowers and tomato plants. A query is answered if `--min-score auto`
leaves a hit. Then galleries in which images have no relative: of {share:.0%} of those photos, one to seven crops, of a
given share of them one only; a related query is another crop of a photo with several in the gallery, an unrelated one a
crop of a photo that is not in it (some of these photos are of the same scene as one that is). `2nd percentile` is what
the threshold would be if no group was set aside."""


def main() -> None:
    """Ask both kinds of queries."""
    strangers = _strangers()
    related = photos("test", "validation")
    encoder = lookalike.load_encoder()
    with tempfile.TemporaryDirectory() as folder:
        gallery = lookalike.open(folder, encoder=encoder)
        gallery.add(beans() / "train")
        calibration = gallery.searcher.calibration()
        shares = [_answered(gallery, queries) for queries in (related, strangers)]
        plain = gallery.search_batch([*related, *strangers], k=1)
    best = [float(hits.scores[0]) for hits in plain]
    columns = [Column("queries"), Column("number", "d"), Column("answered", ".3f"), Column("lowest", ".3f")]
    columns += [Column("median", ".3f"), Column("highest", ".3f")]
    rows: list[list[Any]] = []
    for name, share, scores in (
        ("related", shares[0], best[: len(related)]),
        ("unrelated", shares[1], best[len(related) :]),
    ):
        rows.append([name, len(scores), share, min(scores), float(np.median(scores)), max(scores)])
    title = (
        f"Beans: plausible from {calibration.plausible}, strong from {calibration.strong}; scores are of the best hit"
    )
    targets = [
        Target("related queries answered", shares[0], 0.95, is_floor=True, format=".3f"),
        Target("unrelated queries answered", shares[1], 0.01, is_floor=False, format=".3f"),
    ]
    packages = ", ".join(name for name in _PACKAGES if find_spec(name))
    method = _METHOD.format(packages=packages, share=_IN_GALLERY)
    tables = [Table(title, columns, rows), _lonely(encoder, strangers)]
    publish(Result("cutoff", "A cut-off that means something", method, tables, targets))


def _answered(gallery: Any, queries: Sequence[Path]) -> float:
    answers = gallery.search_batch(queries, 1, SearchOptions(min_score=AUTO))
    return float(np.mean([len(hits) > 0 for hits in answers]))


def _strangers() -> list[Path]:
    """Return photos of anything but beans, each once."""
    found: dict[str, Path] = {}
    for name, folder in _PACKAGES.items():
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted((Path(place) / folder).rglob("*")):
                if path.suffix.lower() in (".jpg", ".jpeg", ".png") and path.stat().st_size >= _SMALLEST:
                    found.setdefault(content_digest(path.read_bytes()), path)
    return list(found.values())


def _lonely(encoder: Any, paths: Sequence[Path]) -> Table:
    """Measure galleries in which a share of the images have no relative."""
    rng = np.random.default_rng(0)
    crops = np.stack([_embedded_crops(encoder, path, rng) for path in paths])
    crops /= np.linalg.norm(crops, axis=2, keepdims=True)
    order = rng.permutation(len(paths))
    count = int(_IN_GALLERY * len(paths))
    inside, outside = order[:count], order[count:]
    rows = []
    for share in (0.0, 0.2, 0.5, 0.8):
        is_alone = np.arange(count) < share * count
        held = [
            crops[i, : 1 if alone else rng.integers(2, _CROPS - 1)] for i, alone in zip(inside, is_alone, strict=True)
        ]
        gallery = np.concatenate(held)
        related, unrelated = crops[inside[~is_alone], -1], crops[outside].reshape(-1, gallery.shape[1])
        nearest = gallery @ gallery.T
        np.fill_diagonal(nearest, -1)
        nearest[nearest >= 0.95] = -1
        best = nearest.max(axis=1)
        calibration = calibration_of(best[best > -1])
        assert calibration is not None
        row: list[Any] = [f"{share:.0%}", len(gallery)]
        for threshold in (calibration.plausible, float(np.percentile(best[best > -1], 2))):
            row += [
                threshold,
                *(((queries @ gallery.T).max(axis=1) >= threshold).mean() for queries in (related, unrelated)),
            ]
        rows.append([value if isinstance(value, (str, int)) else float(value) for value in row])
    names = ("auto", "related", "unrelated", "2nd percentile", "related", "unrelated")
    columns = [Column("photos without a relative"), Column("images", "d"), *(Column(name, ".3f") for name in names)]
    return Table("Galleries with images that have no relative: share of queries answered", columns, rows)


def _embedded_crops(encoder: Any, path: Path, rng: np.random.Generator) -> Vectors:
    """Return the embeddings of crops, each half to four fifths as wide and high; shape (9, dim)."""
    pixels = decode(path.read_bytes()).pixels
    height, width = pixels.shape[:2]
    found = []
    for _ in range(_CROPS):
        share = rng.uniform(0.5, 0.8)
        high, wide = int(share * height), int(share * width)
        top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
        found.append(embed_image(encoder, np.ascontiguousarray(pixels[top : top + high, left : left + wide])))
    return np.concatenate(found)


if __name__ == "__main__":
    main()
