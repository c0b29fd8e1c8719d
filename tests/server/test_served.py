"""Many clients at once: right answers while images come and go, and a word to those for whom there is no room."""

from __future__ import annotations

import base64
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import lookalike
from lookalike.images.limits import Limits
from lookalike.server import running
from lookalike.server.options import ServerOptions
from lookalike.server.uploads import Upload
from lookalike.server.writing import GalleryWriter
from tests.server.service import serving, toy_gallery
from tests.toys import pixels_of, png, toy_embedding


def sent(seed):
    return {"image": base64.b64encode(png(seed)).decode()}


def nearest(query, seeds):
    """Return the seed of the picture that is most alike, by the definition."""
    vectors = np.stack([toy_embedding(pixels_of(seed)) for seed in seeds]).astype(np.float64)
    asked = toy_embedding(pixels_of(query)).astype(np.float64)
    return seeds[int(np.argmax(vectors @ asked / np.linalg.norm(vectors, axis=1)))]


def test_searches_are_right_while_images_are_added(tmp_path):
    held = [f"photos/{seed:04}.png" for seed in range(12)]
    added: list[int] = []
    with serving(ServerOptions(is_writable=True), toys=toy_gallery(tmp_path, 12)) as client:

        def add():
            for seed in range(100, 140):
                assert client.form("/items", [("image", png(seed)), ("id", str(seed))]).json["added"] == 1
                added.append(seed)

        def ask(seed):
            known = list(added)
            found = client.search(sent(seed), k=60)
            # all that was there when it was asked, and each once
            assert {*held, *(f"upload:{item}" for item in known)} <= set(found)
            assert len(set(found)) == len(found)
            return found[0]

        writer = threading.Thread(target=add)
        writer.start()
        with ThreadPoolExecutor(4) as pool:
            while writer.is_alive():
                assert list(pool.map(ask, [0, 5, 11])) == [held[0], held[5], held[11]]
        writer.join()
        assert sorted(added) == list(range(100, 140))
        best = nearest(777, [*range(12), *range(100, 140)])
        assert ask(777) == (f"upload:{best}" if best >= 100 else held[best])
    again = lookalike.open(tmp_path)
    assert len(again) == 52


def test_uploads_at_the_same_time_share_runs(tmp_path):
    gallery = toy_gallery(tmp_path, 2)
    before = gallery.store.version
    with serving(ServerOptions(is_writable=True), toys=gallery) as client, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda seed: client.form("/items", [("image", png(seed))]).json, range(50, 98)))
    assert [answer["added"] for answer in answers] == [1] * 48
    assert len({answer["items"][0] for answer in answers}) == 48
    gallery.store.refresh()
    assert len(gallery) == 50
    assert gallery.store.version - before < 2 * 48


def test_an_attribute_that_does_not_fit_is_the_mistake_of_who_sent_it(tmp_path):
    def add(number):
        attributes = '{"price": %s}' % ('"high"' if number % 4 == 1 else number)
        return client.form("/items", [("image", png(50 + number)), ("attributes", attributes)])

    gallery = toy_gallery(tmp_path, 2)
    with serving(ServerOptions(is_writable=True), toys=gallery) as client, ThreadPoolExecutor(8) as pool:
        assert add(0).status == 200
        answers = dict(zip(range(1, 17), pool.map(add, range(1, 17)), strict=True))
        assert {number for number, answer in answers.items() if answer.status == 422} == {1, 5, 9, 13}
        assert client.get("/info").json["total"] == 2 + 13
    assert len(list((gallery.path / "uploads").iterdir())) == 13


def test_who_leaves_stops_nobody_else(tmp_path):
    gallery = toy_gallery(tmp_path, 2, seconds_per_image=0.5)
    writer = GalleryWriter(gallery, Limits())
    try:
        left = writer.add([Upload(png(50), "left")])
        assert not left.cancel()
        assert [outcome.change for outcome in writer.add([Upload(png(51), "stays")]).result(60)] == ["added"]
    finally:
        writer.close()
    assert len(lookalike.open(tmp_path)) == 4


def test_who_finds_no_room_is_told_to_come_back(tmp_path):
    gallery = toy_gallery(tmp_path, 2, seconds_per_image=0.2)
    with serving(ServerOptions(max_queries=4), toys=gallery) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post("/search", {"query": sent(1)}), range(16)))
        refused = [answer for answer in answers if answer.status == 503]
        assert refused
        assert {answer.status for answer in answers} == {200, 503}
        assert all(answer.error == "BusyError" and answer.headers["Retry-After"] == "1" for answer in refused)
        assert client.post("/search", {"query": sent(1)}).status == 200  # there is room again


def test_the_event_loop_is_free_while_an_encoder_works(tmp_path):
    gallery = toy_gallery(tmp_path, 2, seconds_per_image=1.0)
    with serving(toys=gallery) as client, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.post, "/search", {"query": sent(1)})
        healthy = 0
        while not slow.done():
            assert client.get("/health").status == 200
            healthy += 1
        assert slow.result().status == 200
        assert healthy > 3


def test_requests_in_flight_end_and_uploads_are_kept_when_the_server_ends(tmp_path):
    gallery = toy_gallery(tmp_path, 2, seconds_per_image=0.3)
    with ThreadPoolExecutor(3) as pool:
        with serving(ServerOptions(is_writable=True), toys=gallery) as client:
            asked = pool.submit(client.post, "/search", {"query": sent(1)})
            adding = [pool.submit(client.form, "/items", [("image", png(seed))]) for seed in (60, 61)]
            while b"lookalike_queries_in_flight 3.0" not in client.get("/metrics").body:
                pass
        assert asked.result().status == 200
        assert [future.result().json["added"] for future in adding] == [1, 1]
    assert len(lookalike.open(tmp_path)) == 4


def test_a_request_that_outlasts_the_server_is_told_and_fails_nothing(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(running, "_LAST_REQUESTS", 1)
    with socket.socket() as slow:
        with serving(toys=toy_gallery(tmp_path, 2)) as client:
            host, port = client.url.removeprefix("http://").split(":")
            slow.settimeout(60)
            slow.connect((host, int(port)))
            slow.sendall(
                b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: 99\r\n\r\n"
            )
            assert slow.recv(100).startswith(b"HTTP/1.1 100")  # so the body is waited for
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"BusyError"' in answer
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
