from __future__ import annotations

import html
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.api.hits import Hits, save_hits
from lookalike.errors import InputError
from lookalike.exports.thumbnails import fitted
from tests.toys import ToyEncoder, pixels_of, plant, png


@pytest.fixture
def photos(tmp_path):
    plant(tmp_path / "photos" / "a", range(5))
    return tmp_path / "photos"


@pytest.fixture
def gallery(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, label_from="parent")
    return gallery


@pytest.fixture
def hits(gallery, photos):
    return gallery.search(photos / "a" / "0000.png", k=3)


def test_hits_are_a_sequence(hits):
    assert len(hits) == 3
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].id == hits.ids[0]
    assert [hit.id for hit in hits[1:]] == hits.ids[1:]
    assert hits[-1] in hits
    assert hits.labels == ["a", "a", "a"]
    assert hits.is_exact
    assert hits.seconds > 0


def test_hits_can_be_read_in_a_terminal(hits):
    lines = repr(hits).splitlines()
    assert "0000.png (3)" in lines[0]
    assert lines[1].split() == ["1", f"{hits.scores[0]:+.4f}", hits.ids[0]]


def test_hits_are_saved_as_a_picture_or_a_page(hits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = hits.save("new/out.PNG")
    assert picture == tmp_path / "new" / "out.PNG"
    with Image.open(picture) as shown:
        np.testing.assert_array_equal(np.asarray(shown), hits.image())
    page = hits.save(tmp_path / "out.html").read_text("utf-8")
    assert all(item.split("/")[-1] in page for item in hits.ids)
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_several_answers_are_one_file(gallery, tmp_path):
    answers = gallery.search_batch([f"id:a/000{i}.png" for i in range(3)], 2)
    sheet = np.asarray(Image.open(save_hits(answers, tmp_path / "out.png")))
    assert sheet.shape[0] == sum(answer.image().shape[0] for answer in answers)


@pytest.mark.parametrize(("name", "words"), [("out.gif", r"not as \.gif"), ("out", "without a suffix")])
def test_another_suffix_is_refused(hits, tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        hits.save(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_place_that_cannot_be_written_is_one_sentence(hits, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        hits.save(tmp_path / "file" / "out.png")


def test_what_is_gone_is_drawn_as_missing(hits, photos):
    whole = hits.image()
    for path in (photos / "a").iterdir():
        path.unlink()
    assert hits.image().shape == whole.shape
    assert not np.array_equal(hits.image(), whole)


def test_no_hits_can_be_shown_too(gallery, tmp_path):
    none = gallery.search("id:a/0000.png", where="width > 100")
    assert len(none) == 0
    assert none.image().ndim == 3
    assert none.save(tmp_path / "out.html").is_file()


def test_a_notebook_shows_a_frame_of_its_own(hits):
    frame = hits._repr_html_()
    assert frame.startswith('<iframe srcdoc="')
    page = html.unescape(frame.split('"')[1])
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert all(item.split("/")[-1] in page for item in hits.ids)


def test_the_query_is_part_of_the_picture(gallery, photos):
    by_file = gallery.search(photos / "a" / "0000.png", k=3)
    by_id = gallery.search("id:a/0000.png", k=3)
    assert by_file.ids == by_id.ids
    assert by_file.section().query is not None
    np.testing.assert_array_equal(by_file.section().query.pixels, np.asarray(Image.open(BytesIO(by_file.picture))))


def test_hits_without_labels_have_none():
    assert Hits("q", (), seconds=0.0, picture=None, read=lambda hit: b"").labels == []


def test_what_was_found_is_framed(photos, tmp_path):
    (photos / "large.png").write_bytes(png(7, side=400))
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, tiles=True)
    part = lookalike.Term(pixels_of(7, side=400), crop=(100, 100, 200, 200))
    hits = gallery.search(part, 1)
    assert hits[0].box == (100, 100, 200, 200)
    shown = hits.section().hits[0].pixels
    original = pixels_of(7, side=400)
    np.testing.assert_array_equal(shown[110:290, 110:290], original[110:290, 110:290])
    assert shown[:100].min() >= 127
    assert (shown[100:105, 100:300] == (47, 107, 255)).all()
    whole = gallery.search(photos / "large.png", 1, include_self=True)
    np.testing.assert_array_equal(whole.section().hits[0].pixels, original)


def test_the_least_alike_are_called_so(gallery, photos, tmp_path):
    least = gallery.search(photos / "a" / "0000.png", k=3, reverse=True)
    page = least.save(tmp_path / "out.html").read_text("utf-8")
    assert "3 least alike" in page
    assert "most alike" not in page
    assert not np.array_equal(least.image()[:70], gallery.search(photos / "a" / "0000.png", k=3).image()[:70])


def test_a_picture_says_that_hits_are_the_least_alike(gallery, photos, tmp_path):
    hits = gallery.search(photos / "a" / "0000.png", k=3, reverse=True)
    with Image.open(hits.save(tmp_path / "least.png")) as shown:
        np.testing.assert_array_equal(np.asarray(shown), hits.image())


def test_a_message_repeats_no_endless_condition(gallery, photos):
    with pytest.raises(InputError) as refused:
        gallery.search(photos / "a" / "0000.png", where=" or ".join(["id = 'x'"] * 6_000))
    assert len(str(refused.value)) < 1_000
    for name in ("where", "sort", "cursor"):
        with pytest.raises(InputError, match=f"{name} must be a text, got 3"):
            gallery.search(photos / "a" / "0000.png", **{name: 3})
    with pytest.raises(InputError, match="there is no expansion named 3"):
        gallery.search(photos / "a" / "0000.png", expand=3)


def test_pictures_of_items_and_of_several_are_part_of_the_picture(gallery, photos, tmp_path):
    one = gallery.search("id:a/0000.png", k=1)
    np.testing.assert_array_equal(one.section().query.pixels, pixels_of(0))
    both = gallery.search(f"{photos / 'a' / '0003.png'} + 0.5:id:a/0001.png", k=1)
    section = both.section()
    assert section.heading == both.query
    for left, number in ((0, 3), (256, 1)):
        small = np.asarray(fitted(pixels_of(number), 256, 256))
        np.testing.assert_array_equal(section.query.pixels[120:136, left + 120 : left + 136], small)
    assert "0.5:id:a/0001.png" in both.save(tmp_path / "both.html").read_text("utf-8")
    (photos / "a" / "0001.png").unlink()
    assert gallery.search("id:a/0001.png", k=1).section().query is None
    np.testing.assert_array_equal(
        gallery.search("id:a/0001.png + id:a/0002.png", k=1).section().query.pixels, pixels_of(2)
    )
