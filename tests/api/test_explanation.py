"""Explanations of a gallery's hits."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import EncoderError, ImageDecodeError, InputError, SourceError
from tests.toys import ToyEncoder, plant


@pytest.fixture(scope="module")
def gallery(beans, tmp_path_factory):
    """Six leaves: as they are, and one of them lying on its side, as its EXIF says."""
    folder = tmp_path_factory.mktemp("leaves")
    for path in sorted((beans / "test" / "healthy").iterdir())[:6]:
        Image.open(path).convert("RGB").crop((0, 60, 500, 440)).save(folder / path.name, quality=95)
    turned = Image.open(min(folder.glob("*.jpg")))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn to the right
    turned.rotate(90, expand=True).save(folder / "turned.jpg", exif=exif, quality=95)
    gallery = lookalike.open(folder)
    gallery.add(folder, label_from="parent")
    return gallery


def files(gallery):
    return sorted(gallery.location.base.glob("*.jpg"))


def test_the_score_is_that_of_the_search(gallery):
    query = files(gallery)[0]
    for hit in gallery.search(query, k=3):
        found = gallery.explain(query, hit)
        assert found.score == pytest.approx(hit.score, abs=1e-4)
        assert found.method == "contribution"
        assert found.hit.id == hit.id
        assert found.query_map.grid.sum() == pytest.approx(hit.score, abs=1e-4)


def test_hits_are_named_by_id_and_items_are_queries(gallery):
    first, second = (path.name for path in files(gallery)[:2])
    by_file = gallery.explain(files(gallery)[0], second)
    by_id = gallery.explain(f"id:{first}", f"id:{second}")
    np.testing.assert_array_equal(by_file.hit_map.grid, by_id.hit_map.grid)
    assert by_id.query == f"id:{first}"
    assert by_id.hit.uri == str(files(gallery)[1])
    backwards = gallery.explain(f"id:{second}", first)
    np.testing.assert_allclose(backwards.query_map.grid, by_id.hit_map.grid, atol=1e-6)


def test_maps_have_the_shape_of_the_upright_picture(gallery):
    original = files(gallery)[0]
    found = gallery.explain(original, "turned.jpg")
    assert found.score > 0.99  # the same picture, once it is upright
    height, width, _ = found.hit_map.pixels.shape
    assert found.query_map.values.shape == found.hit_map.values.shape == (height, width)
    assert width > height
    seen = ~np.isnan(found.hit_map.values)
    assert not seen[:, 0].any()  # the centre crop leaves the sides out
    assert seen.any(axis=1).mean() == pytest.approx(0.875, abs=0.01)
    assert seen.any(axis=0).mean() == pytest.approx(0.875 * height / width, abs=0.01)
    difference = found.query_map.grid - found.hit_map.grid
    assert np.abs(difference).max() < 0.1 * found.hit_map.grid.max()


def test_an_explanation_can_be_looked_at(gallery, tmp_path):
    found = gallery.explain(files(gallery)[0], files(gallery)[1].name)
    saved = found.save(tmp_path / "new" / "why.png")
    with Image.open(saved) as picture:
        np.testing.assert_array_equal(np.asarray(picture), found.image())
    assert re.match(r'<img src="data:image/png;base64,[\w+/=]+" alt', found._repr_html_())
    assert f"{found.score:+.4f}" in repr(found)
    noted = json.loads(json.dumps(found.to_dict()))
    assert noted["score"] == found.score
    assert np.shape(noted["query_map"]["grid"]) == (7, 7)
    assert len(noted["hit_map"]["view"]) == 4
    with pytest.raises(InputError, match=r"saved as \.png, not as \.svg"):
        found.save(tmp_path / "why.svg")


def test_what_cannot_be_explained_is_one_sentence(gallery, tmp_path):
    item = files(gallery)[0].name
    with pytest.raises(InputError, match="no item with the id 'nobody'"):
        gallery.explain(files(gallery)[0], "nobody")
    with pytest.raises(InputError, match="'vector' is no picture"):
        gallery.explain(np.ones(1280, np.float32), item)
    with pytest.raises(SourceError, match="no such file"):
        gallery.explain("gone.jpg", item)
    for several in (f"{files(gallery)[0]} + id:{item}", lookalike.Query([lookalike.Term(item, -1, kind="id")])):
        with pytest.raises(InputError, match="no single picture whose parts can be shown"):
            gallery.explain(several, item)
    (tmp_path / "cut.jpg").write_bytes(files(gallery)[0].read_bytes()[:400])
    with pytest.raises(ImageDecodeError, match=r"cut\.jpg"):
        gallery.explain(tmp_path / "cut.jpg", item)


def test_a_gallery_without_an_encoder_of_pictures_says_so(tmp_path):
    np.save(tmp_path / "e.npy", np.eye(4, dtype=np.float32))
    precomputed = lookalike.open(tmp_path / "g")
    precomputed.add(tmp_path / "e.npy")
    [row, *_] = precomputed.search(np.ones(4, np.float32))
    plant(tmp_path / "photos", [1])
    with pytest.raises(EncoderError, match="precomputed embeddings and no encoder"):
        precomputed.explain(tmp_path / "photos" / "0001.png", row)
    toy = lookalike.open(tmp_path / "toy", encoder=ToyEncoder())
    toy.add(tmp_path / "photos")
    with pytest.raises(InputError, match="does not show what it sees"):
        toy.explain(
            tmp_path / "photos" / "0001.png", toy.search(tmp_path / "photos" / "0001.png", include_self=True)[0]
        )


def test_a_part_that_was_found_is_what_is_explained(beans, tmp_path):
    for path in sorted((beans / "test" / "healthy").iterdir())[:4]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    gallery = lookalike.open(tmp_path)
    gallery.add(tmp_path, tiles=True)
    part = lookalike.Term(sorted(tmp_path.glob("*.jpg"))[2], crop=(0, 0, 250, 250))
    [hit] = gallery.search(lookalike.Query([part]), k=1)
    assert hit.box is not None
    found = gallery.explain(part, hit)
    assert found.score == pytest.approx(hit.score, abs=1e-3)
    assert found.hit_map.pixels.shape[:2] == (hit.box[3], hit.box[2])
    assert gallery.explain(part, hit.id).score < found.score - 0.05
