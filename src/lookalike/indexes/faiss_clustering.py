"""Centroids for the lists of an inverted file, found in two levels.

Lloyd's iterations over all centroids take time in points times centroids. Here some centroids are found first, then
those of each one's points, and only the last iteration is over all of them: that takes a fraction of the time, for
lists that hold about as much of what is near. After the hierarchical k-means of Nister and Stewenius
(https://doi.org/10.1109/CVPR.2006.264).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.indexes.faiss_library import faiss

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors

_faiss: Any = faiss  # typed in some releases of FAISS, and not as it behaves
FEWEST_CENTROIDS = 256
"""Of fewer, FAISS finds them in one level in about the same time."""
_ITERATIONS, _LAST_ITERATIONS = 10, 1
_BREADTH_OF_LINKS = 200
"""Of the search for links of a graph over the centroids, which are few and looked through by every search."""
_BREADTH_TO_ADD = 8
"""Of the search for the list of a row. Of 16, it takes twice as long, for one row in forty that has a nearer list."""


def train_lists(index: Any, sample: Vectors) -> None:
    """Give an inverted file its centroids, if that takes long otherwise; :meth:`train` does the rest.

    Parameters
    ----------
    index : an ``IndexIVF`` that is not trained; others are left alone.
    sample : shape (n, dim).
    """
    if not isinstance(index, faiss.IndexIVF) or not FEWEST_CENTROIDS <= index.nlist <= len(sample) // 2:
        return
    quantizer: Any = faiss.downcast_index(index.quantizer)
    if isinstance(quantizer, faiss.IndexHNSW):
        quantizer.hnsw.efConstruction = _BREADTH_OF_LINKS
        quantizer.hnsw.efSearch = _BREADTH_TO_ADD
    if isinstance(quantizer, (faiss.IndexFlat, faiss.IndexHNSWFlat)) and quantizer.ntotal == 0:
        quantizer.add(centroids_of(sample, int(index.nlist), spherical=bool(index.cp.spherical)))


def centroids_of(points: Vectors, count: int, *, spherical: bool) -> Vectors:
    """Return centroids that points are near to.

    Parameters
    ----------
    points : shape (n, dim).
    count : at most n / 2, so that none of the first centroids has to be given more than it has points.
    spherical : the centroids have unit length, and the nearest is that of the largest inner product.

    Returns
    -------
    Shape (count, dim), float32; the same for the same points.
    """
    first = _means(points, round(count**0.5), _ITERATIONS, spherical=spherical)
    _, nearest = first.index.search(points, 1)
    sizes = np.bincount(nearest[:, 0], minlength=first.k)
    parts = np.split(np.argsort(nearest[:, 0], kind="stable"), np.cumsum(sizes)[:-1])
    found = [
        _means(points[part], share, _ITERATIONS, spherical=spherical).centroids
        for part, share in zip(parts, _shares(sizes, count), strict=True)
        if share
    ]
    centroids: Vectors = _means(
        points, count, _LAST_ITERATIONS, spherical=spherical, start=np.concatenate(found)
    ).centroids
    return centroids


def _shares(sizes: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Divide a number in proportion to sizes."""
    ends = np.cumsum(sizes) * count // sizes.sum()
    shares: npt.NDArray[np.int64] = np.diff(ends, prepend=0)
    return shares


def _means(points: Vectors, count: int, iterations: int, *, spherical: bool, start: Vectors | None = None) -> Any:
    means = _faiss.Kmeans(
        points.shape[1],
        count,
        niter=iterations,
        spherical=spherical,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),
    )
    means.train(points, init_centroids=start)
    return means
