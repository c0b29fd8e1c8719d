"""Listens, and serves until told to end."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from lookalike.errors import InputError
from lookalike.server.app import create_app
from lookalike.server.connections import Connections
from lookalike.server.http_protocol import HttpProtocol
from lookalike.server.logs import log_to_stderr

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

    from lookalike.api.gallery import Gallery
    from lookalike.server.options import ServerOptions

_LAST_REQUESTS = 30
"""Seconds that requests have to end when the server does."""


def run_server(
    galleries: Mapping[str, Gallery], options: ServerOptions, listening: socket.socket, *, ready: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered, and what was asked for is written.

    Parameters
    ----------
    galleries, options : see :func:`lookalike.server.app.create_app`.
    listening : see :func:`listen`.
    ready : called when requests are answered.

    Raises
    ------
    LookalikeError : if a gallery or its encoder cannot be used.
    """
    log_to_stderr()
    app = create_app(galleries, options)
    served = app.state.galleries.values()
    try:
        for gallery in served:
            gallery.start()  # here rather than in the application, so that its error is this function's
        log_to_stderr()  # what an encoder has loaded too
        with contextlib.suppress(KeyboardInterrupt):  # how the signal that ended it goes on; all is done by then
            _Server(config_of(app), ready).run(sockets=[listening])
    finally:
        for gallery in served:
            gallery.close()


def config_of(app: FastAPI) -> uvicorn.Config:
    """Return how the application is served."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(HttpProtocol, connections=Connections())),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=_LAST_REQUESTS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes one that is free.

    Raises
    ------
    InputError : if it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2_048)
        # what is accepted inherits it; asyncio sees to it only for sockets that name their protocol, and an answer of
        # two segments would wait 40 ms for the client to acknowledge the first
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        msg = f"{host} port {port} cannot be listened on ({reason}); choose with --host and --port"
        raise InputError(msg) from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Return the address of a server."""
    address: tuple[Any, ...] = listening.getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
