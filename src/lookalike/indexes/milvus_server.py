"""A Milvus server (https://milvus.io): its address, the names of our collections on it, its failures in a sentence."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc
from pymilvus import MilvusClient, MilvusException

from lookalike.errors import InputError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

URI, TOKEN = "LOOKALIKE_MILVUS_URI", "LOOKALIKE_MILVUS_TOKEN"
CONNECTING = 5.0
"""Seconds until a server counts as away."""
_DROPPING = 5.0
"""Seconds that a collection is given to go; one that stays is dropped by a later run."""
UNCLAIMED, KEPT = "unclaimed", "kept"
"""In place of an owner: of a collection that was not saved yet, and of one that was saved outside of any gallery."""
_GRACE = 300
"""Seconds that a collection nobody refers to is left alone: it may be about to be saved, or was just replaced."""
_ABANDONED = 86_400
"""Seconds after which an unsaved collection is taken for that of a process that was killed."""
_PAUSE = 5.0
_ASKED_AGAIN_AT: dict[str, float] = {}
"""When a server that was away is asked again, by its address: to find out takes seconds, and others wait for it."""
_LOOKED_THROUGH_AT: dict[str, float] = {}
_NAME = re.compile(r"lookalike_([0-9a-z]+)_(\d+)_[0-9a-f]{12}")
_AWAY = 2
"""Milvus's code for a server that cannot be reached."""


@dataclass(frozen=True, slots=True)
class MilvusServer:
    """The server that the environment names; nothing about it is stored."""

    client: Any
    address: str
    """Without what may be secret in it."""

    @classmethod
    def connect(cls) -> MilvusServer:
        """Connect to the server of ``LOOKALIKE_MILVUS_URI``, with ``LOOKALIKE_MILVUS_TOKEN`` where it asks for one.

        Raises
        ------
        InputError : if no address is given, or it is none.
        RemoteError : if the server cannot be reached, or refuses the token.
        """
        uri = os.environ.get(URI, "").strip()
        if not uri:
            msg = f"the index milvus needs a Milvus server: set {URI} to its address, such as http://localhost:19530"
            raise InputError(msg)
        address = _address_of(uri)
        if time.monotonic() < _ASKED_AGAIN_AT.get(address, 0.0):
            raise RemoteError(address, _away())
        try:
            with asking(address):
                client = MilvusClient(uri=uri, token=os.environ.get(TOKEN, ""), timeout=CONNECTING)
        except RemoteError as error:
            if error.reason == _away():
                _ASKED_AGAIN_AT[address] = time.monotonic() + _PAUSE
            raise
        return cls(client, address)

    def drop(self, name: str) -> None:
        """Drop a collection, if there is one of that name.

        Raises
        ------
        RemoteError : if the server cannot.
        """
        with asking(self.address):
            self.client.drop_collection(name, timeout=_DROPPING)

    def drop_unused(self, owner: str, used: set[str]) -> int:
        """Drop what an owner does not refer to any more, and what was abandoned by anyone; return how many are left.

        Parameters
        ----------
        owner : of the collections.
        used : their names; others of that owner go some minutes after they were made.

        Raises
        ------
        RemoteError : if the server cannot.
        """
        left = 0
        _LOOKED_THROUGH_AT[owner] = time.monotonic()
        with asking(self.address):
            names = self.client.list_collections(timeout=CONNECTING)
        for name in names:
            whose, age = _owner_and_age(name)
            is_old = whose == UNCLAIMED and age > _ABANDONED
            if is_old or (whose == owner and name not in used and age > _GRACE):
                self.drop(name)
            else:
                left += whose == owner
        return left


def is_due(owner: str) -> bool:
    """Say whether it is some minutes since this process last dropped what an owner does not use."""
    return time.monotonic() - _LOOKED_THROUGH_AT.get(owner, -math.inf) > _GRACE


def new_name(owner: str = UNCLAIMED) -> str:
    """Return a name for a collection, unlike all others, that says whose it is and when it was made."""
    return f"lookalike_{owner}_{int(time.time())}_{uuid.uuid4().hex[:12]}"


def is_name(text: object) -> bool:
    """Say whether a text is a name that :func:`new_name` made."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


@contextlib.contextmanager
def asking(address: str) -> Iterator[None]:
    """Raise a RemoteError in place of what the client raises, and keep its log of the same to itself."""
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    try:
        yield
    except MilvusException as error:
        is_away = error.code == _AWAY
        raise RemoteError(address, _away() if is_away else f"Milvus answers: {_told(error.message)}") from error
    except grpc.RpcError as error:
        raise RemoteError(address, _away()) from error


def _away() -> str:
    return f"the Milvus server cannot be reached; start it, or set {URI} to its address"


def _told(message: str) -> str:
    lines = str(message).strip().splitlines()
    return lines[0] if lines else "nothing"


def _address_of(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https", "tcp", "unix") or not (parts.hostname or parts.path):
        msg = f"{URI} must be the address of a server, such as http://localhost:19530"
        raise InputError(msg)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        msg = f"{URI} names no port, but {error}; write it as http://localhost:19530"
        raise InputError(msg) from error
    return f"{parts.scheme}://{parts.hostname or parts.path}{port}"


def _owner_and_age(name: str) -> tuple[str, float]:
    found = _NAME.fullmatch(name)
    return ("", 0.0) if found is None else (found[1], time.time() - int(found[2]))
