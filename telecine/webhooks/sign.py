"""Signed headers of one attempt: Standard Webhooks, and the plain HMAC that older receivers know.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The id is the event's and
never changes; the timestamp is this attempt's, so that a late retry isn't refused as a replay. While a secret is being
replaced, `webhook-signature` carries one signature for each, and the old plain one has a header of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from telecine import __version__
from telecine.errors import ConfigurationError, ErrorCode


def check_secret(secret: str) -> None:
    """Refuse a secret that isn't in the form of Standard Webhooks.

    Raises:
        ConfigurationError: INVALID_REQUEST; the message does not hold it.
    """
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) if secret.startswith("whsec_") else 0
    except ValueError:
        size = 0
    if not 24 <= size <= 64:
        raise ConfigurationError(
            ErrorCode.INVALID_REQUEST, "the secret has to be whsec_ followed by the base64 of 24 to 64 random bytes"
        )


def headers(event_id: str, event_type: str, body: bytes, at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt.

    Args:
        at: aware; the time that the body names, too.
        secrets: those that count, newest first; `whsec_` and base64.
    """
    now = at.astimezone(UTC)  # standardwebhooks 1.1.0 takes any other zone's clock for UTC
    text = body.decode()
    signed = {
        "content-type": "application/json",
        "user-agent": f"Telecine/{__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, now, text) for secret in secrets),
        "X-Event-Type": event_type,
    }
    for name, secret in zip(("X-Webhook-Signature", "X-Webhook-Signature-Previous"), secrets, strict=False):
        signed[name] = plain_signature(secret, body)
    return signed


def plain_signature(secret: str, body: bytes) -> str:
    """`sha256=` and the hex HMAC-SHA256 of the exact body; the key is the secret's text as it was shown."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
