"""What browsers are told with every answer, and which hosts and origins may ask.

Source: Content Security Policy Level 3, Fetch (CORS), OWASP secure headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK_HOSTS = ("127.0.0.1", "localhost")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def security_headers(outputs_url: str) -> Mapping[str, str]:
    """For every answer: scripts and styles are ours only, media come from the output bucket.

    blob: is how Media Source Extensions attach, and how hls.js starts its worker; data: are what players make
    themselves: empty pictures, short licences, and the empty caption file that hls.js begins a text track with.
    """
    outputs = origin_of(outputs_url)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: {outputs}",
        "media-src": f"'self' blob: data: {outputs}",
        "connect-src": f"'self' data: {outputs}",
        "worker-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def allowed_hosts(*urls: str) -> list[str]:
    """Values of the Host header that are answered: this machine, and the names we were told we have.

    A page from elsewhere that makes its own name point here (DNS rebinding) is refused by it.
    """
    named = (urlsplit(url).hostname for url in urls)
    return list(dict.fromkeys([*LOOPBACK_HOSTS, *(host for host in named if host)]))
