"""Many queries at once."""

from __future__ import annotations

import datasets
import numpy as np
import pytest

import lookalike
from lookalike.api.batches import is_collection
from lookalike.errors import SourceError
from lookalike.images.region import Region
from tests.toys import ToyEncoder, plant, png


@pytest.fixture
def gallery(tmp_path):
    plant(tmp_path / "photos", range(8))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    return gallery


def test_each_picture_of_a_folder_is_answered_as_it_is_alone(gallery, tmp_path):
    answers = list(gallery.search_each(tmp_path / "photos", k=3))
    assert [hits.query for hits in answers] == [str(tmp_path / "photos" / f"{i:04d}.png") for i in range(8)]
    for i, hits in enumerate(answers):
        alone = gallery.search(tmp_path / "photos" / f"{i:04d}.png", k=3)
        assert (hits.ids, hits.scores) == (alone.ids, alone.scores)
        assert f"photos/{i:04d}.png" not in hits.ids
        assert hits.seconds > 0
    kept = list(gallery.search_each(tmp_path / "photos", k=1, include_self=True))
    assert [hits.ids for hits in kept] == [[f"photos/{i:04d}.png"] for i in range(8)]


def test_a_dataset_asks_with_each_of_its_rows(gallery):
    rows = datasets.Dataset.from_dict({"image": [png(3), png(5)]}).cast_column("image", datasets.Image())
    answers = list(gallery.search_each(rows, k=1))
    assert [hits.ids for hits in answers] == [["photos/0003.png"], ["photos/0005.png"]]


def test_a_crop_holds_for_each(gallery, tmp_path):
    (cropped, *_) = gallery.search_each(tmp_path / "photos", crop=(0, 0, 4, 4))
    alone = gallery.search(lookalike.Term(tmp_path / "photos" / "0000.png", crop=Region(0, 0, 4, 4)))
    assert cropped.scores == alone.scores
    assert cropped.query.endswith("0000.png [0,0,4,4]")


def test_what_cannot_be_read_is_told_of_and_stops_nothing(gallery, tmp_path):
    folder = tmp_path / "asked"
    plant(folder, range(70))
    (folder / "0001.png").write_bytes(b"no picture")
    (folder / "0069.png").write_bytes(png(1, side=2))
    failed = []
    answers = list(gallery.search_each(folder, k=1, crop=(4, 4, 4, 4), on_failure=failed.append))
    assert len(answers) == 68
    assert [failure.uri for failure in failed] == [str(folder / "0001.png"), str(folder / "0069.png")]
    assert failed[0].reason == "not a picture in a format that lookalike reads"
    assert "holds no pixel" in failed[1].reason
    with pytest.raises(SourceError):
        next(gallery.search_each(tmp_path / "none"))


def test_answers_come_as_they_are_asked_for(gallery, tmp_path):
    answers = gallery.search_each(tmp_path / "photos", k=1)
    next(answers)
    plant(tmp_path / "photos", [20])
    gallery.add(tmp_path / "photos")
    answers.close()
    assert np.isfinite(gallery.search("id:photos/0020.png", k=1).scores).all()


def test_a_folder_is_meant_with_a_slash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plant(tmp_path / "photos", [1])
    assert [is_collection(text) for text in ("photos/", "./photos", ".", "hf:beans:test", str(tmp_path))] == [True] * 5
    assert not any(map(is_collection, ("photos", "none/", "photos/0001.png", "id:photos", "a/b" * 3000, "a\0/")))
