"""`lookalike demo`: the first thing that a new user runs."""

from __future__ import annotations

from tests.cli.command import lookalike


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
