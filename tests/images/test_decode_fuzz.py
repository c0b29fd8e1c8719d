"""Damaged files of every format: pixels or ImageDecodeError, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import ImageDecodeError
from lookalike.images.decode import Limits, decode
from tests.images.samples import encoded, gradient

SMALL = Limits(max_pixels=1_000_000)


def exif() -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = 6
    block[0x0132] = "2020:01:01 00:00:00"
    block.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    return block


PICTURE = Image.fromarray(gradient(24, 32))
ALPHA = PICTURE.convert("RGBA")
SAMPLES = {
    "jpeg": encoded(PICTURE, "JPEG", exif=exif()),
    "jpeg-progressive": encoded(PICTURE, "JPEG", progressive=True),
    "jpeg-cmyk": encoded(PICTURE.convert("CMYK"), "JPEG"),
    "png": encoded(ALPHA, "PNG", exif=exif()),
    "png-palette": encoded(PICTURE.convert("P"), "PNG", transparency=3),
    "png-animated": encoded(PICTURE, "PNG", save_all=True, append_images=[PICTURE.rotate(90)]),
    "gif": encoded(PICTURE, "GIF", save_all=True, append_images=[PICTURE.rotate(90)]),
    "bmp": encoded(PICTURE, "BMP"),
    "bmp-palette": encoded(PICTURE.convert("P"), "BMP"),
    "tiff": encoded(PICTURE, "TIFF", exif=exif()),
    "tiff-lzw": encoded(ALPHA, "TIFF", compression="tiff_lzw"),
    "tiff-jpeg": encoded(PICTURE, "TIFF", compression="jpeg"),
    "tiff-16": encoded(Image.fromarray(np.arange(768, dtype=np.uint16).reshape(24, 32)), "TIFF"),
    "webp": encoded(PICTURE, "WebP", exif=exif()),
    "webp-lossless": encoded(ALPHA, "WebP", lossless=True),
    "avif": encoded(PICTURE, "AVIF", exif=exif()),
}


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_is_pixels_or_a_reason(sample, data):
    original = SAMPLES[sample]
    damaged = bytearray(original)
    # headers decide most: half of the damage goes there
    places = st.one_of(st.integers(0, min(200, len(original) - 1)), st.integers(0, len(original) - 1))
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        damaged[at] = value
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    min_side = data.draw(st.sampled_from([None, 8]))
    try:
        decoded = decode(bytes(damaged[:end]), min_side=min_side, limits=SMALL)
    except ImageDecodeError as error:
        assert error.reason
        assert "\n" not in error.reason
    else:
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.ndim == 3
        assert decoded.pixels.shape[2] == 3


@given(data=st.binary(max_size=300), magic=st.sampled_from([sample[:24] for sample in SAMPLES.values()]))
@settings(max_examples=300, deadline=None)
def test_noise_after_a_magic_number_is_a_reason(data, magic):
    try:
        decode(magic + data, limits=SMALL)
    except ImageDecodeError as error:
        assert error.reason
