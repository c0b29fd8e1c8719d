"""A Hugging Face checkpoint as an encoder: of images, or of images and texts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
import transformers

from lookalike.encoders.pairs import PairEncoder
from lookalike.encoders.pretrained import loading_options
from lookalike.encoders.torch_batches import Batches
from lookalike.encoders.transformers_encoder import TransformersEncoder
from lookalike.encoders.vision_tower import unwrapped
from lookalike.hub import quiet_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.encoders.loading import EncoderOptions


class _TextTower:
    """Embeds texts into the space of the images, with a checkpoint of two towers."""

    def __init__(self, images: TransformersEncoder, tokenizer: Any) -> None:
        self._model = images.model
        self._tokenizer = tokenizer
        self._length = _text_length(tokenizer, images.model.config)
        self._batches = Batches(images.batch_size, images.spec.name)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self._batches.embed(len(texts), lambda part: self._features(list(texts[part])))

    def _features(self, texts: list[str]) -> torch.Tensor:
        # always to the full length: models without an attention mask are trained so, and to others it is all one
        padding = {"padding": True} if self._length is None else {"padding": "max_length", "truncation": True}
        tokens = self._tokenizer(texts, return_tensors="pt", max_length=self._length, **padding)
        with torch.inference_mode():
            return unwrapped(self._model.get_text_features(**tokens.to(self._model.device)))


def load(name: str, options: EncoderOptions) -> Encoder:
    """Make the encoder of a checkpoint: of images and texts where it has both towers and a tokenizer.

    Raises
    ------
    InputError, EncoderError : see :class:`TransformersEncoder`.
    """
    with quiet():
        encoder = TransformersEncoder(name, options)
        if encoder.spec.pooling != "image-features" or not hasattr(encoder.model, "get_text_features"):
            return encoder
        tokenizer = _tokenizer(name, encoder.spec.revision, options)
    if tokenizer is None:
        return encoder
    texts = _TextTower(encoder, tokenizer)
    return PairEncoder(encoder, lambda: texts.encode)


def _tokenizer(name: str, revision: str, options: EncoderOptions) -> Any:
    """Return the checkpoint's tokenizer, or None if it was saved without one."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **loading_options(revision, options))
    except (OSError, ValueError, ImportError, LookupError, TypeError):
        return None
    # without files, transformers 5 makes one that knows its special tokens alone
    return tokenizer if set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens) else None


def _text_length(tokenizer: Any, config: Any) -> int | None:
    """Return the most tokens that the text tower takes, or None if nobody says."""
    positions = getattr(getattr(config, "text_config", config), "max_position_embeddings", None)
    # a tokenizer that knows no limit states an astronomical one
    limits = [limit for limit in (tokenizer.model_max_length, positions) if limit is not None and limit < 1_000_000]
    length: int | None = min(limits, default=None)
    return length


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and reports of transformers: what matters in them is checked here."""
    logging = transformers.logging
    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with quiet_hub():
            yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()
