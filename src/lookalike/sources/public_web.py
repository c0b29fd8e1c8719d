"""Connections to the public web only: for URLs that come from strangers.

A name is resolved once, when the connection is made, and the connection goes to the very address that was looked at; so
a name that changes its address in between (DNS rebinding) gains nothing. No proxy is used, since it would resolve the
name again. Background: OWASP, Server-Side Request Forgery Prevention Cheat Sheet.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

_CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""Addresses that stand for IPv4 ones: for translators (RFC 6052, RFC 8215), and in the way of RFC 4291, 2.5.5.1."""


def public_manager() -> PoolManager:
    """Return a pool of connections that reach public addresses alone."""
    manager = PoolManager(num_pools=64, maxsize=8)
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return manager


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet, that of a single machine.

    Examples
    --------
    >>> [is_public(address) for address in ("93.184.216.34", "127.0.0.1", "::ffff:10.0.0.1", "224.0.0.1")]
    [True, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        # these carry an IPv4 address that is reached in the end
        if ip.sixtofour is not None or ip.teredo is not None or any(ip in network for network in _CARRIERS):
            return False
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast


def _connected(connection: HTTPConnection) -> socket.socket:
    """Return a socket to an address of the connection's host.

    Raises
    ------
    NewConnectionError : if the host is not known, one of its addresses is not public, or none takes the connection;
        which of these it is would tell a stranger what there is in this network.
    """
    try:
        found = socket.getaddrinfo(connection.host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not all(is_public(str(address[0])) for *_, address in found):
        found = []
    for family, kind, protocol, _, address in found:
        reached = socket.socket(family, kind, protocol)
        try:
            if isinstance(connection.timeout, (int, float)):
                reached.settimeout(connection.timeout)
            reached.connect(address)
        except OSError:
            reached.close()
        else:
            return reached
    msg = "no public address takes a connection"
    raise NewConnectionError(connection, msg)


class _HTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _HTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls: Any = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls: Any = _HTTPSConnection
