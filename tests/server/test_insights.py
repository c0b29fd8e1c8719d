"""What a server tells of duplicates, and why a hit was found."""

from __future__ import annotations

import base64
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

import lookalike
from lookalike.api.map import MapOptions
from lookalike.errors import InputError
from lookalike.server.answers import Evaluated, FoundDuplicates
from tests.server.service import serving, toy_gallery


@pytest.fixture(scope="module")
def folder(tmp_path_factory, beans):
    folder = tmp_path_factory.mktemp("photos")
    for number, path in enumerate(sorted((beans / "test").rglob("*.jpg"))[:4]):
        shutil.copy(path, folder / f"{number}.jpg")
    shutil.copy(folder / "0.jpg", folder / "copy.jpg")
    Image.open(folder / "1.jpg").rotate(180).save(folder / "turned.jpg", quality=70)
    return folder


@pytest.fixture(scope="module")
def gallery(folder):
    gallery = lookalike.open(folder)
    gallery.add(folder)
    return gallery


@pytest.fixture(scope="module")
def client(gallery, tmp_path_factory):
    with serving(photos=gallery, toys=toy_gallery(tmp_path_factory.mktemp("toys"), 3)) as client:
        yield client


def test_duplicates_are_those_of_the_gallery_without_paths(client, gallery, folder):
    answer = client.post("/duplicates", {})
    assert answer.status == 200
    found = FoundDuplicates.model_validate(answer.json)
    here = gallery.duplicates()
    assert [(group.keep, [(i.id, i.kind, i.of) for i in group.items]) for group in found.groups] == [
        (group.keep.id, [(i.item.id, i.kind.value, i.of) for i in group.items]) for group in here.groups
    ]
    assert {i.kind for group in found.groups for i in group.items} == {"exact", "same"}
    assert str(folder) not in answer.body.decode()
    assert client.get(found.groups[0].items[0].thumbnail).body[:2] == b"\xff\xd8"
    few = client.post("/galleries/photos/duplicates", {"most": 1}).json
    assert (len(few["groups"]), few["found"]) == (1, 2)


@pytest.mark.parametrize("body", [{"threshold": 2}, {"threshold": "x"}, {"keep": "prettiest"}, {"most": 0}, {"x": 1}])
def test_wrong_options_are_refused(client, body):
    answer = client.post("/duplicates", body)
    assert answer.status == 422
    assert answer.error == "InputError"


def test_an_explanation_is_that_of_the_gallery(client, gallery, folder):
    data = (folder / "2.jpg").read_bytes()
    for query, here in (({"image": base64.b64encode(data).decode()}, data), ({"id": "2.jpg"}, "id:2.jpg")):
        answer = client.post("/explain", {"query": query, "id": "3.jpg"})
        assert answer.headers["content-type"] == "image/png"
        with Image.open(BytesIO(answer.body)) as shown:
            assert shown.size == gallery.explain(here, "3.jpg").image().shape[1::-1]


def test_what_cannot_be_explained_is_said(client, folder):
    assert client.post("/explain", {"query": {"text": "a leaf"}, "id": "3.jpg"}).status == 422
    for query, hit in (("2.jpg", "nope.jpg"), ("/etc/passwd", "3.jpg"), ("nope", "nope")):
        unknown = client.post("/explain", {"query": {"id": query}, "id": hit})
        assert (unknown.status, unknown.error) == (404, "UnknownItemError")
        assert str(folder).encode() not in unknown.body
    toy = client.post("/galleries/toys/explain", {"query": {"id": "photos/0000.png"}, "id": "photos/0001.png"})
    assert (toy.status, toy.error) == (422, "InputError")


def test_a_picture_that_is_gone_is_said_without_its_path(client, folder):
    path, away = folder / "1.jpg", folder / "away"
    path.rename(away)
    try:
        for query, hit in (("1.jpg", "3.jpg"), ("3.jpg", "1.jpg")):
            gone = client.post("/explain", {"query": {"id": query}, "id": hit})
            assert (gone.status, gone.error) == (404, "PictureGoneError")
            assert str(folder).encode() not in gone.body
    finally:
        away.rename(path)


def test_the_client_asks_for_both(client, gallery, folder):
    remote = lookalike.connect(client.url)
    assert [group["keep"] for group in remote.duplicates()["groups"]] == [
        group.keep.id for group in gallery.duplicates().groups
    ]
    hit = remote.search(folder / "2.jpg", k=1)[0]
    with Image.open(BytesIO(remote.explain(folder / "2.jpg", hit))) as shown:
        assert shown.format == "PNG"
    with pytest.raises(InputError):
        remote.duplicates(threshold="x")


def as_told(evaluation, name):
    told = evaluation.to_dict()
    return {**told, "gallery": name, "encoder": told["encoder"].rpartition("/")[2]}


def test_an_evaluation_is_that_of_the_gallery_without_paths(client, gallery, folder):
    answer = client.post("/evaluate", {"k": [1, 2], "sample": 3})
    assert answer.status == 200
    assert answer.json == as_told(gallery.evaluate(k=(1, 2), sample=3), "photos")
    assert Evaluated.model_validate(answer.json).judged_by == "copies"
    labelled = client.post("/evaluate", {"label_from": "parent"})
    assert labelled.json == as_told(gallery.evaluate(label_from="parent"), "photos")
    assert Evaluated.model_validate(labelled.json).per_label.keys() == set(labelled.json["confusion"])
    assert str(folder).encode() not in answer.body + labelled.body


def test_an_evaluation_names_what_cannot_be_read_by_its_address(client, folder):
    path, away = folder / "1.jpg", folder / "away"
    path.rename(away)
    try:
        answer = client.post("/galleries/photos/evaluate", {})
    finally:
        away.rename(path)
    assert [failed["uri"] for failed in answer.json["left_out"]["failed"]] == ["/galleries/photos/items/1.jpg"]
    assert str(folder).encode() not in answer.body


@pytest.mark.parametrize(
    "body",
    [{"k": []}, {"k": [0]}, {"k": [1001]}, {"sample": 0}, {"sample": 1001}, {"queries": "/etc"}, {"label_from": "x"}],
)
def test_an_evaluation_that_makes_no_sense_is_refused(client, body, folder):
    answer = client.post("/evaluate", body)
    assert (answer.status, answer.error) == (422, "InputError")
    assert str(folder).encode() not in answer.body


def test_a_map_is_that_of_the_gallery_with_addresses_in_place_of_paths(client, gallery, folder, tmp_path):
    options = MapOptions(label_from="parent", link=lambda hit: f"pictures/{hit.id}", title="Images of photos")
    gallery.map(tmp_path / "map.html", options)
    for path in ("/map?label_from=parent", "/galleries/photos/map?label_from=parent&most=2000"):
        answer = client.get(path)
        assert answer.status == 200
        assert answer.body == (tmp_path / "map.html").read_bytes()
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert str(folder).encode() not in answer.body
    assert client.get("/pictures/1.jpg").body[:2] == b"\xff\xd8"


@pytest.mark.parametrize("asked", ["most=0", "most=2001", "seed=-1", "most=x", "label_from=nope"])
def test_a_map_that_makes_no_sense_is_refused(client, asked):
    answer = client.get(f"/map?{asked}")
    assert (answer.status, answer.error) == (422, "InputError")


def test_no_page_of_another_site_has_a_map_drawn(client):
    refused = client.get("/map", Sec_Fetch_Site="cross-site")
    assert (refused.status, refused.error) == (403, "OriginError")
    assert client.get("/map", Sec_Fetch_Site="none").status == 200


def test_who_comes_while_the_whole_gallery_is_looked_at_comes_back(client, gallery, monkeypatch):
    with ThreadPoolExecutor() as pool:
        began, may_end = threading.Event(), threading.Event()

        def slow(**_):
            began.set()
            may_end.wait(30)
            raise InputError("enough")

        monkeypatch.setattr(gallery, "evaluate", slow)
        first = pool.submit(client.post, "/evaluate", {})
        assert began.wait(30)
        for late in (client.post("/evaluate", {}), client.get("/map"), client.post("/duplicates", {})):
            assert (late.status, late.headers["Retry-After"]) == (503, "1")
        may_end.set()
        assert first.result().status == 422


def test_the_client_evaluates_and_draws(client, gallery, tmp_path):
    remote = lookalike.connect(client.url, gallery="photos")
    assert remote.evaluate(k=(1, 2)) == as_told(gallery.evaluate(k=(1, 2)), "photos")
    path = remote.map(tmp_path / "there.html", most=4)
    page = path.read_text("utf-8")
    base = f'<base href="{client.url}/galleries/photos/">'
    assert page.replace(base, "") == client.get("/galleries/photos/map?most=4").body.decode()
    assert page.count(base) == 1
    for mistake in (
        lambda: remote.evaluate(k=()),
        lambda: remote.map(tmp_path / "map.png"),
        lambda: remote.map(path, seed=-1),
    ):
        with pytest.raises(InputError):
            mistake()
