"""Maps of galleries, with labels and without."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.api.map import MapOptions
from lookalike.errors import InputError
from tests.cli.command import album
from tests.toys import ToyEncoder, plant

pytest.importorskip("sklearn")


def data_of(path):
    page = Path(path).read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture
def gallery(tmp_path):
    album(tmp_path / "photos", 30)
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos", label_from="parent")
    return gallery


def test_every_image_is_shown_in_the_group_of_its_label(gallery, tmp_path):
    report = gallery.map(tmp_path / "new" / "map.html")
    assert report.to_dict() == {
        "path": str(tmp_path / "new" / "map.html"),
        "shown": 30,
        "total": 30,
        "groups": {"even": 15, "odd": 15},
        "unreadable": 0,
        "bytes": (tmp_path / "new" / "map.html").stat().st_size,
    }
    data = data_of(report.path)
    names = [data["groups"][group]["name"] for group in data["group"]]
    assert sorted(data["title"]) == sorted(f"photos/{'odd' if n % 2 else 'even'}/{n}.png" for n in range(30))
    assert all(f"/{name}/" in title for name, title in zip(names, data["title"], strict=True))
    assert all(Path(link.removeprefix("file://")).is_file() for link in data["link"])
    assert all(size == [64, 64] for size in data["sizes"])


def test_likeness_on_the_map_is_likeness_of_the_pictures(gallery, tmp_path):
    """The two nearest on the map of copies are an image and its copy."""
    for path in sorted((tmp_path / "photos" / "even").iterdir()):
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())
    gallery.add(tmp_path / "photos")
    data = data_of(gallery.map(tmp_path / "map.html").path)
    places = dict(zip(data["title"], np.column_stack([data["x"], data["y"]]), strict=True))
    hits = 0
    for title, place in places.items():
        if "copy of" in title:
            distances = {other: np.linalg.norm(place - at) for other, at in places.items() if other != title}
            hits += min(distances, key=distances.get) == title.replace("copy of ", "")
    assert hits >= 12  # of 15


def test_without_labels_like_images_are_a_group_named_by_its_centre(tmp_path):
    plant(tmp_path / "photos", range(12))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    report = gallery.map(tmp_path / "map.html")
    assert len(report.groups) == 2
    assert sum(report.groups.values()) == 12
    assert all(re.fullmatch(r"like \d{4}\.png", name) for name in report.groups)
    data = data_of(report.path)
    for group in data["groups"]:
        assert data["title"][group["central"]].endswith(group["name"].removeprefix("like "))
    again = gallery.map(tmp_path / "again.html")
    assert again.path.read_bytes() == report.path.read_bytes()
    assert "12 images." in report.path.read_text("utf-8")


def test_another_attribute_groups_the_images(gallery, tmp_path):
    report = gallery.map(tmp_path / "map.html", MapOptions(label_from="width"))
    assert report.groups == {"64": 30}
    with pytest.raises(InputError, match="no attribute 'colour' to take labels from; it has: folder"):
        gallery.map(tmp_path / "other.html", MapOptions(label_from="colour"))


def test_a_large_gallery_is_sampled_and_the_page_says_so(gallery, tmp_path):
    report = gallery.map(tmp_path / "map.html", MapOptions(most=10))
    assert (report.shown, report.total, report.groups) == (10, 30, {"even": 5, "odd": 5})
    assert "A sample of 10 of 30 images" in report.path.read_text("utf-8")
    assert len(data_of(report.path)["title"]) == 10


def test_small_labels_share_one_group(tmp_path):
    gallery = lookalike.open(tmp_path)
    ids = [f"item {number}" for number in range(50)]
    attributes = [{"label": "common" if number < 8 else f"rare {number}"} for number in range(48)] + [{}, {}]
    gallery.add_embeddings(ids, np.random.default_rng(0).normal(size=(50, 6)), attributes=attributes)
    report = gallery.map(tmp_path / "map.html")
    assert list(report.groups)[:2] == ["common", "no label"]
    assert report.groups["2 others"] == 2
    assert sum(report.groups.values()) == report.unreadable == 50  # embeddings alone have no pictures
    assert set(data_of(report.path)["link"]) == {""}


def test_labels_that_read_like_our_own_words_stay_apart(tmp_path):
    gallery = lookalike.open(tmp_path)
    attributes = [{"label": "no label"}] * 3 + [{}] * 2
    gallery.add_embeddings(list("abcde"), np.random.default_rng(0).normal(size=(5, 6)), attributes=attributes)
    report = gallery.map(tmp_path / "map.html")
    assert report.groups == {"no label": 3, "no label 2": 2}
    data = data_of(report.path)
    assert dict(zip(data["title"], data["group"], strict=True)) == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1}


def test_pictures_that_are_gone_are_dots(gallery, tmp_path):
    (tmp_path / "photos" / "odd" / "3.png").unlink()
    (tmp_path / "photos" / "odd" / "5.png").write_bytes(b"another file")
    report = gallery.map(tmp_path / "map.html")
    assert (report.shown, report.unreadable) == (30, 2)
    data = data_of(report.path)
    gone = [title for title, size in zip(data["title"], data["sizes"], strict=True) if size == [0, 0]]
    assert sorted(gone) == ["photos/odd/3.png", "photos/odd/5.png"]


def test_an_image_alone_is_a_map(tmp_path):
    plant(tmp_path / "photos", [1])
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    assert gallery.map(tmp_path / "map.html").groups == {"like 0001.png": 1}
    gallery.remove("id:photos/0001.png")
    with pytest.raises(InputError, match="holds no images yet"):
        gallery.map(tmp_path / "map.html")


@pytest.mark.parametrize("name", ["map.png", "map"])
def test_another_suffix_is_refused(gallery, tmp_path, name):
    with pytest.raises(InputError, match=r"saved as \.html, not as"):
        gallery.map(tmp_path / name)


def test_an_encoder_with_texts_names_groups_by_concepts(tmp_path):
    pytest.importorskip("torch")
    from lookalike.api.concepts import CONCEPTS
    from tests.encoders.checkpoints import save_clip

    album(tmp_path / "photos", 12)
    gallery = lookalike.open(tmp_path / "g", encoder=str(save_clip(tmp_path / "clip")))
    gallery.add(tmp_path / "photos")
    report = gallery.map(tmp_path / "map.html")
    assert len(report.groups) == 2
    assert all(re.sub(r" \d+$", "", name) in CONCEPTS for name in report.groups)
