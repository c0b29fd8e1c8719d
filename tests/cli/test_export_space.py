from __future__ import annotations

from tests.cli.command import album, lookalike, lookalike_json, mistake


def test_a_space_is_written_and_told(tmp_path):
    album(tmp_path / "photos", 4)
    lookalike("index", "photos", cwd=tmp_path)
    found = lookalike_json("export", "space", "--output", "space", "--title", "Noise", cwd=tmp_path)
    assert found.pop("bytes") > 0
    assert found == {"folder": str(tmp_path / "space"), "pictures": 4, "left_out": 0}
    assert {path.name for path in (tmp_path / "space").iterdir()} == {
        ".gitattributes",
        ".lookalike",
        "README.md",
        "app.py",
        "photos",
        "requirements.txt",
    }
    assert "not empty" in mistake("export", "space", "--output", "photos", cwd=tmp_path)
    done = lookalike("export", "space", "-o", "bare", "--without-gallery", cwd=tmp_path)
    assert "0 pictures" in done.stderr
    assert "left out" not in done.stderr
    assert not (tmp_path / "bare" / ".lookalike").exists()


def test_there_must_be_a_gallery(tmp_path):
    assert "lookalike index" in mistake("export", "space", "--output", "space", cwd=tmp_path)
