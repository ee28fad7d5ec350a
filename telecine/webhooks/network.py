"""Connections for deliveries: resolved once, every address checked, and connected to a checked address itself.

httpcore asks a network backend for connections (https://www.encode.io/httpcore/network-backends/). This one resolves
the name, refuses it when any of its addresses is refused (a name with one good and one bad address is a trick), and
hands addresses instead of the name to the socket; TLS still checks the certificate against the name. Proxies from the
environment are not used: through one, nobody here could say where a connection ends.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpcore
import httpx

from telecine.errors import TelecineError
from telecine.webhooks.guard import check_address, check_domain
from telecine.webhooks.settings import WebhookSettings

_KEEP_S = 15.0  # so long a connection, and with it what its name was resolved to, may be used again


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, rules: WebhookSettings) -> None:
        self._rules = rules
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, connect.

        Raises:
            telecine.errors.ConfigurationError: WEBHOOK_REFUSED.
            httpcore.ConnectError: the name is unknown, or no address answers.
        """
        check_domain(host, self._rules)
        addresses = await resolve(host, port)
        for address in addresses:
            check_address(ipaddress.ip_address(address), self._rules)
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as e:
                failure = e
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise httpcore.ConnectError("deliveries don't go to Unix sockets")

    async def sleep(self, seconds: float) -> None:
        """For httpcore's own retries."""
        await asyncio.sleep(seconds)


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the resolver's order.

    Raises:
        httpcore.ConnectError: there is none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as e:
        raise httpcore.ConnectError(f"the host's name has no address: {getattr(e, 'strerror', None) or e}") from e
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise httpcore.ConnectError("the host's name has no address")
    return addresses


async def check_host(host: str, port: int, rules: WebhookSettings) -> str | None:
    """Why a host would be refused now, or None; an unknown name is a reason, too."""
    try:
        for address in await resolve(host, port):
            check_address(ipaddress.ip_address(address), rules)
    except httpcore.ConnectError as e:
        return str(e)
    except TelecineError as e:
        return e.message
    return None


@cache
def _trusted(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    """The authorities, read once: that takes longer than a delivery."""
    return httpx.create_ssl_context()


def pool(rules: WebhookSettings) -> httpcore.AsyncConnectionPool:
    """A pool of checked connections; HTTP/1.1, no redirects, no proxies. SSL_CERT_FILE names other authorities."""
    return httpcore.AsyncConnectionPool(
        ssl_context=_trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        network_backend=CheckedNetwork(rules),
        max_connections=rules.parallel * 2,
        max_keepalive_connections=rules.parallel,
        keepalive_expiry=_KEEP_S,
    )
