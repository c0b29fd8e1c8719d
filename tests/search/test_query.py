"""What may be asked with, and what it means."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import ImageDecodeError, InputError, ShapeError, SourceError
from lookalike.gallery.lance_store import LanceStore
from lookalike.images.decode import Limits
from lookalike.search.query import QueryResolver, combined
from lookalike.search.terms import Query, Term
from tests.toys import ToyEncoder, pixels_of, plant, png, refuse, toy_embedding


class Reader(ToyEncoder):
    """A toy that also embeds texts, as their lengths."""

    def encode_texts(self, texts):
        return np.array([[len(text)] * 12 for text in texts], np.float32)


@pytest.fixture
def folder(tmp_path):
    plant(tmp_path / "sub", range(3))
    (tmp_path / "it's.png").write_bytes(png(7))
    lookalike.open(tmp_path, encoder=ToyEncoder()).add(tmp_path)
    return tmp_path


@pytest.fixture
def store(folder):
    return LanceStore.open(lookalike.open(folder).location)


@pytest.fixture
def resolver(store):
    return QueryResolver(store, Reader)


def is_of(query, seed):
    return np.array_equal(query.vector, toy_embedding(pixels_of(seed))[None])


def test_a_picture_in_any_form_is_the_same_query(resolver, folder, monkeypatch):
    monkeypatch.chdir(folder)
    path = folder / "sub" / "0001.png"
    forms = [path, str(path), "sub/0001.png", Path("sub/0001.png"), "./sub/../sub/0001.png"]
    for form in forms:
        query = resolver.resolve(form)
        assert is_of(query, 1)
        assert query.item_ids == ("sub/0001.png",)
        assert query.picture == path.read_bytes()
    with Image.open(path) as image:
        for form in (path.read_bytes(), image, pixels_of(1)):
            query = resolver.resolve(form)
            assert is_of(query, 1)
            assert query.item_ids == ()
            assert query.picture is not None


@pytest.mark.parametrize("start", ["file://", "file://localhost", "FILE:", "file:////"])
def test_a_file_url_is_the_file(resolver, folder, start):
    (folder / "a b%.png").write_bytes(png(4))
    query = resolver.resolve(start + (folder / "a b%.png").as_uri().removeprefix("file://"))
    assert is_of(query, 4)
    assert query.item_ids == ("a b%.png",)


def test_a_file_url_may_be_relative_and_of_any_bytes(resolver, folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path(os.fsdecode(b"\xff.png")).write_bytes(png(6))
    query = resolver.resolve("file:%FF.png")
    assert is_of(query, 6)
    assert query.item_ids == ("file:%FF.png",)


def test_an_item_of_the_gallery_needs_no_encoder(store):
    query = QueryResolver(store, refuse).resolve("id:sub/0002.png")
    assert is_of(query, 2)
    assert query.item_ids == ("sub/0002.png",)


def test_an_id_with_a_quote_is_found(store):
    assert is_of(QueryResolver(store, refuse).resolve("id:it's.png"), 7)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_a_vector_needs_no_encoder(store, kind):
    query = QueryResolver(store, refuse).resolve(np.arange(12, dtype=kind))
    np.testing.assert_array_equal(query.vector, np.arange(12, dtype=np.float32)[None])
    assert query.picture is None


def test_a_link_to_the_folder_leads_to_the_same_item(resolver, folder, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(folder)
    assert resolver.resolve(link / "sub" / "0001.png").item_ids == ("sub/0001.png",)


@pytest.mark.parametrize("text", ["a red leaf", "dog", "~nobody-of-that-name", "x" * 5000, "what? a *", "a+b", "ü\n"])
def test_anything_else_is_a_text(resolver, text):
    query = resolver.resolve(text)
    assert query.vector[0, 0] == len(text)
    assert query.name == text
    assert query.item_ids == ()


def test_the_name_of_a_file_is_no_text(resolver, folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("dog").write_bytes(png(5))
    assert is_of(resolver.resolve("dog"), 5)


@pytest.mark.parametrize("text", ["a red leaf", "x" * 5000, ""])
def test_a_text_without_a_text_side_is_one_sentence(store, text):
    with pytest.raises(InputError, match="no text side"):
        QueryResolver(store, ToyEncoder).resolve(text)


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("no-such.jpg", SourceError, "no-such.jpg: no such file"),
        ("no/such", SourceError, "no/such: no such file"),
        ("NO.JPEG", SourceError, "no such file"),
        ("sub/", SourceError, "is a folder"),
        ("sub/0001.png/x", SourceError, "Not a directory"),
        ("file:///no/such.jpg", SourceError, "/no/such.jpg: no such file"),
        ("file://nas/photos/a.jpg", InputError, "another machine .nas"),
        ("file:sub", SourceError, "is a folder"),
        ("id:nothing", InputError, "no item with the id 'nothing'"),
        ("id:", InputError, "no item"),
        (b"", ImageDecodeError, "empty"),
        (b"no picture", ImageDecodeError, "not a picture"),
        (3, InputError, "not a picture"),
        (None, InputError, "not a picture"),
        ([1.0] * 12, InputError, "not a picture"),
        (np.zeros(3), ShapeError, r"\(n, 12\)"),
        (np.full(12, np.nan), InputError, "vector to search with is not finite"),
        (np.full(12, 1e300), InputError, "not finite"),
        (np.array(["a"] * 12), InputError, "not a picture"),
        (np.zeros((2, 2, 2, 2)), InputError, "not a picture"),
        ("a/\x00.jpg", SourceError, "null byte"),
        ("x" * 300 + "/y.jpg", SourceError, "File name too long"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(resolver, folder, monkeypatch, query, kind, words):
    monkeypatch.chdir(folder)
    with pytest.raises(kind, match=words) as raised:
        resolver.resolve(query)
    assert "\n" not in str(raised.value)


def test_a_path_that_is_no_id_leads_to_the_id(resolver, folder, monkeypatch):
    monkeypatch.chdir(folder / "sub")
    with pytest.raises(InputError, match=r"did you mean 'id:sub/0001\.png'"):
        resolver.resolve("id:0001.png")
    with pytest.raises(InputError, match=r"did you mean 'id:sub/0001\.png'"):
        resolver.resolve(f"id:{folder / 'sub' / '0001.png'}")
    with pytest.raises(InputError, match=f"relative to {folder}"):
        resolver.resolve("id:0009.png")


def test_a_broken_file_is_named(resolver, folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ImageDecodeError, match=r"broken\.jpg: the JPEG is"):
        resolver.resolve(folder / "broken.jpg")


def test_a_picture_above_the_limits_is_refused(store):
    resolver = QueryResolver(store, ToyEncoder, Limits(max_pixels=63))
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    with pytest.raises(ImageDecodeError, match="megapixels"):
        resolver.resolve(buffer.getvalue())


def test_a_name_that_is_no_text_can_be_asked_with(resolver, folder):
    path = Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png"))
    path.write_bytes(png(2))
    query = resolver.resolve(path)
    assert is_of(query, 2)
    assert query.name.encode()
    assert query.item_ids == ("file:%FF.png",)
    path.write_bytes(b"no picture")
    with pytest.raises(ImageDecodeError) as raised:
        resolver.resolve(str(path))
    assert str(raised.value).encode()


def test_a_pillow_image_goes_by_its_file_until_it_is_loaded(tmp_path, store):
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(np.kron(noise, np.ones((40, 40, 1), np.uint8))).save(tmp_path / "large.jpg")
    encoder = lookalike.load_encoder()
    resolver = QueryResolver(store, lambda: encoder)
    by_path = resolver.resolve(tmp_path / "large.jpg").vector
    with Image.open(tmp_path / "large.jpg") as image:
        opened = resolver.resolve(image)
        np.testing.assert_array_equal(opened.vector, by_path)
        assert opened.picture == (tmp_path / "large.jpg").read_bytes()
        for view in (bytearray(opened.picture), memoryview(opened.picture)):
            np.testing.assert_array_equal(resolver.resolve(view).vector, by_path)
        image.load()
        loaded = resolver.resolve(image)
        np.testing.assert_array_equal(loaded.vector, resolver.resolve(np.asarray(image)).vector)
        assert not np.array_equal(loaded.vector, by_path)


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_terms_are_added_as_directions_by_their_weights(resolver, folder, monkeypatch):
    monkeypatch.chdir(folder)
    expected = 2 * unit(toy_embedding(pixels_of(7))) + unit(toy_embedding(pixels_of(1))) - 0.5 * unit(np.full(12, 6.0))
    forms = [
        "2:it's.png + id:sub/0001.png - 0.5:people",
        Query([Term("it's.png", 2), "id:sub/0001.png", Term("people", -0.5)]),
        Query([Term(pixels_of(7), 20), Term(png(1), 10), Term(np.full(12, 0.1), -5)]),
    ]
    for form in forms:
        query = resolver.resolve(form)
        np.testing.assert_allclose(unit(query.vector[0]), unit(expected), atol=1e-6)
        assert query.picture is None
    query = resolver.resolve(forms[0])
    assert query.name == "2:it's.png + id:sub/0001.png - 0.5:people"
    assert query.item_ids == ("it's.png", "sub/0001.png")


def test_a_combination_is_as_long_as_its_terms_are():
    vectors = np.array([[3, 0], [0, 5]], np.float32)
    np.testing.assert_allclose(combined(vectors, [1, 1]), [[4 / 2**0.5, 4 / 2**0.5]], rtol=1e-6)
    np.testing.assert_allclose(combined(vectors[:1], [2]), [[3, 0]], rtol=1e-6)
    np.testing.assert_allclose(combined(vectors[:1], [-2]), [[-3, 0]], rtol=1e-6)


def test_a_single_term_is_what_it_was_before(resolver):
    for weight in (1, 0.5, 7):
        assert is_of(resolver.resolve(Query([Term(pixels_of(3), weight)])), 3)
    opposite = resolver.resolve(Query([Term(pixels_of(3), -1)]))
    np.testing.assert_allclose(opposite.vector[0], -toy_embedding(pixels_of(3)), rtol=1e-6)
    assert opposite.name == "- image"


@pytest.mark.parametrize("text", ["id:it's.png - id:it's.png", "a + b - 2:c"])
def test_terms_that_cancel_out_are_one_sentence(resolver, text):
    with pytest.raises(InputError, match="cancel each other out"):
        resolver.resolve(text)


def test_a_mistaken_name_with_a_sign_is_told_whole(store, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for text in ("Beach - 2020.jpg", "sub/0001.png - none.jpg"):
        with pytest.raises((InputError, SourceError)) as raised:
            QueryResolver(store, ToyEncoder).resolve(text)
        assert f"a term of {text!r}, which is not the name of a file either" in str(raised.value)


def test_a_crop_is_of_the_upright_picture_in_full(resolver, store, folder, monkeypatch):
    monkeypatch.chdir(folder)
    pixels = pixels_of(8, side=16)
    turned = Image.fromarray(np.rot90(pixels))  # is shown upright once it is turned clockwise
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.png", exif=exif)
    lookalike.open(folder, encoder=ToyEncoder()).add(folder)
    store.refresh()
    part = pixels[2:10, 4:16]
    for what in ("turned.png", "id:turned.png", (folder / "turned.png").read_bytes(), pixels):
        query = resolver.resolve(Term(what, crop=(4, 2, 12, 8)))
        np.testing.assert_array_equal(query.picture, part)
        np.testing.assert_array_equal(query.vector[0], toy_embedding(part))
    assert resolver.resolve(Term("turned.png", crop=(4, 2, 12, 8))).name == "turned.png [4,2,12,8]"
    assert resolver.resolve(Term("turned.png", crop=(0, 0, 0.5, 1))).item_ids == ("turned.png",)
    with pytest.raises(InputError, match="holds no pixel of the picture, which is 16 x 16"):
        resolver.resolve(Term("turned.png", crop=(20, 0, 5, 5)))


def test_a_large_jpeg_is_cropped_at_full_quality(tmp_path, store):
    class Reduced(ToyEncoder):
        batch_size, decode_side = 8, 8

        def prepare(self, image):
            return toy_embedding(image)

        def encode_prepared(self, batch):
            return batch

    Image.fromarray(pixels_of(1, side=256)).save(tmp_path / "large.jpg", quality=95)
    query = QueryResolver(store, Reduced).resolve(Term(tmp_path / "large.jpg", crop=(3, 5, 100, 90)))
    with Image.open(tmp_path / "large.jpg") as image:
        np.testing.assert_array_equal(query.picture, np.asarray(image)[5:95, 3:103])


def test_an_item_whose_picture_is_gone_cannot_be_cropped(resolver, folder):
    (folder / "sub" / "0002.png").write_bytes(png(9))
    with pytest.raises(SourceError, match="has changed since it was indexed"):
        resolver.resolve(Term("id:sub/0002.png", crop=(0, 0, 4, 4)))
    (folder / "sub" / "0002.png").unlink()
    with pytest.raises(SourceError, match="no such file"):
        resolver.resolve(Term("id:sub/0002.png", crop=(0, 0, 4, 4)))


def test_the_name_of_a_folder_leads_to_its_pictures(store, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"'sub' is a folder.*or each of the folder as sub/, or index with a CLIP"):
        QueryResolver(store, ToyEncoder).resolve("sub")
