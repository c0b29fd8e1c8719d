"""Every family gives the embeddings that its documentation has one take from plain transformers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.loading import load_encoder
from lookalike.errors import InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.encoders import architectures  # noqa: E402  # needs torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.encoders.architectures import Extract

FAMILIES = architectures.ARCHITECTURES
AS_IT_IS = {"preprocessing": "processor", "runtime": "torch"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images() -> list[Any]:
    """Pictures of several shapes."""
    rng = np.random.default_rng(5)
    pictures = []
    for height, width in ((48, 80), (90, 50), (33, 33)):
        small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        pictures.append(np.array(small.resize((width, height), Image.Resampling.BICUBIC)))
    return pictures


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Callable[[str], Path]:
    """Return the folder of a family's checkpoint, made when it is first asked for."""
    return cache(lambda name: FAMILIES[name].save(tmp_path_factory.mktemp("checkpoint")))


def by_hand(folder: Path, images: list[Any], poolings: Mapping[str, Extract]) -> dict[str, np.ndarray]:
    """Embed with transformers alone, one image at a time."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    is_timm = isinstance(processor, transformers.TimmWrapperImageProcessor)  # which knows no format
    stated = {} if is_timm else {"input_data_format": "channels_last"}
    rows: dict[str, list[Any]] = {pooling: [] for pooling in poolings}
    for image in images:
        inputs = processor(images=Image.fromarray(image), return_tensors="pt", **stated)
        with torch.no_grad():
            for pooling, extract in poolings.items():
                rows[pooling].append(extract(model, inputs)[0].numpy())
    return {pooling: np.stack(vectors) for pooling, vectors in rows.items()}


def assert_same(vectors: np.ndarray, expected: np.ndarray, what: str) -> None:
    scale = np.abs(expected).max()
    np.testing.assert_allclose(vectors / scale, expected / scale, rtol=0, atol=1e-4, err_msg=what)
    # pictures differ, and so must what they become
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * scale, what


@pytest.mark.parametrize("name", FAMILIES)
def test_each_pooling_is_that_of_plain_transformers(name, saved, images):
    family, folder = FAMILIES[name], saved(name)
    expected = by_hand(folder, images, family.poolings)
    for pooling, vectors in expected.items():
        encoder = load_encoder(str(folder), pooling=pooling, **AS_IT_IS)
        assert encoder.spec.pooling == pooling
        assert_same(encoder.encode_images(images), vectors, pooling)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_automatic_pooling_is_the_documented_one(name, saved, images):
    family, folder = FAMILIES[name], saved(name)
    encoder = load_encoder(str(folder), **AS_IT_IS)
    assert encoder.spec.pooling == family.auto
    assert encoder.spec.pooling_reason
    together = encoder.encode_images(images)
    assert_same(together, by_hand(folder, images, family.poolings)[family.auto], family.auto)
    alone = np.concatenate([encoder.encode_images([image]) for image in images])
    assert_same(together, alone, "one at a time")


@pytest.mark.parametrize("name", FAMILIES)
def test_no_other_pooling_is_offered(name, saved):
    with pytest.raises(InputError) as caught:
        load_encoder(str(saved(name)), pooling="max", **AS_IT_IS)
    offered = str(caught.value).partition("; use auto or ")[2].split(" or ")
    assert set(offered) == {pooling for pooling in FAMILIES[name].poolings if "@" not in pooling}
