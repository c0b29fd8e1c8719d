"""Every format and mode against Pillow's own reading of it, and every refusal by its words."""

from __future__ import annotations

import io
import itertools
import struct
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from lookalike.errors import ImageDecodeError
from lookalike.images.decode import Limits, decode
from tests.images.samples import encoded, gradient, png_chunk, png_header

PICTURE = Image.fromarray(gradient())
PHOTO = Image.fromarray(gradient(300, 401))


def difference(found: np.ndarray, wanted: np.ndarray) -> int:
    assert found.shape == wanted.shape
    assert found.dtype == np.uint8
    return int(np.abs(found.astype(int) - wanted.astype(int)).max())


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_format_is_read_as_pillow_reads_it(name):
    data = encoded(PICTURE, name)
    decoded = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decoded.pixels, np.asarray(image.convert("RGB")))
    assert (decoded.format, decoded.width, decoded.height, decoded.taken) == (name, 60, 40, None)
    assert decoded.pixels.flags.c_contiguous


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2},
        {"quality": 30},
        {"keep_rgb": True},
        {"restart_marker_rows": 1},
    ],
)
def test_a_jpeg_at_full_size_is_bit_for_bit_what_pillow_decodes(options):
    data = encoded(PHOTO, "JPEG", **options)
    assert np.array_equal(decode(data).pixels, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("size", "most_drift", "reduced"),
    [
        ((400, 304), 0.0, (100, 76)),  # a quarter of it is whole
        ((402, 304), 0.0, (201, 152)),
        ((402, 304), 0.02, (101, 76)),
        ((401, 301), 0.0, (401, 301)),
        ((401, 301), 0.002, (301, 226)),  # 300.75 × 225.75
    ],
)
def test_a_jpeg_is_reduced_to_a_size_of_its_proportions(size, most_drift, reduced):
    data = encoded(PHOTO.resize(size), "JPEG", quality=95)
    decoded = decode(data, min_side=70, most_drift=most_drift)
    assert decoded.pixels.shape == (*reduced[::-1], 3)
    assert (decoded.width, decoded.height) == size


@pytest.mark.parametrize(("min_side", "shorter"), [(300, 300), (151, 188), (150, 150), (75, 75), (10, 38), (1000, 300)])
def test_a_jpeg_is_reduced_while_its_short_side_keeps_the_minimum(min_side, shorter):
    decoded = decode(encoded(PHOTO, "JPEG", quality=95), min_side=min_side)
    assert min(decoded.pixels.shape[:2]) == shorter
    assert (decoded.width, decoded.height) == (401, 300)
    wanted = cv2.resize(np.asarray(PHOTO), decoded.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert difference(decoded.pixels, wanted) <= 12


def test_a_reduced_jpeg_is_turned_upright_and_tells_its_full_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encoded(PHOTO, "JPEG", exif=exif), min_side=75)
    assert decoded.pixels.shape == (101, 75, 3)
    assert (decoded.width, decoded.height) == (300, 401)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PICTURE, name, exif=exif, quality=95)
    turned = PICTURE.copy()
    turned.getexif()[0x0112] = orientation
    wanted = np.asarray(ImageOps.exif_transpose(turned))
    decoded = decode(data)
    assert difference(decoded.pixels, wanted) <= 30  # chroma is lost, but a wrong turn is off by over 150
    assert (decoded.height, decoded.width) == wanted.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_upright(orientation):
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0132] = "2021:02:03 04:05:06"
    pillow_heif.register_heif_opener()  # writes the orientation into the container, as a phone does
    data = encoded(PICTURE, "HEIF", exif=exif.tobytes(), quality=95)
    turned = PICTURE.copy()
    turned.getexif()[0x0112] = orientation
    decoded = decode(data)
    assert difference(decoded.pixels, np.asarray(ImageOps.exif_transpose(turned))) <= 30
    assert (decoded.format, decoded.taken) == ("HEIC", datetime(2021, 2, 3, 4, 5, 6))
    with pytest.raises(ImageDecodeError, match=r"\d0x\d0 is 0\.0024 megapixels, above the limit of 0\.001"):
        decode(data, limits=Limits(max_pixels=1000))
    with pytest.raises(ImageDecodeError, match=r"the HEIC is (truncated|damaged)"):
        decode(data[: len(data) // 2])


def test_heic_without_the_extra_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageDecodeError) as caught:
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert 'pip install "lookalike[heif]"' in caught.value.reason


def test_avif_that_pillow_cannot_read_names_the_remedy(monkeypatch):
    data = encoded(PICTURE, "AVIF")
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    with pytest.raises(ImageDecodeError, match="pip install --upgrade pillow"):
        decode(data)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF"])
def test_taken_is_the_original_time_before_that_of_the_file(name):
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    assert decode(encoded(PICTURE, name, exif=exif.tobytes())).taken == datetime(2020, 1, 1)
    exif.get_ifd(0x8769)[0x9003] = "2019:12:31 23:59:58"
    assert decode(encoded(PICTURE, name, exif=exif.tobytes())).taken == datetime(2019, 12, 31, 23, 59, 58)


@pytest.mark.parametrize("time", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", ""])
def test_a_camera_without_a_clock_gives_no_time(time):
    exif = Image.Exif()
    exif[0x0132] = time
    assert decode(encoded(PICTURE, "JPEG", exif=exif)).taken is None


def test_damaged_exif_leaves_the_picture_readable_without_a_warning():
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    exif[0x010E] = "a description long enough to lie outside its entry"
    data = bytearray(encoded(PICTURE, "JPEG", exif=exif))
    start = data.index(b"Exif\0\0") + 6
    plain = decode(encoded(PICTURE, "JPEG")).pixels
    for at, value in itertools.product(range(start, start + 40), (0, 0x7F, 0xFF)):
        damaged = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1 :])
        assert sorted(decode(damaged).pixels.shape) == sorted(plain.shape)


def test_16_bits_are_scaled_not_clipped():
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    wanted = np.rint(values / 257.0).astype(np.uint8)
    for suffix in (".png", ".tiff"):
        gray = cv2.imencode(suffix, values)[1].tobytes()
        assert np.array_equal(decode(gray).pixels, np.dstack([wanted] * 3))
        colors = np.dstack([values, values[::-1], values.T])  # OpenCV writes blue first
        decoded = decode(cv2.imencode(suffix, colors)[1].tobytes()).pixels
        assert difference(decoded, np.rint(colors[:, :, ::-1] / 257.0).astype(np.uint8)) <= 1
    big_endian = encoded(Image.fromarray(values.astype(">u2")), "TIFF")
    assert np.array_equal(decode(big_endian).pixels, np.dstack([wanted] * 3))


def test_transparent_16_bit_gray_is_white():
    values = np.full((2, 3), 1000, np.uint16)
    values[0, 0] = 5
    data = cv2.imencode(".png", values)[1].tobytes()
    at = data.index(b"IDAT") - 4
    data = data[:at] + png_chunk(b"tRNS", struct.pack(">H", 5)) + data[at:]
    assert decode(data).pixels[:, :, 0].tolist() == [[255, 4, 4], [4, 4, 4]]


def test_floats_and_32_bits_keep_their_contrast():
    ramp = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    wanted = np.rint(ramp * 255)
    for values in (ramp, ramp * 7 - 3, (ramp * 2**30).astype(np.int32)):
        decoded = decode(encoded(Image.fromarray(values), "TIFF")).pixels
        assert np.abs(decoded[:, :, 1] - wanted).max() <= 1
    holes = ramp.copy()
    holes[0, 0] = np.nan
    assert decode(encoded(Image.fromarray(holes), "TIFF")).pixels[0, 0].tolist() == [0, 0, 0]


def test_a_flat_float_picture_is_read():
    assert (
        decode(encoded(Image.fromarray(np.full((2, 2), 9.0, np.float32)), "TIFF")).pixels.tolist()
        == [[[0] * 3] * 2] * 2
    )


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_is_what_it_looks_like(name):
    # Pillow writes the inverted CMYK of Adobe into a JPEG, with Adobe's marker
    cmyk = Image.merge("CMYK", [*PICTURE.split(), Image.new("L", PICTURE.size, 40)])
    data = encoded(cmyk, name)
    assert difference(decode(data).pixels, np.asarray(cmyk.convert("RGB"))) <= 12
    assert decode(encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), name)).pixels.min() >= 253


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA"])
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_a_mode_is_read_as_its_colors(mode, name):
    image = PICTURE.convert(mode)
    assert np.array_equal(decode(encoded(image, name)).pixels, np.asarray(image.convert("RGB")))


def over_white(image: Image.Image) -> np.ndarray:
    image = image.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"))


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WebP", "AVIF"])
def test_alpha_is_laid_over_white(name):
    image = PICTURE.copy()
    image.putalpha(Image.fromarray(gradient()[:, :, 0]))
    data = encoded(image, name, lossless=True) if name == "WebP" else encoded(image, name, quality=100)
    with Image.open(io.BytesIO(data)) as stored:
        assert difference(decode(data).pixels, over_white(stored)) <= 1


def test_gray_alpha_is_laid_over_white():
    image = Image.merge("LA", [Image.new("L", (3, 1), 100), Image.fromarray(np.array([[0, 128, 255]], np.uint8))])
    assert decode(encoded(image, "PNG")).pixels[0, :, 0].tolist() == [255, 177, 100]


def test_a_transparent_palette_entry_is_white():
    image = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for data in (encoded(image, "PNG", transparency=1), encoded(image, "GIF", transparency=1)):
        assert decode(data).pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]
    half = encoded(image, "PNG", transparency=bytes([255, 128, 0]))
    assert difference(decode(half).pixels, np.array([[[10, 20, 30], [147, 152, 157], [255] * 3]], np.uint8)) == 0


def test_a_transparent_color_is_white():
    image = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    data = encoded(image, "PNG", transparency=(1, 2, 3))
    assert decode(data).pixels.tolist() == [[[255, 255, 255], [4, 5, 6]]]


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (9, 7), color) for color in ("red", "blue")]
    for name in ("GIF", "WebP", "PNG"):
        options = {"lossless": True} if name == "WebP" else {}
        data = encoded(frames[0], name, save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(decode(data).pixels, np.asarray(frames[0]))


def test_one_pixel_is_a_picture():
    for name in ("PNG", "GIF", "BMP", "TIFF", "JPEG"):
        decoded = decode(encoded(Image.new("RGB", (1, 1), "white"), name), min_side=256)
        assert decoded.pixels.tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"Dear diary", "not a picture in a format that lookalike reads"),
        (b"BMW is a car, and this is no bitmap", "not a picture in a format that lookalike reads"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41isom", "not a picture in a format that lookalike reads"),
        (b"RIFF\0\0\0\0WEBPVP8X", "the WebP is truncated"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_clause(data, reason):
    with pytest.raises(ImageDecodeError) as caught:
        decode(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_refused(name, part):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), name)
    with pytest.raises(ImageDecodeError, match=f"the {name} is (truncated|damaged)"):
        decode(data[: int(len(data) * part)])


@pytest.mark.parametrize("min_side", [None, 64])
@pytest.mark.parametrize("part", [0.4, 0.7, 0.999])
def test_a_truncated_jpeg_says_so(part, min_side):
    data = encoded(PHOTO, "JPEG")
    with pytest.raises(ImageDecodeError) as caught:
        decode(data[: int(len(data) * part)], min_side=min_side)
    assert caught.value.reason == "the JPEG is truncated"


def test_a_jpeg_cut_short_and_closed_again_is_still_truncated():
    data = encoded(PHOTO, "JPEG")
    with pytest.raises(ImageDecodeError, match="truncated"):
        decode(data[: len(data) // 2] + b"\xff\xd9")


def test_harmless_bytes_in_and_after_a_jpeg_are_read_past():
    data = encoded(PHOTO, "JPEG")
    wanted = decode(data).pixels
    assert np.array_equal(decode(data + b"a comment of the camera" * 9).pixels, wanted)
    at = data.index(b"\xff\xdb")  # between two segments
    assert np.array_equal(decode(data[:at] + b"\0\0\0" + data[at:]).pixels, wanted)
    assert decode(data[:at] + b"\0\0\0" + data[at:], min_side=75).pixels.shape == (75, 101, 3)


@pytest.mark.parametrize(
    "data",
    [
        png_header(50_000, 50_000),
        encoded(PICTURE, "GIF").replace(struct.pack("<HH", 60, 40), struct.pack("<HH", 50_000, 50_000), 1),
        b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (49_999).to_bytes(3, "little") * 2,
        encoded(Image.new("L", (8, 8)), "JPEG").replace(b"\0\x08\0\x08", b"\xc3\x50\xc3\x50"),
        encoded(Image.new("L", (8, 8)), "TIFF")
        .replace(struct.pack("<HHII", 256, 4, 1, 8), struct.pack("<HHII", 256, 4, 1, 50_000))
        .replace(struct.pack("<HHII", 257, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 50_000)),
    ],
    ids=["PNG", "GIF", "BMP", "WebP", "JPEG", "TIFF"],
)
def test_a_decompression_bomb_is_refused_from_its_header(data):
    decode(encoded(PICTURE, "PNG"))  # what is imported on first use is not counted
    tracemalloc.start()
    with pytest.raises(ImageDecodeError) as caught:
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == (
        "50000x50000 is 2,500 megapixels, above the limit of 200; raise it with --max-pixels"
    )
    assert peak < 1_000_000


def test_the_limits_are_the_callers_and_pillows_own_is_left_alone():
    before = Image.MAX_IMAGE_PIXELS
    wide = encoded(Image.new("1", (20_000, 9_500)), "PNG")  # 190 megapixels, of which Pillow would warn
    with pytest.raises(ImageDecodeError, match="190 megapixels, above the limit of 100"):
        decode(wide, limits=Limits(max_pixels=100_000_000))
    assert decode(wide).pixels.shape == (9_500, 20_000, 3)
    with pytest.raises(ImageDecodeError, match=r"the file has 12 MB, above the limit of 10; raise it with --max-bytes"):
        decode(bytes(12_000_000), limits=Limits(max_bytes=10_000_000))
    assert before == Image.MAX_IMAGE_PIXELS


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageDecodeError) as caught:
        decode(data)
    return caught.value.reason


def test_threads_decode_at_once_without_warnings():
    exif = Image.Exif()
    exif[0x0112] = 3
    files = [encoded(PICTURE, name, exif=exif, **extra) for name, extra in [("JPEG", {}), ("TIFF", {}), ("PNG", {})]]
    # a tag whose data lies outside the file: Pillow warns of it
    broken = files[1].replace(struct.pack("<HHI", 258, 3, 3), struct.pack("<HHI", 259, 7, 900_000))
    wanted = [decode(data).pixels for data in files]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: decode(files[at % 3]).pixels, range(300)))
        refused = list(pool.map(lambda _: reason_of(broken), range(50)))
    assert all(np.array_equal(pixels, wanted[at % 3]) for at, pixels in enumerate(found))
    assert all("the TIFF is" in reason for reason in refused)
