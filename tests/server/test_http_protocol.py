"""Clients that take their time, and what is no request: neither keeps a connection from others."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import pytest

from lookalike.server import body, connections, http_protocol
from tests.server.service import serving, toy_gallery

LONG = 60
"""Seconds after which a test fails that waits for the server."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return toy_gallery(tmp_path_factory.mktemp("patient"), 4)


@pytest.fixture(scope="module")
def client(gallery):
    """Return a server that waits for a moment only."""
    with pytest.MonkeyPatch.context() as patched, serving(toys=gallery) as client:
        patched.setattr(http_protocol, "_HEAD_SECONDS", 2.0)
        patched.setattr(http_protocol, "_LOOK_SECONDS", 2.0)
        patched.setattr(body, "_PATIENCE", 2.0)
        yield client


@contextmanager
def connection(client):
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as opened:
        yield opened


def rest(opened):
    """Return what comes until the server ends the connection."""
    received = b""
    try:
        while part := opened.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


@contextmanager
def trickle(opened, part):
    """Go on to send a part for as long as the server takes it."""
    ended = threading.Event()

    def send():
        with suppress(OSError):
            while not ended.wait(0.05):
                opened.sendall(part)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def problem_in(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    told = json.loads(body)["error"]
    assert told.keys() == {"type", "message"}
    return SimpleNamespace(status=int(first.split()[1]), type=told["type"], headers=headers)


def test_a_connection_that_asks_nothing_is_ended(client):
    with connection(client) as opened:
        assert rest(opened) == b""


@pytest.mark.parametrize("part", [b"x", b"x: y\r\n"])
def test_a_head_that_takes_its_time_is_refused(client, part):
    with connection(client) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        with trickle(opened, part):
            told = problem_in(rest(opened))
    assert (told.status, told.type) == (408, "SlowError")
    assert told.headers["connection"] == "close"


def test_lines_without_an_end_are_no_head(client):
    with connection(client) as opened, trickle(opened, b"\r\n"):
        rest(opened)


def test_a_second_head_has_to_come_as_the_first_does(client):
    with connection(client) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health")
        with trickle(opened, b"x"):
            answer = rest(opened)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer


def test_a_head_in_two_parts_is_answered(client):
    with connection(client) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
        time.sleep(0.1)
        opened.sendall(b"alhost\r\nConnection: close\r\n\r\n")
        assert rest(opened).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", ["Content-Length: 10000", "Transfer-Encoding: chunked"])
def test_a_body_that_trickles_is_refused(client, length):
    with connection(client) as opened:
        opened.sendall(
            f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n".encode()
        )
        with trickle(opened, b" " if "Length" in length else b"1\r\n \r\n"):
            told = problem_in(rest(opened))
    assert (told.status, told.type) == (408, "SlowError")


def test_a_body_that_is_slow_and_comes_is_read(client):
    """At more than the least rate, for longer than any part may take."""
    text = b'{"query": {"id": "photos/0001.png"}}'
    with connection(client) as opened:
        opened.sendall(
            b"POST /search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (len(text) + 20 * 1_000)
        )
        for _ in range(20):
            opened.sendall(b" " * 1_000)
            time.sleep(0.15)
        opened.sendall(text)
        assert rest(opened).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/nowhere", "/search"])
def test_the_rest_of_a_body_that_was_refused_is_not_waited_for(client, path):
    with connection(client) as opened:
        opened.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".encode())
        with trickle(opened, b"x"):
            assert rest(opened).startswith(b"HTTP/1.1 4")


def test_who_does_not_read_is_left(client):
    """The answers are more than the system keeps for a client; it closes the connection on a client that comes late."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    host, port = client.url.removeprefix("http://").split(":")
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        opened.settimeout(LONG)
        opened.connect((host, int(port)))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                opened.sendall(asked)
                time.sleep(0.01)


def test_an_unknown_method_is_a_problem_with_the_headers_of_caution(client):
    with connection(client) as opened:
        opened.sendall(b"MADEUP / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = problem_in(rest(opened))
    assert (told.status, told.type) == (405, "RequestError")
    assert told.headers["content-type"] == "application/json"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in told.headers["content-security-policy"]


def test_what_is_no_request_is_a_problem(client):
    with connection(client) as opened:
        opened.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert problem_in(rest(opened)).status == 400


def test_there_are_fewer_connections_than_files(gallery, monkeypatch):
    monkeypatch.setattr(connections, "most_connections", lambda: 8)
    monkeypatch.setattr(connections, "_AT_ONCE", 600.0)
    with serving(toys=gallery) as client, ExitStack() as many:
        for _ in range(8):
            many.enter_context(connection(client))
        with connection(client) as opened:
            told = problem_in(rest(opened))
        assert (told.status, told.type, told.headers["retry-after"]) == (503, "BusyError", "1")
        many.close()
        assert client.get("/health").status == 200


def test_who_asks_nothing_gives_way_to_who_asks(gallery, monkeypatch):
    monkeypatch.setattr(connections, "most_connections", lambda: 8)
    monkeypatch.setattr(connections, "_AT_ONCE", 0.0)
    with serving(toys=gallery) as client, ExitStack() as many:
        idle = [many.enter_context(connection(client)) for _ in range(20)]
        for opened in idle:
            opened.sendall(b"GET /health HTTP/1.1\r\n")
        assert client.get("/health").status == 200
        assert rest(idle[0]) == b""
