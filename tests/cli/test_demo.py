"""`lookalike demo`: the first thing that a new user runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.command import lookalike, picture


def test_finds_the_originals_of_bundled_photos(tmp_path):
    done = lookalike("demo", cwd=tmp_path)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) >= 20
    assert [row for row in rows if row[2] != "1"] == []
    assert (tmp_path / "demo-output" / "result.png").stat().st_size > 100_000
    page = (tmp_path / "demo-output" / "result.html").read_text("utf-8")
    assert page.count("<section") == len(rows)
    assert str(tmp_path / "demo-output" / "result.html") in done.stderr


def test_takes_a_folder(tmp_path, beans):
    folder = tmp_path / "leaves"
    folder.mkdir()
    for path in sorted((beans / "test" / "healthy").glob("*.jpg"))[:12]:
        (folder / path.name).symlink_to(path)
    done = lookalike("demo", "--images", folder, "--output", "out", cwd=tmp_path)
    assert "12 images" in done.stderr
    assert (tmp_path / "out" / "result.html").is_file()


def test_works_twice_in_a_row(tmp_path):
    for i in range(3):
        picture(tmp_path / "leaves" / f"{'long' * 50}{i}.png", i, side=128)
    first = lookalike("demo", "--images", "leaves", cwd=tmp_path)
    again = lookalike("demo", "--images", "leaves", cwd=tmp_path)
    assert again.stdout == first.stdout
    assert first.stdout.count("\n") == 9
    assert "images/s" not in again.stderr


@pytest.mark.parametrize(
    ("images", "output", "words"),
    [
        ("leaves", "leaves", "among the images"),
        ("leaves", "leaves/out", "among the images"),
        (".", None, "among the images"),
        ("leaves", "link/out", "among the images"),
        ("leaves", "leaves/0.png", "it is no folder"),
        ("leaves", "leaves/0.png/out", "0.png is no folder"),
        ("nowhere", "out", "no such file or folder"),
    ],
)
def test_a_place_that_will_not_do_is_one_sentence(tmp_path, images, output, words):
    picture(tmp_path / "leaves" / "0.png", 0, side=128)
    (tmp_path / "link").symlink_to(tmp_path / "leaves")
    options = [] if output is None else ["--output", output]
    done = lookalike("demo", "--images", images, *options, cwd=tmp_path, code=2)
    assert words in done.stderr.splitlines()[-1]
    assert [path.name for path in (tmp_path / "leaves").iterdir()] == ["0.png"]


def test_without_its_photos_it_says_where_to_get_them(tmp_path):
    hidden = "import sys; sys.modules['skimage'] = None; sys.argv = ['lookalike', 'demo']"
    command = [sys.executable, "-c", f"{hidden}; from lookalike.__main__ import main; main()"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install scikit-image" in done.stderr
    assert "--images" in done.stderr


def test_a_missing_folder_is_one_sentence(tmp_path):
    done = lookalike("demo", "--images", "nowhere", cwd=tmp_path, code=2)
    assert "nowhere" in done.stderr.splitlines()[-1]


def test_another_source_is_not_mixed_with_the_first(tmp_path, beans):
    folder = tmp_path / "leaves"
    folder.mkdir()
    for path in sorted((beans / "test" / "healthy").glob("*.jpg"))[:3]:
        (folder / path.name).symlink_to(path)
    lookalike("demo", "--images", beans / "test" / "bean_rust", cwd=tmp_path)
    done = lookalike("demo", "--images", folder, cwd=tmp_path)
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} <= {path.name for path in folder.iterdir()}
