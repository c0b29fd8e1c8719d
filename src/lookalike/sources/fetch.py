"""Pictures from the web: within limits of size and time, politely, never written to disk."""

from __future__ import annotations

import email.utils
import functools
import random
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urljoin, urlsplit

from lookalike.errors import SourceError
from lookalike.sources.hosts import Host, host

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

CONCURRENCY = 16
"""Pictures fetched at once, of all hosts together; what one host is asked for, :class:`FetchLimits` says."""

_SCHEMES = ("http", "https")
_REDIRECTS = 5
_CHUNK = 1 << 16
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_HEADERS = {"User-Agent": "lookalike (image indexing)", "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What fetching one picture may take."""

    max_bytes: int = 200_000_000
    seconds: float = 60.0
    """From beginning to end, with the retries and the waiting for a turn."""
    silence: float = 15.0
    """Seconds without an answer, or without a further byte, after which a try has failed."""
    tries: int = 4
    at_once: int = 4
    """Requests to one host at the same time."""
    spacing: float = 0.02
    """Seconds between the beginnings of two requests to one host."""


DEFAULT_FETCH_LIMITS = FetchLimits()


def is_web_url(text: str) -> bool:
    """Say whether a text is an ``http:`` or ``https:`` URL."""
    return text[:8].lower().startswith(("http://", "https://"))


def fetch(url: str, *, limits: FetchLimits = DEFAULT_FETCH_LIMITS, public_only: bool = False) -> bytes:
    """Return what is behind a URL. Safe to call from several threads.

    Redirects are followed to http and https only, at most 5. Dropped connections and the statuses 408, 425, 429 and
    5xx are tried again, after a pause that doubles or the one that the server asks for (``Retry-After``). The
    proxies of the environment (``HTTPS_PROXY`` and the like) are used.

    Parameters
    ----------
    url : http or https.
    limits : of size, time and politeness.
    public_only : refuse hosts, also of redirects, that are not on the public internet; no proxy is used then.

    Raises
    ------
    SourceError : if it cannot be had within the limits.
    """
    return _Fetch(url, limits, time.monotonic() + limits.seconds, public_only).run()


class _TryAgainError(Exception):
    """A try failed in a way that may pass."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


@dataclass(frozen=True, slots=True)
class _Fetch:
    url: str
    limits: FetchLimits
    deadline: float
    public_only: bool

    def run(self) -> bytes:
        pause = 0.5
        for left in reversed(range(self.limits.tries)):
            found = self._try()
            if isinstance(found, bytes):
                return found
            asked = _spread(pause) if found.pause is None else found.pause
            if left == 0:
                retries = f", also after {self.limits.tries - 1} retries" if self.limits.tries > 1 else ""
                self._fail(f"{found.reason}{retries}")
            if time.monotonic() + asked > self.deadline:
                self._fail(f"{found.reason}, and no time is left to try again")
            time.sleep(asked)
            pause *= 2
        reason = "no try is allowed"
        raise SourceError(self.url, reason)

    def _try(self) -> bytes | _TryAgainError:
        try:
            return self._follow()
        except _TryAgainError as error:
            return error

    def _follow(self) -> bytes:
        url = self.url
        for _ in range(_REDIRECTS + 1):
            if not is_web_url(url):
                self._fail(f"it leads to {url}, and only http and https are followed")
            answer = self._answer_of(url)
            if isinstance(answer, bytes):
                return answer
            url = answer
        reason = f"it was redirected more than {_REDIRECTS} times"
        raise SourceError(self.url, reason)

    def _answer_of(self, url: str) -> bytes | str:
        try:
            return self._request(url)
        except ValueError as error:  # of urllib3 and of urllib alike
            self._fail(f"{url} is no valid URL ({error})")

    def _request(self, url: str) -> bytes | str:
        """Return the body, or the URL that the answer redirects to."""
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        with self._host(url).turn(self.deadline) as has_turn:
            if not has_turn:
                self._fail(f"its host had no turn for it in {self.limits.seconds:g} s")
            try:
                response = _manager(url, public_only=self.public_only).request(
                    "GET",
                    url.partition("#")[0],
                    headers=_HEADERS,
                    timeout=Timeout(connect=self._patience(), read=self._patience()),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                try:
                    return self._answer(url, response)
                finally:
                    response.close()
            except HTTPError as error:
                if isinstance(error, ValueError):  # the URL's fault
                    raise
                raise _TryAgainError(_in_words(error)) from error

    def _answer(self, url: str, response: BaseHTTPResponse) -> bytes | str:
        location = response.get_redirect_location()
        if location:
            return urljoin(url, location)
        if response.status == HTTPStatus.OK:
            return self._body(response)
        reason = f"the server answers {response.status} {response.reason or ''}".rstrip()
        if response.status not in _TRY_AGAIN:
            self._fail(reason)
        pause = _asked_pause(response.headers.get("Retry-After"))
        if pause is not None:
            self._host(url).rest(pause)
        raise _TryAgainError(reason, pause)

    def _body(self, response: BaseHTTPResponse) -> bytes:
        body = bytearray()
        while len(body) + (response.length_remaining or 0) <= self.limits.max_bytes:
            self._patience()
            chunk = response.read1(_CHUNK, decode_content=False)
            if not chunk:
                return bytes(body)
            body += chunk
        reason = f"it has more than {self.limits.max_bytes / 1e6:.4g} MB, the most that is fetched"
        raise SourceError(self.url, reason)

    def _host(self, url: str) -> Host:
        return host(urlsplit(url).netloc.lower(), at_once=self.limits.at_once, spacing=self.limits.spacing)

    def _patience(self) -> float:
        """Return how long to wait for the next step, in seconds."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            self._fail(f"it took longer than {self.limits.seconds:g} s")
        return min(self.limits.silence, left)

    def _fail(self, reason: str) -> NoReturn:
        raise SourceError(self.url, reason)


_managers: dict[str | None, PoolManager] = {}
_lock = threading.Lock()


def _spread(seconds: float) -> float:
    """Vary a pause, so that many threads do not come back at once."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - guards no secret


def _manager(url: str, *, public_only: bool) -> PoolManager:
    """Return the pool of connections for a URL: direct, or through the proxy that the environment names for it."""
    import urllib3

    if public_only:
        return _public_manager()
    parts = urlsplit(url)
    is_direct = urllib.request.proxy_bypass(parts.hostname or "")
    proxy = None if is_direct else urllib.request.getproxies().get(parts.scheme.lower())
    with _lock:
        if proxy not in _managers:
            _managers[proxy] = _proxied(proxy) if proxy else urllib3.PoolManager(num_pools=64, maxsize=8)
        return _managers[proxy]


@functools.cache
def _public_manager() -> PoolManager:
    from lookalike.sources.public_web import public_manager

    return public_manager()


def _proxied(proxy: str) -> PoolManager:
    import urllib3

    proxy = proxy if "://" in proxy else f"http://{proxy}"
    credentials = unquote(urlsplit(proxy).netloc.rpartition("@")[0])
    headers = urllib3.make_headers(proxy_basic_auth=credentials) if credentials else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, num_pools=64, maxsize=8)


def _in_words(error: Exception) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "its host is not known"
    if isinstance(error, exceptions.NewConnectionError):  # which urllib3 counts among the timeouts
        return "its host takes no connection"
    if isinstance(error, exceptions.TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, exceptions.SSLError):
        return f"no secure connection could be made ({error})"
    return f"the connection failed ({type(error).__name__})"


def _asked_pause(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for: a number of them, or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds()) if when.tzinfo else None
