from __future__ import annotations

import shutil

import pytest

import lookalike
from lookalike.errors import InputError
from lookalike.evaluation.augment import CHANGES
from tests.toys import ToyEncoder, plant

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "moon.png")


@pytest.fixture
def album(photos, tmp_path):
    (tmp_path / "album").mkdir()
    for name in NAMES:
        shutil.copy(photos / name, tmp_path / "album")
    return tmp_path / "album"


@pytest.fixture
def gallery(album):
    gallery = lookalike.open(album, encoder=ToyEncoder())
    gallery.add(album)
    return gallery


def test_without_labels_changed_copies_look_for_their_originals(gallery):
    found = gallery.evaluate(k=[1, 5])
    values = found.to_dict()
    assert (values["judged_by"], values["queries"], values["gallery_size"]) == ("copies", 25, 5)
    assert values["per_change"].keys() == {change.name for change in CHANGES}
    # poor compression leaves the means of the quarters as they are
    assert values["per_change"]["recompress"]["recall"]["1"] == 1.0
    assert values["recall"]["5"] == 1.0
    each = [card["mrr"] for card in values["per_change"].values()]
    assert values["mrr"] == values["map"] == pytest.approx(sum(each) / len(each), abs=1e-5)
    assert values["chance"] == pytest.approx(1 / 5)
    assert "per_label" not in values
    assert values["confusion"] == {}


def test_an_identical_picture_is_as_good_as_the_original(gallery, album):
    (album / "again.png").write_bytes((album / "astronaut.png").read_bytes())
    gallery.add(album)
    found = gallery.evaluate(album / "astronaut.png", k=[2])
    assert found.groups["recompress"].to_dict()["recall"]["2"] == 1.0
    assert found.to_dict()["chance"] == pytest.approx(2 / 6, abs=1e-6)
    assert found.overall.queries == 1  # intervals are over pictures, not over their copies


def test_the_copies_that_asked_are_shown(gallery):
    found = gallery.evaluate(label_from="none")
    assert {example.group for example in (*found.worst, *found.best)} <= {change.name for change in CHANGES}
    gray = next(example for example in (*found.worst, *found.best) if example.group in ("gray", "recompress"))
    assert gray.hits.picture is not None
    assert gray.section().query.pixels.shape[2] == 3


def test_files_that_are_gone_or_changed_are_counted(gallery, album):
    (album / "coffee.png").unlink()
    (album / "moon.png").write_bytes((album / "rocket.jpg").read_bytes())
    found = gallery.evaluate()
    assert found.queries == 3 * len(CHANGES)
    reasons = {failure.uri.rpartition("/")[2]: failure.reason for failure in found.left_out.failed}
    assert reasons.keys() == {"coffee.png", "moon.png"}
    assert "changed since it was indexed" in reasons["moon.png"]


def test_pictures_that_are_no_items_have_nothing_to_find(gallery, album, tmp_path):
    plant(tmp_path / "others", [1, 2])
    with pytest.raises(InputError, match=r"no labels, and are no items .*--label-from parent"):
        gallery.evaluate(tmp_path / "others")
    found = gallery.evaluate([tmp_path / "others", album], sample=2)
    assert (found.queries, found.left_out.unknown) == (2 * len(CHANGES), 2)
    for path in album.iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(InputError, match="none of the pictures can be read"):
        gallery.evaluate()
