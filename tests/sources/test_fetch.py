from __future__ import annotations

import email.utils
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lookalike.errors import SourceError
from lookalike.sources.fetch import FetchLimits, fetch, is_web_url
from tests.sources.trees import picture
from tests.sources.web import reply, serving

QUICK = FetchLimits(seconds=5, silence=0.3, tries=2, spacing=0.0)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as running:
        yield running


def test_the_bytes_are_returned_as_they_are(server):
    body = picture() * 5000
    assert fetch(server.put("/a b.png?x=1".replace(" ", "%20"), body)) == body
    assert server.asked == ["/a%20b.png?x=1"]


def test_spaces_letters_and_fragments_are_encoded(server):
    server.put("/%C3%A4%20b.png", picture(3))
    assert fetch(server.url("/ä b.png#top")) == picture(3)


def test_what_is_missing_says_so_and_is_asked_for_once(server):
    with pytest.raises(SourceError, match=r"/none\.png: the server answers 404 Not Found$"):
        fetch(server.url("/none.png"))
    assert server.asked == ["/none.png"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, status):
    statuses = [status, 200]
    server.answers["/1.png"] = lambda handler: reply(handler, picture(), statuses.pop(0), Retry_After="0")
    assert fetch(server.url("/1.png")) == picture()
    assert server.asked == ["/1.png", "/1.png"]


def test_a_server_that_stays_busy_is_given_up(server):
    with pytest.raises(SourceError, match="the server answers 503 Service Unavailable, also after 1 retries"):
        fetch(server.put("/1.png", b"", 503), limits=QUICK)
    assert len(server.asked) == 2


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_long_pause_that_is_asked_for_is_not_waited_out_nor_disregarded(server, as_date):
    header = email.utils.formatdate(time.time() + 3600, usegmt=True) if as_date else "3600"
    with pytest.raises(SourceError, match="503 Service Unavailable, and no time is left to try again"):
        fetch(server.put("/1.png", b"", 503, Retry_After=header), limits=FetchLimits(seconds=2))
    with pytest.raises(SourceError, match="its host had no turn for it in 2 s"):
        fetch(server.put("/2.png", picture()), limits=FetchLimits(seconds=2))
    assert server.asked == ["/1.png"]


def test_what_is_too_large_is_not_read_to_its_end(server):
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while len(sent) < 10_000:
            handler.wfile.write(b"x" * 10_000)
            sent.append(1)

    server.answers["/endless"] = endless
    with pytest.raises(SourceError, match=r"it has more than 0\.1 MB, the most that is fetched"):
        fetch(server.url("/endless"), limits=FetchLimits(max_bytes=100_000))
    assert len(sent) < 10_000
    with pytest.raises(SourceError, match=r"more than 0\.1 MB"):
        fetch(server.put("/announced", b"x" * 100_001), limits=FetchLimits(max_bytes=100_000))
    assert len(fetch(server.put("/fits", b"x" * 100_000), limits=FetchLimits(max_bytes=100_000))) == 100_000


def test_a_cut_off_body_is_not_taken_for_a_picture(server):
    bodies = [picture()[:20], picture()]

    def cut(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(picture())))
        handler.end_headers()
        handler.wfile.write(bodies.pop(0))
        handler.close_connection = True

    server.answers["/1.png"] = cut
    assert fetch(server.url("/1.png")) == picture()
    bodies.extend([b"", b"ab"])
    with pytest.raises(SourceError, match=r"the connection failed .*, also after 1 retries"):
        fetch(server.url("/1.png"), limits=QUICK)


def test_a_silent_server_is_given_up(server):
    done = threading.Event()
    server.answers["/1.png"] = lambda handler: done.wait(30)
    with pytest.raises(SourceError, match="the server does not answer in time, also after 1 retries"):
        fetch(server.url("/1.png"), limits=QUICK)
    done.set()


def test_a_server_that_drips_is_given_up(server):
    done = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not done.wait(0.05):
            handler.wfile.write(b"x")

    server.answers["/1.png"] = drip
    with pytest.raises(SourceError, match="it took longer than 1 s"):
        fetch(server.url("/1.png"), limits=FetchLimits(seconds=1))
    assert server.asked == ["/1.png"]
    done.set()


def test_redirects_are_followed_within_the_web_only(server, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture())
    server.put("/1.png", picture(1))
    for target in ("/1.png", server.url("/1.png", "localhost"), "1.png"):
        assert fetch(server.put("/moved", b"", 302, Location=target)) == picture(1)
    for target in (secret.as_uri(), "ftp://127.0.0.1/1.png", "data:image/png;base64,AAAA"):
        with pytest.raises(SourceError, match=r"it leads to .*, and only http and https are followed"):
            fetch(server.put("/moved", b"", 301, Location=target))
    server.asked.clear()
    with pytest.raises(SourceError, match="redirected more than 5 times"):
        fetch(server.put("/moved", b"", 301, Location="/moved"))
    assert len(server.asked) == 6


@pytest.mark.parametrize("url", ["http://", "http://[1", "http://127.0.0.1:99999/", "https://a..b/1.png"])
def test_what_is_no_url_is_an_error_in_one_line(url):
    with pytest.raises(SourceError, match=r"^http[^\n]*$"):
        fetch(url, limits=QUICK)


def test_a_server_that_is_not_there_is_an_error_in_one_line(server):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(SourceError, match=r"its host takes no connection, also after 1 retries$"):
        fetch(f"http://127.0.0.1:{port}/1.png", limits=QUICK)


def test_few_requests_run_at_once(server):
    running, most, lock = 0, 0, threading.Lock()

    def answer(handler):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        reply(handler, picture())

    urls = [server.url(f"/{number}.png") for number in range(24)]
    server.answers.update({f"/{number}.png": answer for number in range(24)})
    limits = FetchLimits(at_once=3, spacing=0.0)
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda url: fetch(url, limits=limits), urls)) == [picture()] * 24
    assert 2 <= most <= 3


def test_the_proxy_of_the_environment_is_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url("").removeprefix("http://"))
    monkeypatch.delenv("no_proxy", raising=False)
    server.answers["http://pictures.example/1.png"] = lambda handler: reply(handler, picture(4))
    assert fetch("http://pictures.example/1.png") == picture(4)


def test_only_http_is_of_the_web():
    assert all(map(is_web_url, ("http://a/1", "HTTPS://a/1")))
    assert not any(map(is_web_url, ("file:///a", "ftp://a/1", "http:/a", "a/http://b", "")))
    for url in ("file:///etc/hostname", "ftp://127.0.0.1/x", "/etc/hostname"):
        with pytest.raises(SourceError, match="only http and https"):
            fetch(url)
