"""Prepared images on their way to the device that PyTorch computes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

_PARTS = 4
"""Of a batch: while one is computed the next is copied."""


def on_device(batch: npt.NDArray[Any], device: torch.device, dtype: torch.dtype) -> Iterator[torch.Tensor]:
    """Yield a batch on a device, in parts in their order.

    With CUDA the parts are copied from pinned memory by a stream of their own, so that copying and computing overlap as
    long as the caller does not wait for results in between
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#use-pinned-memory-buffers).

    Parameters
    ----------
    batch : n inputs, stacked along a first axis.
    device : where they are needed.
    dtype : what the model computes in; the copy is in float32, and converted on the device.
    """
    values = torch.from_numpy(np.require(batch, np.float32, ["C", "W"]))
    if device.type != "cuda":
        yield values.to(device, dtype)
        return
    copying, computing = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    parts = values.pin_memory().split(max(1, -(-len(values) // _PARTS)))
    with torch.cuda.stream(copying):
        following = parts[0].to(device, non_blocking=True)
    for number in range(len(parts)):
        computing.wait_stream(copying)
        current = following
        current.record_stream(computing)
        if number + 1 < len(parts):
            with torch.cuda.stream(copying):
                following = parts[number + 1].to(device, non_blocking=True)
        yield current.to(dtype)
