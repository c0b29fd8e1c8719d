"""What a server tells of duplicates, and why a hit was found."""

from __future__ import annotations

import base64
import shutil
from io import BytesIO

import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError
from lookalike.server.schemas import FoundDuplicates
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
