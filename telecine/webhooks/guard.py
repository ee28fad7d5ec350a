"""Which URLs and addresses may be called, so that nobody can make Telecine knock at doors inside the house (SSRF).

Pure: text and addresses in, a refusal or nothing out. Doesn't belong here: resolving and connecting (network.py).
Special addresses: the IANA registries as Python's ipaddress knows them, and the ones that carry another inside
(RFC 4291 mapped, RFC 6052 NAT64, RFC 3056 6to4, RFC 4380 Teredo).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import httpx

from telecine.errors import ConfigurationError, ErrorCode
from telecine.webhooks.settings import WebhookSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_URL = 2_048
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4-compatible, deprecated
_CGNAT = ipaddress.IPv4Network("100.64.0.0/10")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
# Never, whatever is configured: from here cloud machines read their credentials.
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google
        "169.254.170.2",  # AWS containers
        "168.63.129.16",  # Azure
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS over IPv6
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, in parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def check_url(url: str, rules: WebhookSettings) -> Target:
    """Take a URL apart if it may be called, as far as that can be said without resolving its host.

    Raises:
        ConfigurationError: WEBHOOK_REFUSED, with the reason; the message never holds the URL's path or query.
    """
    if len(url) > _MAX_URL:
        raise _refused(f"the URL is longer than {_MAX_URL} characters")
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        raise _refused("the URL holds blanks, control characters or backslashes")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").rstrip(".").lower()
        port = {"https": 443, "http": 80}.get(parsed.scheme, 0) if parsed.port is None else parsed.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as e:
        raise _refused(f"the URL can't be read: {e}") from None
    if parsed.scheme not in ("https", "http"):
        raise _refused(f"the URL starts with {parsed.scheme or 'no scheme'}; it has to be https://")
    if parsed.scheme == "http" and not rules.allow_http:
        raise _refused("the URL is not https:// (TELECINE_WEBHOOK_ALLOW_HTTP=true allows http://)")
    if not host:
        raise _refused("the URL names no host")
    if parsed.userinfo:
        raise _refused("the URL holds a user or a password; signatures prove who calls, see docs/webhooks.md")
    if not 1 <= port <= 65_535:
        raise _refused(f"port {port} doesn't exist")
    check_domain(host, rules)
    literal = _literal(host)
    if literal is not None:
        check_address(literal, rules)
    elif host == "localhost" or host.endswith(".localhost"):
        check_address(ipaddress.ip_address("127.0.0.1"), rules)
    return Target(parsed.scheme, host, port, parsed.raw_path.decode("ascii"))


def check_domain(host: str, rules: WebhookSettings) -> None:
    """Hold a host against the expected domains.

    Raises:
        ConfigurationError: WEBHOOK_REFUSED.
    """
    domains = rules.expected_domains
    if domains and not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        raise _refused(f"{host} is none of the expected domains (TELECINE_WEBHOOK_EXPECTED_DOMAINS)")


def check_address(address: Address, rules: WebhookSettings) -> None:
    """Refuse an address that isn't a public one, also when it is wrapped in another.

    Raises:
        ConfigurationError: WEBHOOK_REFUSED.
    """
    inner = _unwrapped(address)
    for each in (address, inner):
        if each in _METADATA or (isinstance(each, ipaddress.IPv6Address) and each.scope_id is not None):
            raise _refused(f"{address} is an address of this machine's own network or its cloud's metadata")
    reserved = inner.is_reserved and not inner.is_loopback  # Python counts ::1 among the reserved
    this_network = isinstance(inner, ipaddress.IPv4Address) and inner in _THIS_NETWORK
    if this_network or inner.is_unspecified or inner.is_multicast or inner.is_link_local or reserved:
        raise _refused(f"{address} is no address of one public machine")
    public = inner.is_global and not (isinstance(inner, ipaddress.IPv4Address) and inner in _CGNAT)
    if not public and not rules.allow_private:
        raise _refused(f"{address} is not a public address (TELECINE_WEBHOOK_ALLOW_PRIVATE=true allows it)")


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64):
        return last
    if address in _COMPATIBLE and int(address) > 1:  # not :: and not ::1
        return last
    return address


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None  # a name, or one of inet_aton's odd forms: the resolver says which address that is


def _refused(reason: str) -> ConfigurationError:
    return ConfigurationError(ErrorCode.WEBHOOK_REFUSED, reason)
