"""Of copies that are equally good, the original is kept."""

from __future__ import annotations

import os
import shutil

import pytest

import lookalike
from tests.toys import ToyEncoder, plant

LONG_AGO = 1_500_000_000


def kept(folder, copies):
    """Return which of equal files is kept; they are given with the seconds by which they are younger than the first."""
    plant(folder / "from", [1])
    for name, age in copies.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "from" / "0001.png", path)
        os.utime(path, (LONG_AGO + age, LONG_AGO + age))
    gallery = lookalike.open(folder / ".lookalike", encoder=ToyEncoder())
    gallery.add(folder / "photos")
    [group] = gallery.duplicates().groups
    assert len(group.items) == len(copies) - 1
    return group.keep.id.removeprefix("photos/")


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("healthy/healthy_val.0.jpg", "copy0.jpg"),
        ("holiday/beach.jpg", "beach (1).jpg"),
        ("holiday/beach.jpg", "beach copy.jpg"),
        ("holiday/beach.jpg", "beach - Copy (2).jpg"),
        ("holiday/beach.jpg", "Copy of b.jpg"),
        ("holiday/beach.jpg", "b_Kopie2.jpg"),
    ],
)
def test_what_calls_itself_a_copy_goes_whatever_its_age_and_place(tmp_path, original, copy):
    assert kept(tmp_path, {copy: 0, original: 1_000}) == original


@pytest.mark.parametrize("name", ["copyright/b.jpg", "photocopy/b.jpg", "my copy/b.jpg", "d/copyright.jpg"])
def test_words_that_only_hold_that_say_nothing(tmp_path, name):
    assert kept(tmp_path, {"a.jpg": 1_000, name: 0}) == name


def test_then_the_older_file_the_fewer_folders_the_shorter_name_and_the_first_id(tmp_path):
    steps = [
        {"a.jpg": 5, "deep/down/long name.jpg": 0},
        {"a/b/c.jpg": 0.2, "long name.jpg": 0.7},
        {"a long.jpg": 0, "short.jpg": 0},
        {"b.jpg": 0, "a.jpg": 0},
    ]
    found = [kept(tmp_path / str(number), copies) for number, copies in enumerate(steps)]
    assert found == ["deep/down/long name.jpg", "long name.jpg", "short.jpg", "a.jpg"]
