"""Prepared images on their way to the device that PyTorch computes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

_PARTS = 4
"""Of a batch: while one is computed the next is copied."""


def on_device(
    batch: Mapping[str, npt.NDArray[Any]], device: torch.device, dtype: torch.dtype
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield a batch on a device, in parts in their order.

    With CUDA the parts are copied from pinned memory by a stream of their own, so that copying and computing overlap as
    long as the caller does not wait for results in between
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#use-pinned-memory-buffers).

    Parameters
    ----------
    batch : the model's inputs by their names, each of n > 0 items stacked along a first axis.
    device : where they are needed.
    dtype : what the model computes in: numbers with a fraction are copied as they are, and converted on the device.
    """
    tensors = {name: torch.from_numpy(np.require(values, None, ["C", "W"])) for name, values in batch.items()}
    if device.type != "cuda":
        yield _converted({name: tensor.to(device) for name, tensor in tensors.items()}, dtype)
        return
    copying, computing = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    waiting = _parts({name: tensor.pin_memory() for name, tensor in tensors.items()})

    def copied(part: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with torch.cuda.stream(copying):
            return {name: tensor.to(device, non_blocking=True) for name, tensor in part.items()}

    following = copied(waiting.pop(0))
    while following:
        computing.wait_stream(copying)
        current = following
        for tensor in current.values():
            tensor.record_stream(computing)
        following = copied(waiting.pop(0)) if waiting else {}
        yield _converted(current, dtype)


def _parts(tensors: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    count = len(next(iter(tensors.values())))
    step = -(-count // _PARTS)
    return [{name: tensor[at : at + step] for name, tensor in tensors.items()} for at in range(0, count, step)]


def _converted(tensors: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
