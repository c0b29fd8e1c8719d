"""The resize-and-crop chain is that of torchvision."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.preprocessing import ByProcessor, ResizeCrop, make_prepare
from lookalike.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Processor:
    """The attributes of an image processor of transformers."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Size:
    """A size with attributes, as transformers 5 has them."""

    def __init__(self, **attributes):
        self.height = self.shortest_edge = None
        self.__dict__.update(attributes)


def torchvision_chain(image: np.ndarray, size: int) -> np.ndarray:
    """Resize(int(256 / 224 * size)), CenterCrop(size), ToTensor, Normalize, written out from torchvision's source."""
    picture = Image.fromarray(image)
    width, height = picture.size
    requested = int((256 / 224) * size)
    short, long = (width, height) if width <= height else (height, width)
    new_short, new_long = requested, int(requested * long / short)
    new_width, new_height = (new_short, new_long) if width <= height else (new_long, new_short)
    picture = picture.resize((new_width, new_height), Image.BILINEAR)
    top = round((new_height - size) / 2.0)
    left = round((new_width - size) / 2.0)
    crop = np.asarray(picture.crop((left, top, left + size, top + size)))
    tensor = crop.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    mean, std = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in (MEAN, STD))
    return (tensor - mean) / std


@pytest.mark.parametrize("shape", [(500, 500), (333, 500), (501, 334), (20, 97), (256, 256), (1, 9)])
@pytest.mark.parametrize("size", [224, 30, 33])
def test_the_chain_is_that_of_torchvision_to_the_last_digit(shape, size):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    image.flags.writeable = False
    chain = ResizeCrop(size, np.asarray(MEAN, np.float32), np.asarray(STD, np.float32))
    prepared = chain(image)
    assert prepared.shape == (3, size, size)
    assert prepared.dtype == np.float32
    np.testing.assert_array_equal(prepared, torchvision_chain(image, size))


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"size": {"height": 48, "width": 48}}, 48),
        ({"size": {"shortest_edge": 48}}, 48),
        ({"size": 48}, 48),
        ({"size": Size(shortest_edge=48)}, 48),
        ({"size": {"shortest_edge": 60}, "crop_size": {"height": 48, "width": 48}, "do_center_crop": True}, 48),
        ({"size": {"height": 48}, "crop_size": {"height": 60, "width": 60}, "do_center_crop": False}, 48),
    ],
)
def test_the_size_is_what_the_model_sees(attributes, size):
    chain = make_prepare("resize-crop", Processor(image_mean=MEAN, image_std=STD, **attributes))
    image = np.random.default_rng(1).integers(0, 256, (70, 90, 3), np.uint8)
    np.testing.assert_array_equal(chain(image), torchvision_chain(image, size))


def test_a_processor_that_does_not_normalise_leaves_values_from_0_to_1():
    chain = make_prepare("resize-crop", Processor(size=48, image_mean=MEAN, image_std=STD, do_normalize=False))
    white = np.full((48, 48, 3), 255, np.uint8)
    np.testing.assert_array_equal(chain(white), np.ones((3, 48, 48), np.float32))


def test_what_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="states no size"):
        make_prepare("resize-crop", Processor(image_mean=MEAN, image_std=STD))
    with pytest.raises(InputError, match="use processor, fast or resize-crop"):
        make_prepare("crop", Processor(size=48))


def test_the_default_is_the_processor_itself():
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    processor = transformers.ViTImageProcessor(size={"height": 40, "width": 40})
    image = np.random.default_rng(1).integers(0, 256, (3, 90, 3), np.uint8)
    prepared = ByProcessor(processor)(image)
    expected = np.asarray(Image.fromarray(image).resize((40, 40), Image.BILINEAR), np.float32)
    np.testing.assert_allclose(prepared, (expected / 255 - 0.5).transpose(2, 0, 1) / 0.5, atol=0.02)
