from __future__ import annotations

import glob
import os

import pytest

from lookalike.errors import SourceError
from lookalike.sources.pattern import GlobSource
from tests.sources.trees import ids, plant

TREE = [
    "1.jpg",
    "2.png",
    "a/1.jpg",
    "a/2.png",
    "a/b/3.jpg",
    "a/b/c/4.jpg",
    "x/b/5.jpg",
    ".h/6.jpg",
    "a/.7.jpg",
    "n.txt",
]


def test_links_that_lead_to_each_other_are_nothing_rather_than_closed(tmp_path):
    (tmp_path / "here").symlink_to(tmp_path / "there")
    (tmp_path / "there").symlink_to(tmp_path / "here")
    source = GlobSource(str(tmp_path / "here" / "*.jpg"), base=tmp_path)
    with pytest.raises(SourceError, match="matches no images"):
        list(source)
    assert source.unreadable == []


@pytest.mark.parametrize(
    "pattern",
    [
        *("*.jpg", "*", "?.png", "[12].*", "[!1].*", "*/*.jpg", "a/*", "a/**", "**/*.jpg", "**", "**/b/*.jpg"),
        *("a/**/*.jpg", "*/b/**/*.jpg", "**/**/4.jpg", ".h/*", ".*/*.jpg", "a/.*", "a/b/../*.png", "**/[0-9].jp*g"),
    ],
)
def test_a_pattern_matches_what_the_standard_library_matches(tmp_path, pattern):
    plant(tmp_path, TREE)
    standard = glob.glob(pattern, root_dir=tmp_path, recursive=True)  # noqa: PTH207 - Path.glob matches hidden files
    images = {os.path.normpath(name) for name in standard if name.endswith(("jpg", "png"))}
    source = GlobSource(str(tmp_path / pattern), base=tmp_path)
    assert images
    assert sorted(ids(source)) == sorted(images)
    assert [name for name in TREE if source.covers(name)] == [name for name in TREE if name in images]


def test_the_listing_is_in_order_and_relative_to_the_working_directory(tmp_path, monkeypatch):
    plant(tmp_path, TREE)
    monkeypatch.chdir(tmp_path / "a")
    assert ids(GlobSource("**/*.jpg", base=tmp_path)) == ["a/1.jpg", "a/b/3.jpg", "a/b/c/4.jpg"]


def test_it_covers_matches_that_are_gone(tmp_path):
    plant(tmp_path, TREE)
    source = GlobSource(str(tmp_path / "*/b/*.jpg"), base=tmp_path)
    assert source.covers("gone/b/9.jpg")
    assert not source.covers("gone/9.jpg")
    assert not source.covers("gone/b/9.txt")
    assert not source.covers("https://host/b/9.jpg")


def test_system_folders_are_matched_only_by_name(tmp_path):
    plant(tmp_path, ["a/@eaDir/1.jpg", "a/b/2.jpg"])
    assert ids(GlobSource(str(tmp_path / "a/**/*.jpg"), base=tmp_path)) == ["a/b/2.jpg"]
    assert ids(GlobSource(str(tmp_path / "*/@eaDir/*.jpg"), base=tmp_path)) == ["a/@eaDir/1.jpg"]


def test_links_in_a_circle_end(tmp_path):
    plant(tmp_path, ["a/1.jpg"])
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert ids(GlobSource(str(tmp_path / "**/*.jpg"), base=tmp_path)) == ["a/1.jpg"]


def test_only_folders_that_can_match_are_entered(tmp_path):
    plant(tmp_path, ["a/1.jpg", "b/1.jpg"])
    (tmp_path / "b" / "elsewhere").symlink_to(tmp_path / "nowhere")
    source = GlobSource(str(tmp_path / "*/1.jpg"), base=tmp_path)
    assert ids(source) == ["a/1.jpg", "b/1.jpg"]
    assert source.unreadable == []


@pytest.mark.parametrize("pattern", ["*.gif", "nowhere/*.jpg", "nowhere/**"])
def test_a_pattern_without_a_match_says_so(tmp_path, pattern):
    plant(tmp_path, TREE)
    with pytest.raises(SourceError, match="matches no images"):
        list(GlobSource(str(tmp_path / pattern), base=tmp_path))
