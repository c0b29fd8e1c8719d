from __future__ import annotations

import shutil

import pytest
from PIL import Image

from tests.cli.command import album, lookalike, lookalike_json, mistake


@pytest.fixture(scope="module")
def leaves(beans, tmp_path_factory):
    """A gallery of twelve photos of each label, and four others of each as queries."""
    folder = tmp_path_factory.mktemp("leaves")
    for split, count in (("train", 12), ("test", 4)):
        for label in ("angular_leaf_spot", "bean_rust", "healthy"):
            (folder / split / label).mkdir(parents=True)
            for path in sorted((beans / split / label).iterdir())[:count]:
                shutil.copy(path, folder / split / label)
    lookalike("index", "train", cwd=folder)
    return folder


def test_a_folder_asks_and_the_figures_are_those_of_its_searches(leaves):
    found = lookalike_json("evaluate", "test", "--label-from", "parent", "-k", "1,3", cwd=leaves)
    queries = sorted((leaves / "test").rglob("*.jpg"))
    answers = lookalike_json("search", *queries, "-k", 36, cwd=leaves)
    first, average = [], []
    for path, answer in zip(queries, answers, strict=True):
        ranks = [h["rank"] for h in answer["hits"] if h["attributes"]["folder"] == path.parent.name]
        assert len(ranks) == 12
        first.append(ranks[0] == 1)
        average.append(sum(count / rank for count, rank in enumerate(ranks, start=1)) / 12)
    assert found["precision"]["1"] == pytest.approx(sum(first) / 12, abs=1e-6)
    assert found["map"] == pytest.approx(sum(average) / 12, abs=1e-6)
    assert (found["queries"], found["gallery_size"], found["encoder"]) == (12, 36, "embedded")
    assert found["recall"].keys() == {"1", "3"}
    assert sum(sum(row.values()) for row in found["confusion"].values()) == 12


def test_the_gallery_asks_itself_and_shows_what_it_finds(leaves):
    options = ["--label-from", "parent", "--save", "worst.png", "--report", "report.html", "--sample", "20"]
    done = lookalike("evaluate", *options, cwd=leaves)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows[:3]] == ["P@1", "P@5", "P@10"]
    assert all(float(low) <= float(mean) <= float(high) for _, mean, low, high in rows[:11])
    labels = ["angular_leaf_spot", "bean_rust", "healthy"]
    assert [row[0] for row in rows[11:]] == labels + labels  # the measures by label, and the confusion
    assert sum(int(count) for row in rows[14:] for count in row[1:]) == 20
    assert "20 queries, judged by the attribute 'folder'; 36 items" in done.stderr
    assert "how to read this: P@k is the share" in done.stderr
    with Image.open(leaves / "worst.png") as picture:
        assert picture.width > 800
    assert "<h2" in (leaves / "report.html").read_text("utf-8")


def test_without_labels_copies_ask(leaves):
    found = lookalike_json("evaluate", "--sample", "4", cwd=leaves)
    assert (found["judged_by"], found["queries"]) == ("copies", 20)
    assert found["per_change"]["recompress"]["recall"]["1"] == 1.0
    done = lookalike("evaluate", "--sample", "4", cwd=leaves)
    measures = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert measures[:4] == ["recall@1", "recall@5", "recall@10", "MRR"]


def test_broken_queries_are_listed(leaves):
    (leaves / "some" / "healthy").mkdir(parents=True)
    (leaves / "some" / "healthy" / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(next((leaves / "test" / "healthy").iterdir()), leaves / "some" / "healthy" / "good.jpg")
    done = lookalike("evaluate", "some", "--label-from", "parent", cwd=leaves)
    assert "1 could not be read:" in done.stderr
    assert "broken.jpg: not a picture" in done.stderr
    assert "1 queries, judged" in done.stderr


def test_mistakes_are_told_before_anything_runs(tmp_path):
    assert "make one with: lookalike index" in mistake("evaluate", cwd=tmp_path)
    assert "whole numbers between commas" in mistake("evaluate", "-k", "1;5", cwd=tmp_path)
    assert "saved as .html, not as .png" in mistake("evaluate", "--report", "r.png", cwd=tmp_path)
    assert "saved as .png or .html" in mistake("evaluate", "--save", "r.jpg", cwd=tmp_path)
    album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    assert "has a value of 'species'" in mistake("evaluate", "--label-from", "species", cwd=tmp_path)
    assert "no such file or folder" in mistake("evaluate", "photo", cwd=tmp_path)
