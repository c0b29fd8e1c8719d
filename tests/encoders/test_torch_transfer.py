"""A batch reaches its device whole and in order."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lookalike.encoders.torch_transfer import on_device  # noqa: E402  # needs torch


def check(device: torch.device, count: int, dtype: torch.dtype) -> None:
    batch = np.random.default_rng(0).standard_normal((count, 3, 8, 8)).astype(np.float32)
    batch.flags.writeable = False
    parts = list(on_device(batch, device, dtype))
    assert {part.dtype for part in parts} == {dtype}
    assert {part.device.type for part in parts} == {device.type}
    found = torch.cat(parts).float().cpu().numpy()
    np.testing.assert_array_equal(found, torch.from_numpy(batch.copy()).to(dtype).float().numpy())


@pytest.mark.parametrize("count", [1, 5, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_on_the_cpu(count, dtype):
    check(torch.device("cpu"), count, dtype)


@pytest.mark.machine
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch could use")
@pytest.mark.parametrize("count", [1, 5, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_on_a_gpu(count, dtype):
    check(torch.device("cuda"), count, dtype)
