"""Names for groups of images, in the words that an encoder of images and texts finds nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.arrays import normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import TextEncoder

CONCEPTS = (
    *("person", "face", "child", "baby", "crowd", "wedding", "party", "concert", "sport", "football", "hands"),
    *("dog", "cat", "bird", "horse", "cow", "sheep", "fish", "insect", "butterfly", "reptile", "bear", "elephant"),
    *("tree", "flower", "leaf", "grass", "garden", "forest", "mushroom", "fruit", "vegetables", "field", "mountain"),
    *("beach", "sea", "lake", "river", "waterfall", "desert", "snow", "sky", "sunset", "night", "stars", "fire"),
    *("city", "street", "building", "house", "church", "bridge", "tower", "castle", "ruins", "interior", "kitchen"),
    *("bedroom", "office", "shop", "museum", "car", "truck", "bus", "train", "bicycle", "motorcycle", "aeroplane"),
    *("boat", "road", "food", "bread", "meat", "cake", "drink", "coffee", "clothes", "shoe", "hat", "bag", "jewellery"),
    *("watch", "furniture", "chair", "table", "lamp", "book", "newspaper", "toy", "game", "instrument", "tool"),
    *("machine", "computer", "screen", "phone", "camera", "sign", "map", "diagram", "chart", "text", "handwriting"),
    *("screenshot", "logo", "drawing", "painting", "cartoon", "sculpture", "pattern", "texture", "x-ray", "microscopy"),
    *("satellite picture", "aerial view", "fabric", "stone", "wood", "metal", "glass", "water", "document", "receipt"),
)
_PROMPT = "a photo of a {}"


def concepts_of(encoder: TextEncoder, means: Vectors) -> Sequence[str]:
    """Return the concept nearest to each group of images.

    Parameters
    ----------
    encoder : made the embeddings.
    means : shape (groups, dim): the mean of each group's embeddings of length 1.

    Notes
    -----
    Images and texts lie apart in such a space (Liang et al., *Mind the gap*, arXiv:2203.02053), so each side is taken
    relative to its own mean, as far as there are two groups to tell apart.
    """
    texts = normalised(encoder.encode_texts([_PROMPT.format(concept) for concept in CONCEPTS]))
    if len(means) > 1:
        means, texts = means - means.mean(axis=0), texts - texts.mean(axis=0)
    return [CONCEPTS[number] for number in (means @ texts.T).argmax(axis=1)]
