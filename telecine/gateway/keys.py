"""The key endpoints: AES-128 and SAMPLE-AES keys by their id, and W3C clear-key licences.

`GET /keys/<partition>/<key id>` answers the key's 16 bytes (RFC 8216 section 5), `POST /licence/<partition>` a JSON Web
Key Set (EME, section 9.1.4) for the key ids in its body. Both want a viewer's token in the Authorization header, are
kept by nobody, and may be read from other origins only when those are named.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route

from telecine.gateway.access import Rate
from telecine.gateway.tokens import Tokens

_BODY_BYTES = 8_192
_KEYS_AT_ONCE = 64
_NEVER_KEPT = {"Cache-Control": "no-store"}


class KeyStore(Protocol):
    """Where keys are: `telecine.vault.Vault`."""

    def find(self, partition: str, key_id: bytes) -> bytes | None:
        """A key, or None."""
        ...


def key_routes(keys: KeyStore, tokens: Tokens, origins: Sequence[str]) -> list[Mount]:
    """Both endpoints.

    Args:
        origins: other origins whose pages may ask.
    """
    rate = Rate()

    def refusal(request: Request, partition: str) -> Response | None:
        """Why this request gets no key, or None; the token vouches for the partition's name too."""
        client = request.client.host if request.client else ""
        if wait_s := rate.wait_s(client):
            return _said(429, "Too many requests.", {"Retry-After": str(wait_s)})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.allows(token.strip(), partition):
            return _said(401, "A viewer's token of this partition is needed.", {"WWW-Authenticate": "Bearer"})
        return None

    async def key(request: Request) -> Response:
        partition = request.path_params["partition"]
        if refused := refusal(request, partition):
            return refused
        key_id = _key_id(bytes.fromhex, request.path_params["key_id"])
        found = await run_in_threadpool(keys.find, partition, key_id) if key_id else None
        if found is None:
            return _said(404, "There is no such key.")
        return Response(found, media_type="application/octet-stream", headers=_NEVER_KEPT)

    async def licence(request: Request) -> Response:
        partition = request.path_params["partition"]
        if refused := refusal(request, partition):
            return refused
        wanted = await _wanted(request)
        if wanted is None:
            return _said(400, "The body has to be a clear-key licence request.")
        found = {kid: value for kid in wanted if (value := await run_in_threadpool(keys.find, partition, kid))}
        if not found:
            return _said(404, "There are no such keys.")
        jwks = [{"kty": "oct", "kid": _base64url(key_id), "k": _base64url(value)} for key_id, value in found.items()]
        return JSONResponse({"keys": jwks, "type": "temporary"}, headers=_NEVER_KEPT)

    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
    )
    return [
        Mount("/keys", routes=[Route("/{partition}/{key_id}", key, methods=["GET"])], middleware=[cors]),
        Mount("/licence", routes=[Route("/{partition}", licence, methods=["POST"])], middleware=[cors]),
    ]


async def _wanted(request: Request) -> list[bytes] | None:
    """Key ids of a licence request; None when the body is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            return None
    try:
        kids: Any = json.loads(body)["kids"]
        found = [_key_id(lambda text: base64.urlsafe_b64decode(text + "=="), kid) for kid in kids]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return [kid for kid in found if kid] if 0 < len(found) <= _KEYS_AT_ONCE else None


def _key_id(decode: Callable[[str], bytes], text: str) -> bytes | None:
    """16 bytes, or None for anything else."""
    try:
        found = decode(text)
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == 16 else None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _said(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "detail": sentence}, status, {**_NEVER_KEPT, **(headers or {})})
