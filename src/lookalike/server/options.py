"""What a server allows."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.images.limits import Limits

_LIMITS = Limits(max_pixels=50_000_000, max_bytes=20_000_000)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names by which a machine reaches itself."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What clients may do, and how much of it. The defaults suit a server that only its own machine can reach."""

    is_writable: bool = False
    """Whether images may be added and removed."""
    api_key: str | None = None
    """What every client has to show; None: nothing."""
    hosts: tuple[str, ...] = LOOPBACK
    """The names that the server answers to, lest a web page reaches it by a name of its own; none: any name."""
    allows_urls: bool = False
    """Whether queries may name pictures on the public web."""
    limits: Limits = _LIMITS
    """Of each picture."""
    max_body: int = 64_000_000
    """Bytes of one request."""
    max_bodies: int = 512_000_000
    """Bytes of all requests that are being answered."""
    max_queries: int = 256
    """Queries and pictures to add that are being answered or wait for it; more are asked to come back."""
    framed_by: tuple[str, ...] = ()
    """Other sites that may show the page within theirs, such as ``https://huggingface.co``."""
    has_local_socket: bool = False
    """Whether the command line of this machine's user is answered as well; see :mod:`lookalike.server.local`."""
