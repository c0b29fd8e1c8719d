"""What every request goes through before it is looked at, and every answer before it leaves."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from lookalike.errors import LookalikeError
from lookalike.server import swagger
from lookalike.server.body import Body, Room
from lookalike.server.headers import CAUTION, NOTHING_RUNS
from lookalike.server.options import LOOPBACK
from lookalike.server.problems import RefusedError, problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lookalike.server.metrics import Metrics
    from lookalike.server.options import ServerOptions

LOG = logging.getLogger("lookalike.server")

NAMED = "/galleries/{gallery}"
"""Begins the routes of a gallery that is named."""
OPEN = ("/health", "/health/ready")
"""Paths that need no key: they tell nothing."""
_CLIENT_LEFT = 499
"""Stands for the status where there was no answer."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = (*_SAFE, "POST", "DELETE", "PUT", "PATCH")
_PAGE = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; base-uri 'self'"
_MAP = re.compile(r"(?:/galleries/[^/]+)?/map")
"""The paths of maps: pages that say what items are called, and take long to draw."""
_ITSELF_ALONE = (
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""What a map may do: show itself, as an origin of its own, and open pictures."""
_NOBODY = "'none'"


class Guard:
    """Middleware: the host's name, origins, the key, sizes, errors, headers, the log and the counts.

    Parameters
    ----------
    app : is called with what passes.
    options : what is allowed.
    metrics : counts requests.
    """

    def __init__(self, app: ASGIApp, options: ServerOptions, metrics: Metrics) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._room = Room(options.max_bodies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, _Answer(scope, send, self._options.framed_by))

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        body = Body(receive, self._options.max_body, self._room)
        try:
            headers = Headers(scope=scope)
            admit(scope, headers, self._options)
            body.expect(headers.get("content-length", ""))
            await self._app(scope, body, answer)
        except ClientDisconnect:
            pass  # nobody is left to be answered
        except (RefusedError, LookalikeError) as error:
            response = problem_of(error)
            if isinstance(error, LookalikeError) and response.status_code >= 500:
                LOG.error("failed", extra={"request": answer.id, "error": type(error).__name__, "detail": str(error)})
            await answer.fail(response)
        except asyncio.CancelledError:  # the server ends, and this took too long; its log has said so
            await answer.break_off()
        except Exception:
            LOG.exception("failed", extra={"request": answer.id})
            await answer.fail(problem(500, "InternalError", "the server failed; its log says why"))
        finally:
            body.close()
            seconds = time.perf_counter() - answer.started
            # clients may make methods up, and each would be counted apart for ever
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.answered(method, answer.route, answer.status, seconds)
            LOG.info("request", extra=answer.described(seconds))


class _Answer:
    """Sends one answer, with the headers that all have."""

    def __init__(self, scope: Scope, send: Send, framed_by: Sequence[str]) -> None:
        self._framed_by = framed_by
        self.id = uuid.uuid4().hex
        self.started = time.perf_counter()
        self.status = _CLIENT_LEFT
        self._scope = scope
        self._send = send

    @property
    def route(self) -> str:
        """The template of the path, of which there are few."""
        path = str(getattr(self._scope.get("route"), "path", "other"))
        # versions of the framework differ in whether the path of an included route has its prefix
        is_named = "gallery" in self._scope.get("path_params", {}) and not path.startswith(NAMED)
        return f"{NAMED}{path}" if is_named else path

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in CAUTION.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self.id
            headers["Content-Security-Policy"] = self._policy(headers.get("content-type", ""))
            if self._framed_by:
                del headers["X-Frame-Options"]  # it cannot name sites; the policy does
        await self._send(message)

    async def fail(self, response: Response) -> None:
        """Answer with that, unless the answer has begun."""
        if self.status == _CLIENT_LEFT:
            await response(self._scope, _nothing, self)

    async def break_off(self) -> None:
        """Answer that the server ends; what has been answered ends here."""
        await self.fail(problem(503, "BusyError", "the server ends; try again later"))
        with contextlib.suppress(RuntimeError):  # it has ended, or would have been longer
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def described(self, seconds: float) -> dict[str, Any]:
        """Return what the log tells of the request: no path, no query and no header, which may hold secrets."""
        client = self._scope.get("client")
        return {
            "request": self.id,
            "method": self._scope["method"],
            "route": self.route,
            "status": self.status,
            "milliseconds": round(seconds * 1_000, 2),
            "client": client[0] if client else None,
        }

    def _policy(self, content_type: str) -> str:
        if not content_type.startswith("text/html"):
            return NOTHING_RUNS
        if self._scope["path"] == swagger.PATH:
            return swagger.POLICY
        if _MAP.fullmatch(self._scope["path"]):
            return f"{_ITSELF_ALONE}; frame-ancestors {_NOBODY}"
        return f"{_PAGE}; frame-ancestors {' '.join(self._framed_by) or _NOBODY}"


def admit(scope: Scope, headers: Headers, options: ServerOptions) -> None:
    """Refuse a request by its head.

    Raises
    ------
    RefusedError : if it names another host, comes from another site's page, or lacks the key.
    """
    hosts = headers.getlist("host")
    name = _host_name(hosts[0]) if len(hosts) == 1 else None
    if name is None or (options.hosts and name not in options.hosts):
        raise RefusedError(421, "HostError", "this server does not go by that name; start it with --allow-host NAME")
    is_harmless = scope["method"] in _SAFE and not _MAP.fullmatch(scope["path"])
    if not is_harmless and not _is_of_this_site(headers, hosts[0], options):
        raise RefusedError(403, "OriginError", "pages of other sites may not use this server")
    if options.api_key is not None and scope["path"] not in OPEN and not _has_key(headers, options.api_key):
        raise RefusedError(401, "KeyError", "send the API key, as Authorization: Bearer KEY")


def _host_name(authority: str) -> str | None:
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None


def _is_of_this_site(headers: Headers, host: str, options: ServerOptions) -> bool:
    """Say whether a browser sent this from a page of the server, or it was no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    authority = origin.partition("://")[2].lower()
    # behind a proxy, Host may be another; other ports of this machine are other sites
    names = set(options.hosts) - set(LOOPBACK)
    return authority == host.lower() or _host_name(authority) in names


def _has_key(headers: Headers, key: str) -> bool:
    kind, _, credentials = headers.get("authorization", "").partition(" ")
    shown = headers.get("x-api-key", "")
    if kind.lower() == "bearer":
        shown = credentials.strip()
    elif kind.lower() == "basic":  # what browsers can send: any user, and the key as password
        shown = _password(credentials)
    return hmac.compare_digest(shown.encode(), key.encode())


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
