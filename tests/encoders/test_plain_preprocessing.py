"""The chain of a few numbers does what the processors of transformers do, or is not used."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lookalike.encoders.plain_preprocessing import described, restored
from lookalike.encoders.preprocessing import make_prepare

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SQUARE = {"height": 20, "width": 28}
NORM = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}

PLAIN = {
    "vit": lambda: transformers.ViTImageProcessor(size=SQUARE, **NORM),
    "not normalised": lambda: transformers.ViTImageProcessor(size=SQUARE, do_normalize=False),
    "not scaled": lambda: transformers.ViTImageProcessor(size=SQUARE, do_rescale=False, do_normalize=False),
    "nearest": lambda: transformers.ViTImageProcessor(size=SQUARE, resample=0),
    "clip": lambda: transformers.CLIPImageProcessor(size={"shortest_edge": 33}, crop_size=SQUARE),
    "siglip": lambda: transformers.SiglipImageProcessor(size=SQUARE),
    "bit": lambda: transformers.BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 31, "width": 32}),
    "deit": lambda: transformers.DeiTImageProcessor(),
    "convnext": lambda: transformers.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.8, **NORM),
    "convnext large": lambda: transformers.ConvNextImageProcessor(size={"shortest_edge": 384}),
}
OTHERS = {
    "levit": lambda: transformers.LevitImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE),
    "a crop larger than the image": lambda: transformers.CLIPImageProcessor(size={"shortest_edge": 20}, crop_size=30),
    "an offset": lambda: transformers.EfficientNetImageProcessor(size=SQUARE, rescale_offset=True, do_normalize=False),
}


@pytest.fixture
def images() -> list[np.ndarray]:
    shapes = [(500, 500), (31, 77), (640, 425), (2, 9), (32, 32), (90, 33)]
    made = [np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]
    for image in made:
        image.flags.writeable = False
    return made


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
def test_it_is_the_processor_number_for_number(make, images):
    processor = make()
    prepare = make_prepare("processor", processor)
    again = restored(json.loads(json.dumps(described(prepare, processor))))
    for image in images:
        found = again(image)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, prepare(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_what_does_something_else_is_not_described(make):
    processor = make()
    assert described(make_prepare("processor", processor), processor) is None


def test_a_processor_of_other_attributes_is_not_described():
    class Processor:
        def __call__(self, **_):
            return {"pixel_values": [np.zeros((3, 8, 8))]}

    assert described(make_prepare("processor", Processor()), Processor()) is None


def test_the_crop_is_restored(images):
    processor = transformers.ViTImageProcessor(size={"height": 24, "width": 24}, **NORM)
    prepare = make_prepare("resize-crop", processor)
    again = restored(json.loads(json.dumps(described(prepare, processor))))
    for image in images:
        np.testing.assert_array_equal(again(image), prepare(image))
