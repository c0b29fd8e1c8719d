"""Batches are smaller the larger their images are."""

from __future__ import annotations

import pytest

from lookalike.encoders.batching import cpu_batch_size, gpu_batch_size


def test_a_gpu_is_given_as_many_pixels_whatever_the_size_of_images():
    assert gpu_batch_size((3, 224, 224)) == 128
    assert gpu_batch_size((3, 448, 448)) == 32
    assert gpu_batch_size((3, 336, 336)) == 56
    assert gpu_batch_size((256, 3 * 14 * 14)) == 128  # the same number of pixels, as patches
    assert gpu_batch_size((3, 8, 8)) == 512
    assert gpu_batch_size((3, 9000, 9000)) == 1


@pytest.mark.parametrize("size", [gpu_batch_size, cpu_batch_size])
def test_larger_images_never_make_a_larger_batch(size):
    sizes = [size((3, side, side)) for side in (1, 32, 224, 384, 518, 1024, 4096)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 1
