"""Embeddings as places on a plane, neighbours side by side, and as groups; with scikit-learn, the extra ``map``."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import normalised
from lookalike.errors import BackendMissingError
from lookalike.projections.fitting import fit_projection

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors

_COMPONENTS = 50
_PERPLEXITY, _STEPS = 30.0, 500
_FEWEST = 8
"""Of rows, for which t-SNE has neighbours to tell from others."""
_MOST_GROUPS = 12


def check_layout() -> None:
    """Check that embeddings can be laid out.

    Raises
    ------
    BackendMissingError : if scikit-learn is not installed.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise BackendMissingError(backend="scikit-learn", extra="map")


def principal_parts(vectors: Vectors) -> Vectors:
    """Return the directions of embeddings, in at most 50 principal components; shape (n, m), float32.

    Parameters
    ----------
    vectors : shape (n, dim), n at least 1; not modified.
    """
    unit = normalised(vectors)
    return fit_projection(f"pca:{min(_COMPONENTS, unit.shape[1])}", unit).project(unit)


def places_of(parts: Vectors, *, seed: int = 0) -> Vectors:
    """Lay rows out on a plane so that near ones stay near.

    Parameters
    ----------
    parts : shape (n, m), principal components first; not modified.
    seed : the same one gives the same places, on the same machine.

    Returns
    -------
    Shape (n, 2), float32.

    Notes
    -----
    t-SNE (van der Maaten and Hinton, JMLR 2008) with Barnes-Hut approximation, time O(n log n), from the first two
    components on, which keeps more of the large structure (Kobak and Berens, arXiv:1812.03728). A few rows are placed
    by these two components alone.
    """
    start = np.zeros((len(parts), 2), np.float32)
    start[:, : parts.shape[1]] = parts[:, :2]
    spread = float(start[:, 0].std())
    if len(parts) < _FEWEST or spread == 0:
        return start
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(parts) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init=start / spread * 1e-4, max_iter=_STEPS, random_state=seed)
    places: Vectors = tsne.fit_transform(parts)
    return places


def groups_of(parts: Vectors, *, seed: int = 0) -> npt.NDArray[np.intp]:
    """Divide rows into up to twelve groups of like ones, by k-means; returns the number of each row's group.

    Parameters
    ----------
    parts : shape (n, m), n at least 1; not modified.
    seed : the same one gives the same groups.
    """
    distinct = len(np.unique(parts, axis=0))
    wanted = min(_MOST_GROUPS, distinct, max(1, round(len(parts) ** 0.5 / 2)))
    if wanted == 1:
        return np.zeros(len(parts), np.intp)
    from sklearn.cluster import KMeans

    groups: npt.NDArray[np.intp] = KMeans(wanted, n_init=4, random_state=seed).fit_predict(parts)
    return groups
