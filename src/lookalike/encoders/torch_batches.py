"""Batches that become smaller where the memory of a GPU does not hold them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from lookalike.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lookalike.arrays import Vectors

_FULL_MPS = "MPS backend out of memory"


class Batches:
    """Embeds any number of items, so many at once as the device holds.

    Parameters
    ----------
    size : of a batch, to begin with.
    name : the model's, for the message if not even one item fits.

    Notes
    -----
    May be used from several threads. A batch that does not fit is tried again in halves, and from then on none is
    larger than what did fit: other programs use the memory too, so a size that is safe cannot be known beforehand.
    """

    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._name = name

    def embed(self, count: int, embed: Callable[[slice], torch.Tensor]) -> Vectors:
        """Return the embeddings of items, shape (count, dim), float32.

        Parameters
        ----------
        count : of the items, at least 1.
        embed : returns the embeddings of those in a slice, on any device; the one wait for results is at the end.

        Raises
        ------
        EncoderError : if the device has no memory for a single item.
        """
        vectors: list[torch.Tensor] = []
        start = 0
        while start < count:
            stop = min(start + self.size, count)
            part = _unless_too_large(embed, slice(start, stop))
            if part is None:
                self._halve(stop - start)
                continue
            vectors.append(part)
            start = stop
        return np.asarray(torch.cat(vectors).float().cpu().numpy(), np.float32)

    def _halve(self, tried: int) -> None:
        if tried == 1:
            raise EncoderError(_too_large(self._name))
        self.size = min(self.size, tried // 2)
        torch.cuda.empty_cache()  # does nothing where no GPU is used
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()


@contextlib.contextmanager
def enough_memory(name: str) -> Iterator[None]:
    """Say in a sentence that a model does not fit into the memory of the device.

    Raises
    ------
    EncoderError : in place of what PyTorch raises.
    """
    try:
        yield
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise EncoderError(_too_large(name)) from error


def _too_large(name: str) -> str:
    return (
        f"the memory of the GPU does not hold the encoder {name} and a single input; use the device cpu or a smaller "
        "model, or end what else uses the GPU"
    )


def _unless_too_large(embed: Callable[[slice], torch.Tensor], items: slice) -> torch.Tensor | None:
    try:
        return embed(items)
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        return None  # the traceback holds tensors, so all else waits until it is gone


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Say whether a GPU has no memory left; that of Apple says it by a plain RuntimeError."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or str(error).startswith(_FULL_MPS)
