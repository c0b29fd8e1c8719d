"""`lookalike search`: the table, the JSON of the contract, the files it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lookalike.api.gallery import Gallery
from lookalike.gallery.location import locate
from tests.cli.command import album, lookalike, lookalike_json, mistake, picture


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """Six pictures in a gallery, and a copy of one of them outside it."""
    folder = tmp_path_factory.mktemp("search")
    album(folder / "photos")
    picture(folder / "query.png", 3)
    lookalike("index", "photos", cwd=folder)
    return folder


def test_json_is_the_contracts(indexed):
    answer = lookalike_json("search", "query.png", "-k", 4, cwd=indexed)
    assert answer.keys() >= {"gallery", "exact", "index", "seconds", "hits"}
    assert answer["exact"] is True
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4]
    best = answer["hits"][0]
    assert best.keys() == {"rank", "id", "uri", "score", "attributes"}
    assert best["id"] == "photos/odd/3.png"
    assert best["uri"] == str(indexed / "photos" / "odd" / "3.png")
    assert best["score"] == pytest.approx(1.0, abs=1e-6)
    assert best["attributes"] == {"folder": "odd", "width": 64, "height": 64}
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_several_queries_make_a_list(indexed):
    answers = lookalike_json("search", "query.png", "id:photos/even/0.png", cwd=indexed)
    assert [answer["query"] for answer in answers] == ["query.png", "id:photos/even/0.png"]


def test_a_query_that_is_an_item_is_left_out_unless_asked_for(indexed):
    for query in ("id:photos/odd/3.png", "photos/odd/3.png"):
        ids = [hit["id"] for hit in lookalike_json("search", query, cwd=indexed)["hits"]]
        assert len(ids) == 5
        assert "photos/odd/3.png" not in ids
        with_self = lookalike_json("search", query, "--include-self", cwd=indexed)["hits"]
        assert with_self[0]["id"] == "photos/odd/3.png"
        assert len(with_self) == 6


def test_lines_for_pipes_are_tab_separated_and_whole(indexed):
    lines = lookalike("search", "query.png", "-k", 2, cwd=indexed).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "2"]
    assert lines[0].split("\t")[2:4] == ["photos/odd/3.png", "photos/odd/3.png"]


def test_the_id_that_is_shown_can_be_asked_with_from_anywhere(indexed):
    below = indexed / "photos"
    row = lookalike("search", "../query.png", "-k", 1, cwd=below).stdout.rstrip("\n").split("\t")
    assert row == ["1", "1.0000", "odd/3.png", "photos/odd/3.png", "folder=odd"]
    assert lookalike_json("search", f"id:{row[3]}", "-k", 1, cwd=below)["query"] == "id:photos/odd/3.png"
    assert f"'id:{row[3]}'" in mistake("search", f"id:{row[2]}", cwd=below)


def test_a_name_with_tabs_and_line_breaks_stays_in_its_column(tmp_path):
    picture(tmp_path / "photos" / "a\tb\nc.png", 1)
    picture(tmp_path / "photos" / "d.png", 2)
    lookalike("index", "photos", cwd=tmp_path)
    (line,) = lookalike("search", "photos/d.png", cwd=tmp_path).stdout.splitlines()
    assert line.split("\t")[2:] == ["photos/a\\tb\\nc.png", "photos/a\\tb\\nc.png", "folder=photos"]
    assert mistake("search", "no\nne.png", cwd=tmp_path) == "error: no\\nne.png: no such file"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("hits.gif", "not as .gif"),
        ("hits", "without a suffix"),
        ("query.png/hits.png", "query.png is no folder"),
        ("folder.html", "it is a folder"),
    ],
)
def test_a_place_to_save_is_checked_before_anything_else(indexed, path, words):
    (indexed / "folder.html").mkdir(exist_ok=True)
    assert words in mistake("search", "none.png", "--gallery", "none", "--save", path, cwd=indexed)


def test_a_file_url_is_the_file(indexed):
    url = (indexed / "photos" / "odd" / "3.png").as_uri()
    hits = lookalike_json("search", url, "--include-self", cwd=indexed)["hits"]
    assert hits[0]["id"] == "photos/odd/3.png"


def test_narrowing(indexed):
    hits = lookalike_json("search", "query.png", "--where", "folder = 'even' and width >= 64", cwd=indexed)["hits"]
    assert len(hits) == 3
    assert {hit["attributes"]["folder"] for hit in hits} == {"even"}
    sure = lookalike_json("search", "query.png", "--min-score", 0.999, cwd=indexed)["hits"]
    assert [hit["id"] for hit in sure] == ["photos/odd/3.png"]
    by_distance = lookalike_json("search", "query.png", "--metric", "l2", "-k", 1, cwd=indexed)["hits"]
    assert by_distance[0]["score"] == pytest.approx(0.0, abs=1e-3)


def test_writes_a_picture_and_a_page(indexed, tmp_path):
    lookalike("search", "query.png", "--save", tmp_path / "hits.png", cwd=indexed)
    with Image.open(tmp_path / "hits.png") as sheet:
        assert min(sheet.size) > 300
        assert np.asarray(sheet).std() > 10
    done = lookalike("search", "query.png", "--save", tmp_path / "hits.html", cwd=indexed)
    page = (tmp_path / "hits.html").read_text("utf-8")
    assert str(tmp_path / "hits.html") in done.stderr
    assert page.count("data:image/") == 7
    assert "photos/odd/3.png" in page or "3.png" in page


def test_a_hit_whose_file_is_gone_is_still_listed_and_drawn(tmp_path):
    photos = album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    (photos / "odd" / "1.png").unlink()
    done = lookalike("search", "photos/even/0.png", "--save", "hits.png", cwd=tmp_path)
    assert "1.png" in done.stdout
    assert (tmp_path / "hits.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "missing.jpg"], ["missing.jpg", "no such file"]),
        (["search", "photos"], ["photos", "folder"]),
        (["search", "a red bicycle"], ["a red bicycle", "no text side", "CLIP"]),
        (["search", "id:photos/none.png"], ["photos/none.png", "no item"]),
        (["search", "broken.jpg"], ["broken.jpg"]),
        (["search", "query.png", "--where", "colour = 'red'"], ["colour", "folder"]),
        (["search", "query.png", "--where", "folder ="], ["folder ="]),
        (["search", "query.png", "--metric", "cosin"], ["did you mean 'cosine'"]),
        (["search", "query.png", "--save", "hits.gif"], [".png or .html"]),
        (["search", "query.png", "-k", "0"], ["k must be", "at least 1", "got 0"]),
        (["search", "query.png", "--min-score", "nan"], ["min_score", "nan"]),
        (["search", "query.png", "--min-score", "inf"], ["min_score", "inf"]),
        (["search", "query.png", "--min-score", "high"], ["min_score", "'auto'", "high"]),
        (["search", "query.png", "--min-score", "auto", "--metric", "l2"], ["cosine", "l2"]),
        (["search", "query.png", "--diversity", "2"], ["diversity", "0 to 1", "2"]),
        (["search", "query.png", "--expand", "neighbour"], ["did you mean 'neighbours'"]),
        (["search", "query.png", "--rerank", "whiten"], ["did you mean 'whitened'"]),
        (["search", "query.png", "--sort", "colour"], ["colour", "folder"]),
        (["search", "query.png", "--cursor", "second"], ["cursor", "start"]),
        (["search", "query.png", "--reverse", "--collapse"], ["reverse", "collapse"]),
        (["search", "query.png", "--crop", "1,2,3"], ["x,y,width,height", "1,2,3"]),
        (["search", "query.png", "--crop", "64,0,10,10"], ["holds no pixel", "64 x 64"]),
        (["search", "id:photos/even/0.png - id:photos/even/0.png"], ["cancel"]),
        (["search", "query.png + a red bicycle"], ["a red bicycle", "no text side", "CLIP"]),
        (["search", "none/"], ["none", "no such file"]),
        (["search", "file://host/query.png"], ["another machine"]),
        (["search", "query.png", "--gallery", "none"], ["none", "lookalike index"]),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(indexed, arguments, words):
    (indexed / "broken.jpg").write_text("no picture")
    done = lookalike(*arguments, cwd=indexed, code=2)
    sentence = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(sentence) == 1
    for word in words:
        assert word in sentence[0]


def test_control_characters_in_a_name_do_not_reach_the_terminal(tmp_path):
    picture(tmp_path / "photos" / "a\x1b[31mred.png", 1)
    picture(tmp_path / "photos" / "b.png", 2)
    lookalike("index", "photos", cwd=tmp_path)
    done = lookalike("search", "photos/b.png", cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert "red.png" in done.stdout


def test_a_terminal_without_unicode_is_served(tmp_path):
    picture(tmp_path / "photos" / "ü€.png", 1)
    picture(tmp_path / "photos" / "b.png", 2)
    lookalike("index", "photos", cwd=tmp_path)
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "lookalike", "search", "photos/b.png"]
    table = subprocess.run(command, cwd=tmp_path, env=latin, capture_output=True, check=True)
    assert "ü\\u20ac.png" in table.stdout.decode("latin-1")
    answer = subprocess.run([*command, "--json"], cwd=tmp_path, env=latin, capture_output=True, check=True)
    assert json.loads(answer.stdout)["hits"][0]["id"] == "photos/ü€.png"


def test_a_device_is_no_query(tmp_path):
    picture(tmp_path / "photos" / "a.png", 1)
    lookalike("index", "photos", cwd=tmp_path)
    assert "no regular file" in mistake("search", os.devnull, cwd=tmp_path)


def test_a_query_of_several_terms(indexed):
    text = "query.png + 0.5:id:photos/even/0.png - photos/odd/1.png"
    answer = lookalike_json("search", text, cwd=indexed)
    assert answer["query"] == text
    ids = [hit["id"] for hit in answer["hits"]]
    assert ids[0] == "photos/odd/3.png"
    assert len(ids) == 4
    assert not {"photos/even/0.png", "photos/odd/1.png"} & set(ids)
    with_terms = lookalike_json("search", text, "--include-self", cwd=indexed)["hits"]
    assert len(with_terms) == 6
    assert with_terms[-1]["id"] == "photos/odd/1.png"


def test_a_file_with_signs_in_its_name_is_one_query(indexed):
    picture(indexed / "query - copy.png", 3)
    answer = lookalike_json("search", "query - copy.png", "-k", 1, cwd=indexed)
    assert answer["query"] == "query - copy.png"
    assert answer["hits"][0]["score"] == pytest.approx(1.0, abs=1e-6)


def test_a_part_of_a_picture_is_asked_with(indexed):
    with Image.open(indexed / "photos" / "odd" / "3.png") as image:
        wide = Image.new("RGB", (200, 100))
        wide.paste(image, (120, 20))
        wide.save(indexed / "wide.png")
    for crop in ("120,20,64,64", "0.6,0.2,0.32,0.64"):
        answer = lookalike_json("search", "wide.png", "--crop", crop, "-k", 1, cwd=indexed)
        assert answer["query"] == f"wide.png [{crop}]"
        assert answer["hits"][0]["id"] == "photos/odd/3.png"
        assert answer["hits"][0]["score"] == pytest.approx(1.0, abs=1e-4)
    whole = lookalike_json("search", "wide.png", "-k", 1, cwd=indexed)
    assert whole["hits"][0]["score"] < 0.99


def test_the_least_alike_come_first(indexed):
    hits = lookalike_json("search", "query.png", cwd=indexed)["hits"]
    reverse = lookalike_json("search", "query.png", "--reverse", cwd=indexed)["hits"]
    assert [hit["id"] for hit in reverse] == [hit["id"] for hit in reversed(hits)]
    assert [hit["rank"] for hit in reverse] == [1, 2, 3, 4, 5, 6]
    assert [hit["score"] for hit in reverse] == [hit["score"] for hit in reversed(hits)]


def test_what_is_excluded_is_left_out(indexed):
    ids = [hit["id"] for hit in lookalike_json("search", "query.png", cwd=indexed)["hits"]]
    left = lookalike_json("search", "query.png", "--exclude", ids[0], "--exclude", f"id:{ids[2]}", cwd=indexed)
    assert [hit["id"] for hit in left["hits"]] == [ids[1], *ids[3:]]
    assert (
        "there is no item 'gone.png' in the gallery"
        in lookalike("search", "query.png", "--exclude", "gone.png", cwd=indexed).stderr
    )


def test_pages_put_together_are_the_whole_ranking(indexed):
    whole = lookalike_json("search", "query.png", "-k", 6, cwd=indexed)["hits"]
    first = lookalike_json("search", "query.png", "-k", 4, "--cursor", "start", cwd=indexed)
    second = lookalike_json("search", "query.png", "-k", 4, "--cursor", first["cursor"], cwd=indexed)
    assert first["hits"] + second["hits"] == whole
    assert second["cursor"] is None
    said = lookalike("search", "query.png", "-k", 4, "--cursor", "start", cwd=indexed).stderr
    command = said.split("more with: ")[1].split()
    shown = lookalike("search", "query.png", "-k", 4, *command, cwd=indexed).stdout
    assert [line.split("\t")[3] for line in shown.splitlines()] == [hit["id"] for hit in whole[4:]]


def test_the_best_are_put_in_the_order_of_an_attribute(indexed):
    best = lookalike_json("search", "query.png", "-k", 5, cwd=indexed)["hits"]
    for sort, descending in (("folder", False), ("-folder", True)):
        found = lookalike_json("search", "query.png", "-k", 5, "--sort", sort, cwd=indexed)["hits"]
        assert sorted(found, key=lambda hit: hit["rank"]) == best
        folders = [hit["attributes"]["folder"] for hit in found]
        assert folders == sorted(folders, reverse=descending)


def test_diversity_is_maximal_marginal_relevance(indexed):
    gallery = Gallery(locate(str(indexed / ".lookalike")))
    names = [hit.id for hit in gallery.search(indexed / "query.png")]
    vectors = np.array([gallery.embed(indexed / name) for name in ["query.png", *names]])
    query, *units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance, likeness = np.array(units) @ query, np.array(units) @ np.array(units).T
    chosen = [int(relevance.argmax())]
    while len(chosen) < 4:
        rest = [i for i in range(len(names)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: 0.3 * relevance[i] - 0.7 * likeness[i, chosen].max()))
    found = lookalike_json("search", "query.png", "-k", 4, "--diversity", 0.7, cwd=indexed)["hits"]
    assert [hit["id"] for hit in found] == [names[i] for i in chosen]


@pytest.fixture(scope="module")
def leaves(tmp_path_factory, beans):
    """A gallery of leaves with one of them encoded again, and a photo of something else."""
    folder = tmp_path_factory.mktemp("leaves")
    (folder / "photos").mkdir()
    for number, path in enumerate(sorted((beans / "validation").rglob("*.jpg"))[::2]):
        (folder / "photos" / f"{number:02}.jpg").write_bytes(path.read_bytes())
    with Image.open(folder / "photos" / "07.jpg") as image:
        image.save(folder / "photos" / "copy.jpg", quality=90)
    (folder / "query.jpg").write_bytes(sorted((beans / "test" / "healthy").iterdir())[0].read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    lookalike("index", "photos", cwd=folder)
    return folder


def test_copies_are_folded_into_the_best_of_them(leaves):
    plain = [hit["id"] for hit in lookalike_json("search", "photos/07.jpg", cwd=leaves)["hits"]]
    assert plain[0] == "photos/copy.jpg"
    found = lookalike_json("search", "photos/07.jpg", "--collapse", "--include-self", cwd=leaves)["hits"]
    assert (found[0]["id"], found[0]["collapsed"]) == ("photos/07.jpg", 1)
    assert "photos/copy.jpg" not in [hit["id"] for hit in found]
    shown = lookalike("search", "photos/07.jpg", "--collapse", "--include-self", "-k", 1, cwd=leaves).stdout
    assert shown.rstrip("\n").split("\t")[-1] == "1"


def test_nothing_is_found_for_what_has_no_relative(leaves):
    assert lookalike_json("search", "noise.png", cwd=leaves)["hits"]
    assert lookalike_json("search", "noise.png", "--min-score", "auto", cwd=leaves)["hits"] == []
    assert (
        "nothing in the gallery is alike enough"
        in lookalike("search", "noise.png", "--min-score", "auto", cwd=leaves).stderr
    )
    related = lookalike_json("search", "query.jpg", "--min-score", "auto", cwd=leaves)["hits"]
    assert {hit["strength"] for hit in related} <= {"strong", "plausible"}
    assert related


@pytest.mark.parametrize("way", [("--expand", "neighbours"), ("--expand", "crops"), ("--rerank", "centred")])
def test_ways_to_rank_keep_the_scores_of_the_query(leaves, way):
    plain = lookalike_json("search", "query.jpg", "-k", 99, cwd=leaves)["hits"]
    found = lookalike_json("search", "query.jpg", "-k", 99, *way, cwd=leaves)["hits"]
    assert [hit["id"] for hit in found] != [hit["id"] for hit in plain]
    assert {hit["id"]: hit["score"] for hit in found} == pytest.approx({hit["id"]: hit["score"] for hit in plain})


def test_a_folder_asks_with_each_of_its_pictures(indexed, tmp_path):
    picture(tmp_path / "asked" / "a.png", 3)
    picture(tmp_path / "asked" / "sub" / "b.png", 4)
    (tmp_path / "asked" / "broken.jpg").write_text("no picture")
    done = lookalike("search", f"{tmp_path}/asked/", "query.png", "-k", 1, "--json", cwd=indexed)
    answers = json.loads(done.stdout)
    assert [answer["query"] for answer in answers] == [
        str(tmp_path / "asked" / "a.png"),
        str(tmp_path / "asked" / "sub" / "b.png"),
        "query.png",
    ]
    best = [answer["hits"][0]["id"] for answer in answers]
    assert best == ["photos/odd/3.png", "photos/even/4.png", "photos/odd/3.png"]
    assert "broken.jpg: not a picture" in done.stderr
    assert "1 could not be searched with:" in done.stderr
    (tmp_path / "one").mkdir()
    picture(tmp_path / "one" / "a.png", 3)
    assert len(lookalike_json("search", f"{tmp_path}/one/", "-k", 1, cwd=indexed)) == 1
    shown = lookalike("search", "photos/odd/", "-k", 1, cwd=indexed)
    assert len(shown.stdout.splitlines()) == 3
    assert f"{indexed}/photos/odd/1.png:" in shown.stderr


def test_the_folder_of_a_gallery_leaves_each_picture_out_of_its_own_hits(indexed):
    for answer in lookalike_json("search", "photos/", cwd=indexed):
        own = answer["query"].removeprefix(f"{indexed}/")
        assert own not in [hit["id"] for hit in answer["hits"]]
        assert len(answer["hits"]) == 5


def test_a_folder_without_a_readable_picture_has_no_answers(indexed, tmp_path):
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "broken.jpg").write_text("no picture")
    done = lookalike("search", f"{tmp_path}/asked/", "--save", tmp_path / "hits.png", "--json", cwd=indexed)
    assert json.loads(done.stdout) == []
    assert "1 could not be searched with:" in done.stderr
    assert not (tmp_path / "hits.png").exists()
