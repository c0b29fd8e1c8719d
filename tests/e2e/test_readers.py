"""Who searches while another process indexes sees whole commits."""

from __future__ import annotations

import numpy as np

import lookalike
from tests.e2e.runs import Run
from tests.toys import ToyEncoder, pixels_of, plant, png, toy_embedding

IMAGES = 200


def cosine(left, right):
    left, right = left.astype(np.float64), right.astype(np.float64)
    return left @ right / np.sqrt((left @ left) * (right @ right))


def test_a_reader_sees_only_what_is_right_while_images_come_and_change(tmp_path):
    # every image is of one of two generations; what a reader gets of it must be of one or the other
    plant(tmp_path, range(0, IMAGES, 2))
    lookalike.open(tmp_path, encoder=ToyEncoder()).add(tmp_path)
    plant(tmp_path, range(IMAGES))
    for number in range(0, IMAGES, 2):
        (tmp_path / f"{number:04d}.png").write_bytes(png(5000 + number))
    query = np.linspace(-1, 1, 12, dtype=np.float32)
    old = {f"{n:04d}.png": cosine(query, toy_embedding(pixels_of(n))) for n in range(0, IMAGES, 2)}
    new = {f"{n:04d}.png": cosine(query, toy_embedding(pixels_of(n if n % 2 else 5000 + n))) for n in range(IMAGES)}

    reader = lookalike.open(tmp_path)
    run = Run(tmp_path, tmp_path)
    seen = []
    for _ in run.events():
        hits = reader.search(query, k=IMAGES)
        assert len(set(hits.ids)) == len(hits)
        assert hits.scores == sorted(hits.scores, reverse=True)
        assert old.keys() <= set(hits.ids)
        changed = 0
        for hit in hits:
            is_new = abs(hit.score - new[hit.id]) < 1e-6
            assert is_new or abs(hit.score - old[hit.id]) < 1e-6
            changed += is_new
        seen.append(changed)
    run.close()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3  # it did see it grow
    assert seen[-1] == IMAGES
