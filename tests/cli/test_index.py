"""`lookalike index` as a script and as a person see it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import album, lookalike, lookalike_json, mistake, picture

KEYS = {
    "gallery", "encoder", "dim", "added", "updated", "unchanged", "removed", "failed", "total", "seconds",
    "images_per_second",
}  # fmt: skip


def test_reports_what_it_did_in_the_contracts_words(tmp_path):
    album(tmp_path / "photos")
    report = lookalike_json("index", "photos", cwd=tmp_path)
    assert report.keys() >= KEYS
    assert (report["added"], report["total"], report["failed"]) == (6, 6, [])
    assert (report["encoder"], report["dim"]) == ("embedded", 1280)
    assert report["gallery"] == str(tmp_path / ".lookalike")


def test_second_run_does_nothing_and_later_ones_follow_the_folder(tmp_path):
    photos = album(tmp_path / "photos")
    lookalike("index", "photos", cwd=tmp_path)
    again = lookalike_json("index", "photos", cwd=tmp_path)
    assert (again["unchanged"], again["added"], again["updated"], again["removed"]) == (6, 0, 0, 0)
    (photos / "even" / "0.png").rename(photos / "odd" / "renamed.png")
    (photos / "odd" / "1.png").unlink()
    picture(photos / "odd" / "3.png", 99)
    picture(photos / "even" / "new.png", 100)
    after = lookalike_json("index", "photos", cwd=tmp_path)
    assert (after["added"], after["reused"], after["updated"], after["removed"]) == (2, 1, 1, 2)
    assert (after["unchanged"], after["total"]) == (3, 6)


def test_the_gallery_is_found_from_a_folder_below(tmp_path):
    photos = album(tmp_path / "photos")
    lookalike("index", "photos", cwd=tmp_path)
    assert lookalike_json("index", ".", cwd=photos)["unchanged"] == 6


def test_good_files_are_indexed_and_bad_ones_listed(tmp_path):
    photos = album(tmp_path / "photos")
    (photos / "text.jpg").write_text("this is no picture")
    (photos / "empty.png").touch()
    whole = picture(photos / "cut.jpg", 7, side=256).read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    done = lookalike("index", "photos", cwd=tmp_path)
    for name in ("text.jpg", "empty.png", "cut.jpg"):
        assert name in done.stderr
    report = lookalike_json("index", "photos", cwd=tmp_path)
    assert (report["total"], report["unchanged"]) == (6, 6)
    assert {Path(failure["uri"]).name for failure in report["failed"]} == {"text.jpg", "empty.png", "cut.jpg"}
    assert all(failure["reason"] for failure in report["failed"])
    lookalike("index", "photos", "--strict", cwd=tmp_path, code=1)


def test_labels_come_from_the_folder_when_asked(tmp_path):
    album(tmp_path / "photos")
    lookalike("index", "photos", "--label-from", "parent", cwd=tmp_path)
    hits = lookalike_json("search", "id:photos/even/0.png", "--where", "label = 'even'", cwd=tmp_path)["hits"]
    assert {hit["attributes"]["label"] for hit in hits} == {"even"}
    assert len(hits) == 2


def test_labels_are_taken_from_the_same_place_by_later_runs(tmp_path):
    album(tmp_path / "photos")
    lookalike("index", "photos", "--label-from", "parent", cwd=tmp_path)
    assert lookalike_json("index", "photos", cwd=tmp_path)["updated"] == 0
    (tmp_path / "photos" / "even" / "late.png").write_bytes(
        (tmp_path / "photos" / "even" / "0.png").read_bytes() + b" "
    )
    assert lookalike_json("index", ".", cwd=tmp_path)["updated"] == 0
    hits = lookalike_json("search", "id:photos/odd/1.png", "--where", "label = 'even'", cwd=tmp_path)["hits"]
    assert "photos/even/late.png" in [hit["id"] for hit in hits]
    assert lookalike_json("index", "photos/odd", "--label-from", "none", cwd=tmp_path)["updated"] == 3
    assert lookalike_json("index", "photos", cwd=tmp_path)["updated"] == 0
    hits = lookalike_json("search", "id:photos/odd/1.png", "--where", "label is null", cwd=tmp_path)["hits"]
    assert {hit["attributes"]["folder"] for hit in hits} == {"odd"}


def test_a_limit_refuses_and_a_raised_one_tries_again(tmp_path):
    album(tmp_path / "photos", 2)
    report = lookalike_json("index", "photos", "--max-pixels", 1000, cwd=tmp_path)
    assert [failure["reason"] for failure in report["failed"] if "--max-pixels" in failure["reason"]]
    assert lookalike_json("index", "photos", cwd=tmp_path)["added"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["index", "nowhere"], ["nowhere"]),
        (["index", "bare"], ["bare", "no images"]),
        (["index", "photos", "--encoder", "embeded"], ["embeded", "did you mean 'embedded'"]),
        (["index", "photos", "--index", "exakt"], ["exakt", "did you mean 'exact'"]),
        (["index", "photos", "--pooling", "cls"], ["pooling"]),
        (["index", "photos", "--encoder", "bare"], ["bare", "config.json"]),
        (["index", "photos", "--label-from", "colour"], ["colour", "folder"]),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path, arguments, words):
    album(tmp_path / "photos", 1)
    (tmp_path / "bare").mkdir()
    sentence = mistake(*arguments, cwd=tmp_path)
    for word in words:
        assert word in sentence
    assert not (tmp_path / ".lookalike").exists()


def test_a_choice_that_does_not_exist_is_called_that_by_an_existing_gallery_too(tmp_path):
    album(tmp_path / "photos", 1)
    lookalike("index", "photos", cwd=tmp_path)
    for option, choice, words in (
        ("--pooling", "nonsense", "no pooling named 'nonsense'; known: auto, average, cls"),
        ("--precision", "nonsense", "no precision named 'nonsense'; known: auto, bf16, f16, f32"),
        ("--preprocessing", "procesor", "did you mean 'processor'"),
        ("--pooling", "cls", "made by embedded"),
    ):
        assert words in mistake("index", "photos", option, choice, cwd=tmp_path)


def test_what_it_says_begins_with_words(tmp_path):
    album(tmp_path / "photos", 1)
    assert lookalike("index", "photos", cwd=tmp_path).stderr.startswith("1 added")
    assert lookalike("index", "none", cwd=tmp_path, code=2).stderr.startswith("error: none")


def test_its_help_names_every_kind_of_source(tmp_path):
    words = " ".join(lookalike("index", "--help", cwd=tmp_path).stdout.replace("│", " ").split())
    for kind in (
        *("Folders", "image files", "'photos/**/*.jpg'", ".parquet", ".csv", ".tsv", ".jsonl", "#COLUMN"),
        *("x-{000..009}.tar", ".txt", "- for standard input", "http(s)", "s3://", "zip://", "hf:NAME[:SPLIT]"),
    ):
        assert kind in words


def test_an_emptied_folder_loses_nothing(tmp_path):
    photos = album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    photos.rename(tmp_path / "elsewhere")
    photos.mkdir()
    mistake("index", "photos", cwd=tmp_path)
    assert lookalike_json("info", cwd=tmp_path)["total"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_an_interrupted_run_says_so_and_goes_on_later(tmp_path):
    photos = tmp_path / "photos"
    for i in range(1500):
        picture(photos / f"{i}.png", i, side=16)
    # whoever runs the tests may have set the signal to be ignored, which a child process inherits
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from lookalike.__main__ import main; main()"
    command = [sys.executable, "-c", code, "index", "photos"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    versions = tmp_path / ".lookalike" / "items.lance" / "_versions"
    while run.poll() is None and (not versions.is_dir() or len(list(versions.glob("*.manifest"))) < 2):
        time.sleep(0.01)  # until the first rows are in: the first version is the empty table
    run.send_signal(signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in stderr
    assert "interrupted" in stderr
    report = lookalike_json("index", "photos", cwd=tmp_path)
    assert report["total"] == 1500
    assert report["unchanged"] > 0


def test_the_number_of_threads_is_a_choice(tmp_path):
    album(tmp_path / "photos", 4)
    assert lookalike_json("index", "photos", "--workers", "1", cwd=tmp_path)["added"] == 4
    assert "--workers" in lookalike("index", "photos", "--workers", "0", cwd=tmp_path, code=2).stderr


def test_tiles_are_made_kept_and_given_up(tmp_path):
    album(tmp_path / "photos")
    assert lookalike_json("index", "photos", cwd=tmp_path)["tiled"] == 0
    assert lookalike_json("info", cwd=tmp_path)["tiles"] is False
    done = lookalike("index", "photos", "--tiles", cwd=tmp_path)
    assert "6 cut into tiles" in done.stderr
    assert lookalike_json("info", cwd=tmp_path)["tiles"] is True
    picture(tmp_path / "photos" / "new.png", 9)
    answer = lookalike_json("index", "photos", cwd=tmp_path)
    assert (answer["added"], answer["tiled"]) == (1, 1)

    search = ("search", "photos/new.png", "--crop", "0,0,0.5,0.5", "--include-self")
    best = lookalike_json(*search, cwd=tmp_path)["hits"][0]
    assert best["id"] == "photos/new.png"
    assert best["box"] == [0, 0, 32, 32]
    assert best["score"] == pytest.approx(1, abs=1e-4)
    assert "box=0,0,32,32" in lookalike(*search, cwd=tmp_path).stdout
    assert all("box" not in hit for hit in lookalike_json(*search, "--no-tiles", cwd=tmp_path)["hits"])
    lookalike("index", "photos", "--no-tiles", cwd=tmp_path)
    assert all("box" not in hit for hit in lookalike_json(*search, cwd=tmp_path)["hits"])
