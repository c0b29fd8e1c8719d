"""What a cosine means in a gallery: how alike its own images are to their nearest.

A score says little by itself: two bean leaves that have nothing to do with each other may reach 0.6, two photos of a
holiday 0.2. So up to 500 images of the gallery ask for the image that is most alike to each, itself and near-duplicates
left out. A hit is *plausible* if its score is one that 98 of 100 images reach with their nearest, *strong* if half of
them do, and *weak* below. A new query without a relative in the gallery has only weak hits.

Images that have no relative themselves say nothing about relatives. If their scores stand apart from those of the
others, they are set aside first: the scores are split in two groups as Otsu does (A threshold selection method from
gray-level histograms, IEEE Trans. SMC 9(1), 1979), and the groups stand apart if the distance of their means is large
in terms of their deviations (Ashman, Bird and Zepf, Detecting bimodality in astronomical datasets, AJ 108, 1994).
Scores without two groups give 2.7 by that measure, or 3.5 if they are uniform.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.gallery.table_files import fingerprint
from lookalike.search.hit import Strength
from lookalike.search.snapshot import changed_since

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.snapshot import Snapshot
    from lookalike.search.view import View

NEAR_DUPLICATE = 0.95
"""The cosine from which two images are taken for the same picture."""
FEWEST = 50
"""Images that have to have a nearest one: of fewer, the lowest scores are a matter of chance."""
_SAMPLE = 500
_NEIGHBOURS = 8
"""Looked at for each image of the sample, beside itself, for one that is no near-duplicate."""
_PLAUSIBLE, _STRONG = 2, 50
"""Percentiles."""
_APART = 4.0
_STALE_SHARE = 0.05
_FILE = "calibration.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The cosines from which hits are plausible and strong."""

    plausible: float
    strong: float

    def strength(self, score: float) -> Strength:
        """Return what a cosine says."""
        if score >= self.strong:
            return Strength.STRONG
        return Strength.PLAUSIBLE if score >= self.plausible else Strength.WEAK


def known_calibration(store: LanceStore, snapshot: Snapshot | None) -> Calibration | None:
    """Return what was measured and kept beside a snapshot, if it still holds: few rows have changed since.

    Parameters
    ----------
    store : pinned to a version.
    snapshot : that this version is searched with.
    """
    if snapshot is None:
        return None
    try:
        about = json.loads((snapshot.path / _FILE).read_text(encoding="utf-8"))
        version, rows = int(about["version"]), int(about["rows"])
        calibration = Calibration(float(about["plausible"]), float(about["strong"]))
        commit = about["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it can be measured again
    if version > store.version or fingerprint(store.location, version) not in ("", commit):
        return None
    written, removed = changed_since(store, version, rows)
    return calibration if written + removed <= _STALE_SHARE * rows else None


def calibrate(view: View) -> Calibration | None:
    """Measure a gallery, and keep the result beside its snapshot if that may be written to.

    Parameters
    ----------
    view : of the rows by cosine.

    Returns
    -------
    None if too few of the images have another one to be compared with.
    """
    calibration = calibration_of(_nearest_scores(view))
    if calibration is not None and view.snapshot is not None:
        about = {
            **asdict(calibration),
            "version": view.store.version,
            "rows": len(view.store),
            "fingerprint": fingerprint(view.store.location, view.store.version),
        }
        with contextlib.suppress(OSError):  # a reader may not be allowed to, or the gallery be removed meanwhile
            _replace(view.snapshot, about)
    return calibration


def calibration_of(nearest: npt.NDArray[np.floating[Any]]) -> Calibration | None:
    """Return the scores from which hits are plausible and strong.

    Parameters
    ----------
    nearest : shape (n,): for each of n images the cosine to the nearest other one.

    Examples
    --------
    >>> calibration_of(np.linspace(0.7, 0.9, 101))
    Calibration(plausible=0.704, strong=0.8)
    """
    related = _related(np.sort(nearest.astype(np.float64)))
    if len(related) < FEWEST:
        return None
    plausible, strong = (round(float(score), 4) for score in np.percentile(related, [_PLAUSIBLE, _STRONG]))
    return Calibration(plausible, strong)


def _nearest_scores(view: View) -> npt.NDArray[np.float32]:
    """Return the cosine of some images to the nearest other one that is no near-duplicate; shape (at most 500,)."""
    drawn = view.sample(_SAMPLE)
    if len(drawn) < FEWEST:
        return np.empty(0, np.float32)
    row_ids, scores = view.nearest(view.store.embeddings(drawn), _NEIGHBOURS + 1)
    is_other = (row_ids >= 0) & (row_ids != drawn.astype(np.int64)[:, None]) & (scores < NEAR_DUPLICATE)
    best = np.where(is_other, scores, -np.inf).max(axis=1)
    return np.asarray(best[np.isfinite(best)])


def _related(nearest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the upper one of two groups that stand apart, or all; ascending, as ``nearest`` is."""
    count = len(nearest)
    if count < FEWEST:
        return nearest
    lower = np.arange(1, count)
    sums = np.cumsum(nearest)
    gap = (sums[-1] - sums[:-1]) / (count - lower) - sums[:-1] / lower
    split = int(np.argmax(lower * (count - lower) * gap**2)) + 1
    deviation = np.sqrt((nearest[:split].var() + nearest[split:].var()) / 2)
    return nearest[split:] if gap[split - 1] > _APART * deviation else nearest


def _replace(snapshot: Snapshot, about: dict[str, Any]) -> None:
    partial = snapshot.path / f"partial-{uuid.uuid4().hex}.json"
    try:
        partial.write_text(json.dumps(about), encoding="utf-8")
        os.replace(partial, snapshot.path / _FILE)  # noqa: PTH105 - replaces on Windows too, as Path.rename does not
    finally:
        partial.unlink(missing_ok=True)
