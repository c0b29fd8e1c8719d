from __future__ import annotations

import pytest

from tests.cli.command import album, lookalike, lookalike_json, mistake

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped")
    album(folder / "photos", 12)
    lookalike("index", "photos", "--label-from", "parent", cwd=folder)
    return folder


def test_a_map_is_written_and_told(folder):
    found = lookalike_json("map", cwd=folder)
    assert found["path"] == str(folder / "map.html")
    assert (found["shown"], found["total"], found["groups"]) == (12, 12, {"even": 6, "odd": 6})
    assert found["bytes"] == (folder / "map.html").stat().st_size
    done = lookalike("map", "--output", "other.html", "--label-from", "width", "--most", 5, cwd=folder)
    assert done.stdout == "64\t5\n"
    assert "5 of 12 images" in done.stderr
    assert (folder / "other.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "map.png"], [".html", ".png"]),
        (["--label-from", "colour"], ["no attribute 'colour'", "folder"]),
        (["--gallery", "nowhere"], ["lookalike index"]),
    ],
)
def test_a_mistake_is_one_sentence(folder, arguments, words):
    sentence = mistake("map", *arguments, cwd=folder)
    for word in words:
        assert word in sentence
