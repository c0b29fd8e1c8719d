"""An encoder of images and texts, made of one of images and of what embeds texts into the same space."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders.base import KeptEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors


def _of_images(name: str) -> Any:
    return property(lambda pair: getattr(pair.images, name))


class PairEncoder:
    """Embeds images and texts into one space; all that concerns images is their encoder's.

    Parameters
    ----------
    images : the encoder of the images.
    load_texts : returns what embeds texts; called when first one is embedded.
    """

    runtime = _of_images("runtime")
    runtime_reason = _of_images("runtime_reason")
    notice = _of_images("notice")
    agreement = _of_images("agreement")
    kept = _of_images("kept")
    batch_size = _of_images("batch_size")
    batches_at_once = _of_images("batches_at_once")
    decode_side = _of_images("decode_side")
    decode_drift = _of_images("decode_drift")
    prepare = _of_images("prepare")
    encode_prepared = _of_images("encode_prepared")
    encode_patches = _of_images("encode_patches")
    encode_images = _of_images("encode_images")
    as_map_function = _of_images("as_map_function")

    def __init__(self, images: Any, load_texts: Callable[[], Callable[[Sequence[str]], Vectors]]) -> None:
        self.spec = replace(images.spec, modalities=("image", "text"))
        self.images = images
        self._load_texts = load_texts
        self._encode_texts: Callable[[Sequence[str]], Vectors] | None = None
        self._lock = threading.Lock()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; returns shape (len(texts), dim), float32, not normalised. What is too long is cut off.

        Raises
        ------
        LookalikeError : if what embeds texts cannot be loaded, or the checkpoint is another one by now.
        """
        if not texts:
            return np.empty((0, self.spec.dim), np.float32)
        with self._lock:
            if self._encode_texts is None:
                self._encode_texts = self._load_texts()
        return self._encode_texts(texts)

    def keep_in(self, folder: Path) -> None:
        """Copy what the encoder of the images cannot be made again from into a folder, if there is anything.

        Raises
        ------
        OSError : if the folder cannot be written.
        """
        if isinstance(self.images, KeptEncoder):
            self.images.keep_in(folder)
