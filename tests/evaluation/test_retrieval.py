from __future__ import annotations

import numpy as np
import pytest

from lookalike.encoders.staging import embed_image
from lookalike.errors import InputError
from lookalike.evaluation.augment import CHANGES
from lookalike.evaluation.retrieval import copy_quality, label_quality
from lookalike.images.digest import content_digest
from tests.toys import ToyEncoder

LABELS = ["a", "a", "b", None, "b", "a", "alone"]


def plain_label_quality(vectors, labels):
    """Rank the others of each image by cosine, and count."""
    first, five, average = [], [], []
    for query, label in enumerate(labels):
        others = [other for other in range(len(labels)) if other != query]
        relevant = [other for other in others if label is not None and labels[other] == label]
        if not relevant:
            continue

        def cosine(other, query=query):
            one, two = vectors[query].astype(float), vectors[other].astype(float)
            return np.float32(one @ two / np.sqrt((one @ one) * (two @ two)))  # as a search returns it

        ranked = sorted(others, key=cosine, reverse=True)
        ranks = [rank for rank, other in enumerate(ranked, start=1) if other in relevant]
        first.append(ranks[0] == 1)
        five.append(sum(rank <= 5 for rank in ranks) / 5)
        average.append(np.mean([count / rank for count, rank in enumerate(ranks, start=1)]))
    return len(first), np.mean(first), np.mean(five), np.mean(average)


def test_by_labels_each_image_asks_for_the_others():
    vectors = np.random.default_rng(3).normal(size=(7, 4)).astype(np.float32)
    vectors.flags.writeable = False
    found = label_quality(vectors, LABELS)
    expected = plain_label_quality(vectors, LABELS)
    assert found.queries == expected[0] == 5
    assert (found.precision_at_1, found.precision_at_5, found.mean_average_precision) == pytest.approx(expected[1:])
    assert found.to_dict() == {
        "queries": 5,
        "precision": {"1": found.precision_at_1, "5": found.precision_at_5},
        "map": found.mean_average_precision,
    }


def test_more_images_than_are_ranked_at_once():
    random = np.random.default_rng(4)
    vectors = random.normal(size=(600, 3)).astype(np.float32)
    labels = [str(number) for number in random.integers(0, 9, 600)]
    found = label_quality(vectors, labels)
    assert found.mean_average_precision == pytest.approx(plain_label_quality(vectors, labels)[3])


def test_labels_that_never_meet_judge_nothing():
    with pytest.raises(InputError, match="no two of the images have the same label"):
        label_quality(np.eye(3, dtype=np.float32), ["a", "b", None])


def test_copies_look_for_their_originals_or_what_is_identical(photos, tmp_path):
    paths = [photos / name for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")]
    paths = [*paths, tmp_path / "same.png"]
    paths[-1].write_bytes(paths[0].read_bytes())
    encoder = ToyEncoder()
    vectors = np.concatenate([embed_image(encoder, path.read_bytes()) for path in paths])
    digests = [content_digest(path.read_bytes()) for path in paths]
    found = copy_quality(encoder, vectors, digests, {1: paths[1], 4: paths[4]})
    assert found.queries == 2 * len(CHANGES)
    # poor compression leaves the means of the quarters as they are
    assert found.recall_by_change["recompress"] == 1.0
    assert found.recall_by_change.keys() == {change.name for change in CHANGES}
    assert found.recall_at_1 == pytest.approx(np.mean(list(found.recall_by_change.values())))
    assert found.recall_at_1 <= found.mean_reciprocal_rank <= 1.0
    assert found.to_dict()["recall"] == {"1": found.recall_at_1}


def test_an_encoder_that_sees_nothing_finds_originals_by_chance_alone(photos):
    class Blind(ToyEncoder):
        def encode_images(self, images):
            return np.ones((len(images), 12), np.float32)

    names = ("astronaut.png", "chelsea.png", "coffee.png")
    vectors = np.ones((3, 12), np.float32)
    found = copy_quality(Blind(), vectors, ["0", "1", "2"], {2: photos / names[2]})
    # all scores are equal, so that the order is that of the images
    assert (found.recall_at_1, found.mean_reciprocal_rank) == pytest.approx((0.0, 1 / 3))
