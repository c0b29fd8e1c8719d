"""A real server in a thread of this process, with real sockets, and a client that can say anything."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3
import uvicorn

import lookalike
from lookalike.server.app import create_app
from lookalike.server.running import config_of, listen, url_of
from tests.toys import ToyEncoder, plant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fastapi import FastAPI

    from lookalike.server.options import ServerOptions


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The type of the problem, which has the one form that problems have."""
        assert self.json.keys() == {"error"}
        assert self.json["error"].keys() == {"type", "message"}
        return self.json["error"]["type"]


class Client:
    def __init__(self, url: str, app: FastAPI) -> None:
        self.url = url
        self.app = app
        self._pool = urllib3.PoolManager(retries=False, maxsize=64, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._pool.request(method, self.url + path, body=body, headers=named)
        return Answer(response.status, response.headers, response.data)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def form(self, path: str, fields: list[tuple[str, Any]], **headers: str) -> Answer:
        """Post a form; a value that is bytes is a file, with a name that tries to be a path."""
        parts = [(name, ("../../evil.png", value) if isinstance(value, bytes) else value) for name, value in fields]
        body, kind = urllib3.encode_multipart_formdata(parts)
        return self.ask("POST", path, body, **{"Content-Type": kind, **headers})

    def search(self, query: Any, **narrowing: Any) -> list[str]:
        """Return the ids that are found."""
        answer = self.post("/search", {"query": query, **narrowing})
        assert answer.status == 200, answer.body
        return [hit["id"] for hit in answer.json["hits"]]


@contextmanager
def serving(options: ServerOptions | None = None, **galleries: lookalike.Gallery) -> Iterator[Client]:
    app = create_app(galleries, options)

    server = uvicorn.Server(config_of(app))
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield Client(url_of(listening), app)
        finally:
            server.should_exit = True
            thread.join()


def toy_gallery(folder: Path, count: int = 12, **encoder: Any) -> lookalike.Gallery:
    """Return a gallery of that many small pictures, ``photos/0000.png`` and so on."""
    plant(folder / "photos", range(count))
    gallery = lookalike.open(folder / ".lookalike", encoder=ToyEncoder(**encoder))
    gallery.add(folder / "photos")
    return gallery
