"""The page as a part of the service's application, with no more of Gradio's endpoints than it uses."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before it is imported
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")  # no statistics after each event, unseen by all

import gradio
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders

from lookalike.server.page.layout import build_page
from lookalike.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from lookalike.server.options import ServerOptions
    from lookalike.server.served import ServedGallery

_PATHS = ("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt", "/pwa_icon")
_ASSETS = "/assets/"
_FOLDERS = ("/static/", "/svelte/", "/gradio_api/file=", "/gradio_api/heartbeat/")
_CALLS = ("upload", "upload_progress", "queue/join", "queue/data", "cancel", "reset", "startup-events")
_USED = frozenset({*_PATHS, *(f"/gradio_api/{name}" for name in _CALLS)})


_QUEUE_SECONDS = 0.02
"""How often Gradio looks for what users asked for; a thousand times a second by default, which keeps a core busy."""


class MountedPage:
    """An ASGI application that answers what the page asks for, and nothing else.

    Parameters
    ----------
    galleries : by their names, the default first.
    options : limit what is uploaded.
    """

    def __init__(self, galleries: Mapping[str, ServedGallery], options: ServerOptions) -> None:
        self._galleries = galleries
        self._options = options
        self._app = FastAPI(openapi_url=None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make the page, in the event loop that it belongs to, and lend it what it needs."""
        fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}  # none from the web
        page = build_page(self._galleries)
        page._queue.sleep_when_free = _QUEUE_SECONDS
        gradio.mount_gradio_app(
            self._app,
            page,
            path="/",
            theme=gradio.themes.Default(primary_hue="blue", neutral_hue="slate", **fonts),
            css=_text("page.css"),
            head=f"<script>{_text('page.js')}</script>",
            max_file_size=self._options.limits.max_bytes,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            show_error=False,
        )
        async with self._app.router.lifespan_context(self._app):
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path.startswith(_ASSETS):
            await self._app(scope, receive, partial(_kept, send))
        elif path in _USED or path.startswith(_FOLDERS):
            await self._app(scope, receive, send)
        else:
            await problem(404, "RequestError", "not found")(scope, receive, send)


async def _kept(send: Send, message: Message) -> None:
    """Let browsers keep a file whose name changes with what is in it."""
    if message["type"] == "http.response.start" and message["status"] == 200:
        MutableHeaders(raw=message["headers"])["Cache-Control"] = "private, max-age=31536000, immutable"
    await send(message)


def _text(name: str) -> str:
    return files("lookalike.server.page").joinpath(name).read_text("utf-8")
