"""Duplicates of real photos: found, told apart, moved away and back; and two galleries compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

import lookalike
from lookalike.curation.duplicates import Kind
from lookalike.errors import InputError, SpaceMismatchError
from tests.toys import ToyEncoder


@pytest.fixture
def folder(tmp_path, beans):
    """Ten photos, and copies of some of them."""
    photos = tmp_path / "photos"
    (photos / "copies").mkdir(parents=True)
    for number, path in enumerate(sorted((beans / "test").rglob("*.jpg"))[:10]):
        shutil.copy(path, photos / f"{number}.jpg")
    shutil.copy(photos / "0.jpg", photos / "copies" / "bytes.jpg")
    Image.open(photos / "1.jpg").save(photos / "copies" / "encoded.jpg", quality=40)
    Image.open(photos / "2.jpg").rotate(90).resize((250, 250)).save(photos / "copies" / "turned.png")
    Image.open(photos / "3.jpg").crop((7, 7, 493, 493)).save(photos / "copies" / "cut.jpg", quality=95)
    return photos


@pytest.fixture
def gallery(folder):
    gallery = lookalike.open(folder)
    gallery.add(folder)
    return gallery


def kinds(found):
    return {(group.keep.id, item.item.id): item.kind for group in found.groups for item in group.items}


def test_kinds_are_told_apart(gallery):
    found = gallery.duplicates()
    assert kinds(found) == {
        ("0.jpg", "copies/bytes.jpg"): Kind.EXACT,
        ("1.jpg", "copies/encoded.jpg"): Kind.SAME,
        ("2.jpg", "copies/turned.png"): Kind.SAME,
        ("3.jpg", "copies/cut.jpg"): Kind.SIMILAR,
    }
    assert (found.total, found.unreadable) == (14, ())
    assert kinds(gallery.duplicates()) == kinds(found)  # now from the fingerprints that were kept


def test_similar_ones_are_those_whose_cosine_reaches_the_threshold(gallery):
    # those of edited pictures are found by their pixels, so none is left here that is the same but for its edges
    gallery.remove("id:copies/cut.jpg")
    vectors = {hit.id: gallery.embed(f"id:{hit.id}") for hit in gallery.search("id:0.jpg", k=14, include_self=True)}
    vectors = {name: vector / np.linalg.norm(vector) for name, vector in vectors.items()}
    for threshold in (0.5, 0.65):
        found = gallery.duplicates(threshold=threshold)
        similar = [
            (item.of, item.item.id, item.score)
            for group in found.groups
            for item in group.items
            if item.kind == Kind.SIMILAR
        ]
        assert len(similar) > 1
        assert all(score >= threshold for _, _, score in similar)
        for of, name, score in similar:
            assert score == pytest.approx(float(vectors[of] @ vectors[name]), abs=1e-5)
        kept = {group.keep.id for group in found.groups} | (
            set(vectors) - {item.item.id for group in found.groups for item in group.items}
        )
        assert all(vectors[a] @ vectors[b] < threshold for a in kept for b in kept if a < b)


def test_the_rule_says_which_one_stays(gallery, folder):
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*.*g") if ".lookalike" not in path.parts}
    for rule, stays in {
        "best": "2.jpg",  # which has more pixels
        "largest": max("2.jpg", "turned.png", key=sizes.get),
    }.items():
        keepers = [group.keep.id for group in gallery.duplicates(keep=rule).groups]
        assert stays in [Path(keeper).name for keeper in keepers]
    with pytest.raises(InputError, match="no rule of what to keep named 'prettiest'"):
        gallery.duplicates(keep="prettiest")


def test_moved_away_and_back(gallery, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*.*g") if ".lookalike" not in path.parts}
    rows = sorted(gallery.store.table.to_table().to_pylist(), key=lambda row: row["id"])
    moved = gallery.duplicates().move()
    assert sorted(move.id for move in moved.moves) == ["copies/bytes.jpg", "copies/encoded.jpg", "copies/turned.png"]
    assert moved.failed == []
    assert len(gallery) == 11
    assert not gallery.duplicates().move().moves
    assert gallery.add(folder).unchanged == 11  # the trash is not indexed
    back = gallery.undo()
    assert len(back.moves) == 3
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(gallery.store.table.to_table().to_pylist(), key=lambda row: row["id"]) == rows
    report = gallery.add(folder)
    assert (report.unchanged, report.embedded) == (14, 0)
    with pytest.raises(InputError, match="nothing to undo"):
        gallery.undo()


def test_moved_to_a_folder_with_similar_ones(gallery, folder, tmp_path):
    moved = gallery.duplicates().move(tmp_path / "away", kinds=["similar"])
    assert [move.id for move in moved.moves] == ["copies/cut.jpg"]
    assert (tmp_path / "away" / "copies" / "cut.jpg").exists()
    with pytest.raises(InputError, match="lies in the folder of the gallery"):
        gallery.duplicates().move(folder / "away")
    with pytest.raises(InputError, match="there is no kind of duplicates named 'alike'"):
        gallery.duplicates().move(kinds=["alike"])


def test_nothing_is_overwritten_and_what_changed_stays(gallery, folder, tmp_path):
    found = gallery.duplicates()
    (folder / "copies" / "encoded.jpg").write_bytes((folder / "9.jpg").read_bytes())
    taken = tmp_path / "away" / "copies" / "bytes.jpg"
    taken.parent.mkdir(parents=True)
    taken.write_text("mine")
    moved = found.move(tmp_path / "away")
    assert [move.id for move in moved.moves] == ["copies/turned.png"]
    assert {Path(failure.uri).name: failure.reason for failure in moved.failed} == {
        "bytes.jpg": f"there is a file {str(taken)!r} already",
        "encoded.jpg": "the file has changed since it was indexed; index it again",
    }
    assert taken.read_text() == "mine"
    (folder / "copies" / "turned.png").write_text("new")
    back = gallery.undo()
    assert (len(back.moves), len(back.failed)) == (0, 1)  # one was noted and never moved
    assert (folder / "copies" / "turned.png").read_text() == "new"
    (folder / "copies" / "turned.png").unlink()
    gallery.add(folder, label_from="parent")
    back = gallery.undo()
    assert (len(back.moves), len(back.failed)) == (1, 0)
    # what was there already keeps what it has come to have
    labels = {row["id"]: row["label"] for row in gallery.store.table.to_table(["id", "label"]).to_pylist()}
    assert labels["copies/bytes.jpg"] == "copies"
    with Image.open(folder / "copies" / "turned.png") as picture:
        assert picture.size == (250, 250)


def test_reviewed_pairs_stay_reviewed(gallery):
    gallery.not_duplicates("1.jpg", "copies/encoded.jpg")
    gallery.not_duplicates("id:0.jpg", "copies/bytes.jpg")
    reopened = lookalike.open(gallery.path)
    assert set(kinds(reopened.duplicates())) == {("2.jpg", "copies/turned.png"), ("3.jpg", "copies/cut.jpg")}
    with pytest.raises(InputError, match="there is no item 'x'"):
        gallery.not_duplicates("1.jpg", "x")
    with pytest.raises(InputError, match="at least two"):
        gallery.not_duplicates("1.jpg")


def test_edited_pictures_are_similar(gallery, folder):
    Image.open(folder / "4.jpg").convert("L").save(folder / "copies" / "grey.png")
    ImageEnhance.Brightness(Image.open(folder / "5.jpg")).enhance(1.3).save(folder / "copies" / "bright.png")
    gallery.add(folder)
    found = {frozenset(pair): kind for pair, kind in kinds(gallery.duplicates(threshold=1)).items()}
    for pair in (("4.jpg", "copies/grey.png"), ("5.jpg", "copies/bright.png")):
        assert found[frozenset(pair)] == Kind.SIMILAR


def test_a_copy_of_a_similar_picture_is_a_copy_of_that(gallery, folder):
    shutil.copy(folder / "copies" / "cut.jpg", folder / "copies" / "deeper.jpg")
    gallery.add(folder)
    group = next(group for group in gallery.duplicates().groups if group.keep.id == "3.jpg")
    assert {(item.item.id, item.kind, item.of) for item in group.items} == {
        ("copies/cut.jpg", Kind.SIMILAR, "3.jpg"),
        ("copies/deeper.jpg", Kind.EXACT, "copies/cut.jpg"),
    }


def test_vanished_pictures_are_compared_by_bytes_and_embeddings(gallery, folder):
    (folder / "copies" / "encoded.jpg").unlink()
    (folder / "copies" / "bytes.jpg").unlink()
    found = gallery.duplicates()
    assert [Path(failure.uri).name for failure in found.unreadable] == ["encoded.jpg"]
    assert kinds(found)["1.jpg", "copies/encoded.jpg"] == Kind.SIMILAR
    assert kinds(found)["0.jpg", "copies/bytes.jpg"] == Kind.EXACT


def test_the_page_shows_each_group(gallery, tmp_path):
    page = gallery.duplicates().save(tmp_path / "groups.html").read_text()
    assert page.count("<section>") == 4
    assert "copies/turned.png" in page
    assert page.count("data:image/jpeg") == 8


def test_everything_is_json(gallery):
    found = json.loads(json.dumps(gallery.duplicates().to_dict()))
    assert found["groups"][0]["keep"] == "0.jpg"
    assert found["groups"][0]["items"][0].keys() == {"id", "uri", "kind", "score", "of"}


def test_galleries_are_compared(gallery, folder, tmp_path):
    test = tmp_path / "test"
    test.mkdir()
    shutil.copy(folder / "0.jpg", test / "leaked.jpg")
    ImageOps.mirror(Image.open(folder / "4.jpg")).save(test / "mirrored.jpg", quality=80)
    Image.open(folder / "5.jpg").crop((7, 7, 493, 493)).save(test / "cut.jpg", quality=95)
    Image.effect_noise((200, 200), 60).convert("RGB").save(test / "new.png")
    other = lookalike.open(test)
    other.add(test)
    found = other.diff(gallery)
    assert {(pair.item.id, pair.other.id, pair.kind) for pair in found.both} == {
        ("leaked.jpg", "0.jpg", Kind.EXACT),
        ("mirrored.jpg", "4.jpg", Kind.SAME),
        ("cut.jpg", "5.jpg", Kind.SIMILAR),
    }
    assert [hit.id for hit in found.only_a] == ["new.png"]
    assert {hit.id for hit in found.only_b}.isdisjoint({"0.jpg", "copies/bytes.jpg", "4.jpg", "5.jpg"})
    assert len(found.only_b) == 10
    toy = lookalike.open(tmp_path / "toy", encoder=ToyEncoder())
    toy.add(test)
    with pytest.raises(SpaceMismatchError):
        gallery.diff(toy)
    with pytest.raises(InputError, match="is compared with another gallery"):
        gallery.diff("photos")


def test_a_single_item_and_pictures_of_one_colour(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (40, 40), "teal").save(photos / "a.png")
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    assert gallery.duplicates().groups == []
    Image.new("RGB", (50, 50), "teal").save(photos / "b.png")
    gallery.add(photos)
    assert kinds(gallery.duplicates()) == {("b.png", "a.png"): Kind.SIMILAR}


def test_the_last_copy_never_leaves(gallery, folder):
    found = gallery.duplicates()
    (folder / "0.jpg").unlink()
    (folder / "1.jpg").write_bytes((folder / "9.jpg").read_bytes())
    moved = found.move()
    assert [move.id for move in moved.moves] == ["copies/turned.png"]
    assert {Path(failure.uri).name: failure.reason.partition(",")[0] for failure in moved.failed} == {
        "bytes.jpg": "0.jpg",
        "encoded.jpg": "1.jpg",
    }
    assert (folder / "copies" / "bytes.jpg").exists()
    assert (folder / "copies" / "encoded.jpg").exists()


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_link_is_the_very_file(tmp_path, beans, kind):
    photos = tmp_path / "photos"
    (photos / "z").mkdir(parents=True)
    real = photos / "z" / "a-long-name.jpg"
    shutil.copy(next((beans / "test").rglob("*.jpg")), real)
    link = photos / "a.jpg"
    if kind == "symbolic":
        link.symlink_to(real)
    else:
        link.hardlink_to(real)
    gallery = lookalike.open(photos)
    gallery.add(photos)
    for rule in ("best", "oldest"):
        moved = gallery.duplicates(keep=rule).move()
        assert not moved.moves
        assert ["very file" in failure.reason for failure in moved.failed] == [True]
    assert real.is_file()
    assert link.is_file()


def test_a_chain_of_duplicates_ends_at_one_that_stays(gallery):
    group = gallery.duplicates().groups[0]
    keep, first = group.keep, group.items[0]
    second = replace(first, item=replace(first.item, id="second"), of=first.item.id)
    chain = replace(group, items=[first, second])
    assert [[hit.id for hit in going.stays] for going in chain.going([Kind.EXACT, Kind.SAME])] == [[keep.id]] * 2
    similar = replace(chain, items=[replace(first, kind=Kind.SIMILAR), replace(second, kind=Kind.EXACT)])
    assert [[hit.id for hit in going.stays] for going in similar.going([Kind.EXACT, Kind.SAME])] == [[first.item.id]]
