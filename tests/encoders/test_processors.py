"""A processor that cannot be loaded is one sentence, and no hindrance to the preprocessing that does without it."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.errors import InputError

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.encoders import checkpoints  # needs torch

AS_DINOV3_IS_PUBLISHED = {
    "image_processor_type": "DINOv3ViTImageProcessorFast",
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.25, 0.3],
    "resample": 2,
    "rescale_factor": 1 / 255,
    "size": {"height": 32, "width": 32},
}


@pytest.fixture
def folder(tmp_path) -> str:
    checkpoints.save_vit(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(AS_DINOV3_IS_PUBLISHED))
    return str(tmp_path)


def test_a_library_that_a_processor_lacks_is_named(folder):
    if importlib.util.find_spec("torchvision"):
        assert load_encoder(folder).spec.preprocessing == "fast"
        return
    with pytest.raises(InputError, match=r"needs torchvision; run: pip install torchvision, or choose .* resize-crop$"):
        load_encoder(folder)


def test_resize_and_crop_needs_the_file_alone(folder, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    prepared = load_encoder(folder, preprocessing="resize-crop").prepare(image)
    other = str(checkpoints.save_vit(tmp_path / "other"))
    np.testing.assert_array_equal(prepared, load_encoder(other, preprocessing="resize-crop").prepare(image))
