"""Where the memory of a GPU does not hold a batch, smaller ones give the same embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.errors import EncoderError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.encoders import checkpoints  # noqa: E402  # needs torch


class FullMemory:
    """Makes a model run out of memory with more than so many inputs, as PyTorch reports it."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most = most
        self.error = error
        self.sizes: list[int] = []

    def __call__(self, _: Any, args: Any, kwargs: Any) -> None:
        inputs = [*args, *kwargs.values()]
        self.sizes.append(len(inputs[0]))
        if self.sizes[-1] > self.most:
            raise self.error


@pytest.fixture
def images() -> list[Any]:
    return list(np.random.default_rng(0).integers(0, 256, (23, 40, 40, 3), np.uint8))


def load(folder) -> Any:
    return load_encoder(str(folder), runtime="torch", device="cpu")


CUDA = torch.cuda.OutOfMemoryError("CUDA out of memory.")
MPS = RuntimeError(
    "MPS backend out of memory (MPS allocated: 8.89 GB, other allocations: 25.00 MB, max allowed: 9.07 GB). "
    "Tried to allocate 288.00 MB on private pool."
)


def limited(encoder: Any, most: int, error: Exception = CUDA) -> FullMemory:
    memory = FullMemory(most, error)
    model = getattr(encoder, "images", encoder).model
    getattr(model, "vision_model", model).register_forward_pre_hook(memory, with_kwargs=True)
    return memory


@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_convnext, checkpoints.save_clip])
@pytest.mark.parametrize(("most", "error"), [(1, CUDA), (3, MPS), (6, CUDA)])
def test_batches_are_halved_until_they_fit(save, most, error, images, tmp_path):
    encoder = load(save(tmp_path))
    expected = encoder.encode_images(images)
    inputs = np.stack([encoder.prepare(image) for image in images])
    begun = encoder.batch_size
    memory = limited(encoder, most, error)
    np.testing.assert_allclose(encoder.encode_prepared(inputs), expected, rtol=1e-4, atol=1e-5)
    assert 1 <= encoder.batch_size <= most < begun
    # what did not fit once is not tried again
    memory.sizes.clear()
    np.testing.assert_allclose(encoder.encode_images(images), expected, rtol=1e-4, atol=1e-5)
    assert max(memory.sizes) <= most


def test_texts_are_halved_too(tmp_path):
    encoder = load(checkpoints.save_clip(tmp_path))
    texts = ["leaf", "a photo of the bean", "rust", "spot", "bean leaf"] * 5
    expected = encoder.encode_texts(texts)
    memory = FullMemory(2, CUDA)
    encoder.images.model.text_model.register_forward_pre_hook(memory, with_kwargs=True)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, rtol=1e-4, atol=1e-5)
    assert memory.sizes[-1] <= 2


@pytest.mark.parametrize("error", [CUDA, MPS])
def test_no_memory_for_one_image_is_a_sentence(images, tmp_path, error):
    encoder = load(checkpoints.save_vit(tmp_path))
    limited(encoder, 0, error)
    with pytest.raises(EncoderError, match=r"GPU does not hold the encoder .* and a single input; use the device cpu"):
        encoder.encode_images(images[:5])


def test_other_errors_of_a_model_are_not_taken_for_full_memory(images, tmp_path):
    encoder = load(checkpoints.save_vit(tmp_path))
    with pytest.raises(ValueError, match="Input image size"):
        encoder.encode_prepared(np.zeros((2, 3, 48, 48), np.float32))
    np.testing.assert_array_equal(np.isfinite(encoder.encode_images(images)), True)
