"""A picture on the web as a query."""

from __future__ import annotations

import pytest

import lookalike
from lookalike.errors import ImageDecodeError, SourceError
from tests.cli.command import album, lookalike_json, mistake, picture
from tests.sources.web import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("query")
    album(folder / "photos")
    url = server.put("/web.png", picture(folder / "web.png", 9).read_bytes())
    made = lookalike.open(folder)
    made.add([str(folder / "photos"), url])
    return made


def test_it_is_ranked_like_the_same_file(gallery, server, tmp_path):
    file = picture(tmp_path / "3.png", 3)
    hits = gallery.search(server.put("/3.png", file.read_bytes()))
    assert hits.ids == gallery.search(file).ids
    assert hits.ids[0] == "photos/odd/3.png"


def test_one_that_is_an_item_is_left_out_unless_asked_for(gallery, server):
    url = server.url("/web.png")
    assert url not in gallery.search(url).ids
    assert gallery.search(url, include_self=True).ids[0] == url


def test_what_cannot_be_had_or_read_is_an_error(gallery, server):
    with pytest.raises(SourceError, match=r"/none\.png: the server answers 404 Not Found"):
        gallery.search(server.url("/none.png"))
    url = server.put("/page.html", b"<html>")
    with pytest.raises(ImageDecodeError, match=f"^{url}: "):
        gallery.search(url)


def test_the_command_takes_one(gallery, server):
    answer = lookalike_json("search", server.url("/web.png"), "--include-self", cwd=gallery.path.parent)
    assert answer["hits"][0]["id"] == server.url("/web.png")
    assert "404 Not Found" in mistake("search", server.url("/none.png"), cwd=gallery.path.parent)
