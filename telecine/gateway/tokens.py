"""Viewers' tokens: who holds one may have the keys of one partition for a while.

A token is `<partition>.<expires>.<HMAC-SHA256>`, the last in base64url, its key made from TELECINE_SECRET. It is sent
as `Authorization: Bearer`, never in a URL, where logs and histories would keep it. Belongs here: issuing and checking.
Doesn't belong here: deciding who is given one (access.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time


class Tokens:
    """Issues and checks tokens under one signing key.

    Args:
        key: 32 bytes, `telecine.vault.derived(settings, "viewing tokens")`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, partition: str, lasting_s: float) -> str:
        """A token for one partition."""
        said = f"{partition}.{int(time.time() + lasting_s)}"
        return f"{said}.{self._signature(said)}"

    def allows(self, token: str, partition: str) -> bool:
        """Whether a token is ours, of this partition, and not too old; compared in constant time."""
        said, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(said).encode()):
            return False
        named, _, expires = said.rpartition(".")
        return named == partition and int(expires) > time.time()

    def _signature(self, said: str) -> str:
        digest = hmac.digest(self._key, said.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
