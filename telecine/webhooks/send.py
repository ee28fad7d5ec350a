"""One attempt: build, sign, post, and listen to at most a kilobyte of the answer.

Doesn't belong here: what the answer means (verdict.py), when to try (deliver.py).
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import httpcore

from telecine.errors import TelecineError
from telecine.ledger.deliveries import Leased
from telecine.webhooks import body, sign
from telecine.webhooks.guard import Target, check_url
from telecine.webhooks.settings import WebhookSettings
from telecine.webhooks.verdict import Answer, retry_after_s

KEPT_BYTES = 1_024
_BODY_S = 2.0  # the status line decides; nobody waits longer for the rest of an answer
_CONNECT_S = 10.0


async def attempt(
    pool: httpcore.AsyncConnectionPool, leased: Leased, rules: WebhookSettings, outputs_url: str
) -> Answer:
    """Make one attempt; whatever happens is an answer."""
    began = time.monotonic()
    try:
        target = check_url(leased.url, rules)
        now = datetime.now(UTC)
        content = body.build(leased.material, now, outputs_url)
        event = leased.material.event
        headers = sign.headers(event.event_id, event.event_type, content, now, leased.secrets)
        async with asyncio.timeout(rules.timeout_s) as deadline:
            return await _post(pool, target, headers, content, rules, began, deadline)
    except TelecineError as e:
        return Answer(None, f"not sent: {e.message}", None, time.monotonic() - began)
    except TimeoutError:
        return Answer(None, f"no answer within {rules.timeout_s:g} s", None, time.monotonic() - began)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as e:
        return Answer(None, _told(e), None, time.monotonic() - began)


async def _post(
    pool: httpcore.AsyncConnectionPool,
    target: Target,
    headers: dict[str, str],
    content: bytes,
    rules: WebhookSettings,
    began: float,
    deadline: asyncio.Timeout,
) -> Answer:
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    fields = [(b"Host", target.authority.encode()), (b"Content-Length", str(len(content)).encode())]
    fields += [(name.encode(), value.encode()) for name, value in headers.items()]
    timeouts = {
        "connect": min(_CONNECT_S, rules.timeout_s),
        "read": rules.timeout_s,
        "write": rules.timeout_s,
        "pool": rules.timeout_s,
    }
    async with pool.stream("POST", url, headers=fields, content=content, extensions={"timeout": timeouts}) as response:
        deadline.reschedule(asyncio.get_running_loop().time() + 2 * _BODY_S)
        kept = await _beginning(response)
        took_s = time.monotonic() - began
        answered = {name.lower(): value for name, value in response.headers}
        status = response.status
    text = kept.decode("utf-8", "replace").replace("\0", "\ufffd") or None
    error = None if 200 <= status < 300 else f"HTTP {status}"
    if 300 <= status < 400:
        error = f"HTTP {status}: redirects are not followed; register the address that answers itself"
    return Answer(status, error, text, took_s, retry_after_s(answered.get(b"retry-after", b"").decode("latin-1")))


async def _beginning(response: httpcore.Response) -> bytes:
    """The first kilobyte of an answer's body, as far as it comes soon."""
    kept = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in response.aiter_stream():
                kept += chunk[: KEPT_BYTES - len(kept)]
                if len(kept) >= KEPT_BYTES:
                    break
    except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        pass  # the status had come already, and it is what counts
    return bytes(kept)


def _told(error: BaseException) -> str:
    """One line about a connection that failed, without the URL."""
    kind = type(error).__name__
    reason = str(error).strip() or str(error.__cause__ or "").strip()
    return f"{kind}: {reason}"[:500] if reason else kind
