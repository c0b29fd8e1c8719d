from __future__ import annotations

import numpy as np

from lookalike.api.concepts import CONCEPTS, concepts_of


class Words:
    """Embeds a text as the axis of its concept, away from where images are."""

    def encode_texts(self, texts):
        numbers = [next(n for n, concept in enumerate(CONCEPTS) if text.endswith(f" {concept}")) for text in texts]
        vectors = np.eye(len(CONCEPTS) + 1, dtype=np.float32)[numbers]
        vectors[:, -1] = 3.0
        return vectors


def test_the_nearest_concept_names_a_group():
    means = np.full((2, len(CONCEPTS) + 1), 0.2, np.float32)
    means[0, CONCEPTS.index("cat")] = means[1, CONCEPTS.index("beach")] = 0.5
    means[:, CONCEPTS.index("text")] = 0.9  # what all groups share tells none apart
    assert concepts_of(Words(), means) == ["cat", "beach"]
    assert concepts_of(Words(), means[:1]) == ["text"]


def test_no_concept_is_there_twice():
    assert len(set(CONCEPTS)) == len(CONCEPTS) > 100
