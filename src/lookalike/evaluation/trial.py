"""One encoder on a sample of images, in a process of its own: see :mod:`lookalike.evaluation.comparison`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.building.build import build
from lookalike.building.sample import sample_images
from lookalike.encoders.loading import load_encoder
from lookalike.errors import InputError, LookalikeError, first_line
from lookalike.evaluation.memory import peak_bytes
from lookalike.evaluation.retrieval import copy_quality, label_quality
from lookalike.gallery.lance_store import LanceStore, embedding_matrix
from lookalike.gallery.location import Location
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import EMBEDDING
from lookalike.search.uris import full_uri
from lookalike.sources.files import FilesSource
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.evaluation.retrieval import CopyQuality, LabelQuality

_COPIED = 100
"""Images whose changed copies are searched with."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one trial does."""

    name: str
    """Of the encoder."""
    choices: Mapping[str, Any]
    """Keywords of :func:`lookalike.load_encoder`, such as ``precision``."""
    paths: tuple[str, ...]
    """Absolute: of the images."""
    labels: tuple[str | None, ...]
    """As many."""
    by_labels: bool
    """Whether quality is measured by the labels, else by changed copies."""
    folder: str
    """Exists, and is of this trial alone."""


def run(job: Job) -> dict[str, Any]:
    """Index the images with the encoder, and return what that took and how good it is, as JSON-ready values.

    Raises
    ------
    LookalikeError : if the encoder cannot be loaded or run, or none of the images can be read.
    """
    location = Location(Path(job.folder) / "gallery")
    source = FilesSource([Path(path) for path in job.paths], base=location.base)
    started = time.perf_counter()
    # a precision that has to be calibrated is calibrated as that of a new gallery is: on what it is made from
    encoder = load_encoder(job.name, calibration=partial(sample_images, source), **job.choices)
    encoder.encode_images([np.zeros((64, 64, 3), np.uint8)])  # the first call sets much up
    load_seconds = time.perf_counter() - started
    store = LanceStore.create(location, Manifest(encoder=encoder.spec.to_dict(), dim=encoder.spec.dim))
    report = build(store, source, lambda: encoder)
    peak = peak_bytes()
    if report.total == 0:
        msg = f"none of the images could be embedded; the first: {report.failed[0].reason}"
        raise InputError(msg)
    return {
        "encoder": encoder.spec.to_dict(),
        "dim": encoder.spec.dim,
        "bytes_per_image": 4 * encoder.spec.dim,
        "images": report.total,
        "failed": len(report.failed),
        "images_per_second": report.images_per_second,
        "load_seconds": load_seconds,
        "peak_bytes": peak,
        "quality": _quality(job, encoder, store).to_dict(),
    }


def main(arguments: Sequence[str]) -> None:
    """Read a job from the file that is named first, and write its result, or the error, to the second."""
    source, target = map(Path, arguments)
    values = json.loads(source.read_text("utf-8"))
    job = Job(**{**values, "paths": tuple(values["paths"]), "labels": tuple(values["labels"])})
    try:
        result = run(job)
    except LookalikeError as error:
        result = {"error": str(error)}
    except Exception as error:  # noqa: BLE001  (a model may bring its own code, and no failure stops the other trials)
        result = {"error": f"{type(error).__name__}: {first_line(error)}"}
    target.write_text(json.dumps(result), "utf-8")


def _quality(job: Job, encoder: Encoder, store: LanceStore) -> LabelQuality | CopyQuality:
    paths, digests, vectors = _rows(store)
    if job.by_labels:
        label_of = dict(zip(job.paths, job.labels, strict=True))
        return label_quality(vectors, [label_of[path] for path in paths])
    chosen = np.unique(np.linspace(0, len(paths) - 1, _COPIED).astype(int)).tolist()
    return copy_quality(encoder, vectors, digests, {place: Path(paths[place]) for place in chosen})


def _rows(store: LanceStore) -> tuple[list[str], list[str], Vectors]:
    """Return the paths, the digests and the embeddings of all items, by id."""
    batches = list(store.scan(["id", "uri", "digest", EMBEDDING]))
    names: list[str] = [name for batch in batches for name in batch["id"].to_pylist()]
    uris = [full_uri(uri, store.location.base) for batch in batches for uri in batch["uri"].to_pylist()]
    digests = [digest for batch in batches for digest in batch["digest"].to_pylist()]
    vectors = np.concatenate([embedding_matrix(batch[EMBEDDING]) for batch in batches])
    order = sorted(range(len(names)), key=names.__getitem__)
    return [original(uris[at]) for at in order], [digests[at] for at in order], vectors[order]
