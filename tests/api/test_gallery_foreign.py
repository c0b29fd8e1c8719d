"""A gallery made by somebody else must not make this machine's files its own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import SourceError
from lookalike.gallery.record import Record
from tests.toys import ToyEncoder


def _hits(tmp_path, uri):
    """Return the hits of a gallery whose only item claims that URI."""
    photos = tmp_path / "shared"
    photos.mkdir()
    Image.new("RGB", (8, 8), "red").save(photos / "own.png")
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    record = Record("claimed.png", uri, "0" * 32, "1:1#0", 1, {"folder": "shared"})
    gallery.store.add([record], np.ones((1, gallery.spec.dim), np.float32))
    return gallery, [hit for hit in gallery.search(np.ones(gallery.spec.dim, np.float32)) if hit.id == "claimed.png"]


@pytest.mark.parametrize("form", ["absolute", "upwards"])
def test_another_file_than_was_indexed_is_not_shown(tmp_path, form):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (300, 300), (1, 2, 3)).save(secret)
    gallery, (hit,) = _hits(tmp_path, str(secret) if form == "absolute" else "./../secret.png")
    with pytest.raises(SourceError):
        gallery.read(hit)
    hits = gallery.search(np.ones(gallery.spec.dim, np.float32))
    assert not (hits.image() == (1, 2, 3)).all(axis=2).any()


def test_a_device_is_not_opened(tmp_path):
    gallery, (hit,) = _hits(tmp_path, "/dev/zero")
    with pytest.raises(SourceError, match="no regular file"):
        gallery.read(hit)


def test_a_changed_file_is_told_apart(tmp_path):
    gallery, _ = _hits(tmp_path, "./none.png")
    (own,) = [hit for hit in gallery.search(np.ones(gallery.spec.dim, np.float32)) if hit.id == "own.png"]
    assert gallery.read(own) == (tmp_path / "shared" / "own.png").read_bytes()
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "shared" / "own.png")
    with pytest.raises(SourceError, match="has changed"):
        gallery.read(own)
