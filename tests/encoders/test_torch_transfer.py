"""A batch reaches its device whole and in order."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lookalike.encoders.torch_transfer import on_device  # noqa: E402  # needs torch


def check(device: torch.device, count: int, dtype: torch.dtype) -> None:
    pixels = np.random.default_rng(0).standard_normal((count, 3, 8, 8)).astype(np.float32)
    sizes = np.arange(2 * count, dtype=np.int64).reshape(count, 2)
    for values in (pixels, sizes):
        values.flags.writeable = False
    parts = list(on_device({"pixels": pixels, "sizes": sizes}, device, dtype))
    found = {name: torch.cat([part[name] for part in parts]) for name in ("pixels", "sizes")}
    assert {name: values.dtype for name, values in found.items()} == {"pixels": dtype, "sizes": torch.int64}
    assert {values.device.type for values in found.values()} == {device.type}
    expected = torch.from_numpy(pixels.copy()).to(dtype).float().numpy()
    np.testing.assert_array_equal(found["pixels"].float().cpu().numpy(), expected)
    np.testing.assert_array_equal(found["sizes"].cpu().numpy(), sizes)


@pytest.mark.parametrize("count", [1, 5, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_batch_on_the_cpu(count, dtype):
    check(torch.device("cpu"), count, dtype)


@pytest.mark.machine
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch could use")
@pytest.mark.parametrize("count", [1, 5, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_batch_on_a_gpu(count, dtype):
    check(torch.device("cuda"), count, dtype)
