"""Embeddings of real photos, and one thread for FAISS: at these sizes more would only wait for each other."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.images.decode import decode
from lookalike.indexes.faiss_library import faiss


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(scope="session")
def bean_embeddings(beans):
    """Every third of the Beans photos of training, and every second of the test ones: two matrices."""
    encoder = EmbeddedEncoder()
    parts = []
    for split, step in (("train", 3), ("test", 2)):
        paths = sorted((beans / split).rglob("*.jpg"))[::step]
        images = [decode(path.read_bytes(), min_side=encoder.decode_side).pixels for path in paths]
        parts.append(encoder.encode_images(images))
    for part in parts:
        part.flags.writeable = False
    return tuple(np.asarray(part) for part in parts)
