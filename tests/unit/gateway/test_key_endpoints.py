"""Who gets a key from the gateway, and who doesn't."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time

import pytest
from fastapi.testclient import TestClient

from telecine.gateway import access, tokens
from telecine.gateway.app import Keys, create_app
from telecine.gateway.tokens import Tokens
from tests.unit.gateway.test_gateway_pages import CLIP, OUTPUTS, Folder, manifest

KEY_ID, VALUE = bytes(range(16)), secrets.token_bytes(16)  # the id is part of test names, which may not vary
FRIEND = "https://shop.example"


class Safe:
    """One key of one partition."""

    def find(self, partition: str, key_id: bytes) -> bytes | None:
        return VALUE if (partition, key_id) == (CLIP, KEY_ID) else None


@pytest.fixture
def issuer() -> Tokens:
    return Tokens(secrets.token_bytes(32))


def client_of(issuer: Tokens, address: str = "127.0.0.1") -> TestClient:
    shelf = Folder({CLIP: manifest(CLIP, "holiday/clip.mp4")})
    app = create_app(
        shelf, outputs_url=OUTPUTS, gateway_url="http://127.0.0.1:8080", keys=Keys(Safe(), issuer, [FRIEND])
    )
    return TestClient(app, base_url="http://127.0.0.1:8080", client=(address, 50_000))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_a_token_opens_its_own_partition_for_its_own_time(issuer: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.issue(CLIP, 60)
    assert issuer.allows(token, CLIP)
    assert not issuer.allows(token, "other-00000000")
    assert not Tokens(secrets.token_bytes(32)).allows(token, CLIP)
    for forged in ("", ".", "..", token[:-1], token + "=", token.replace(CLIP, "other-00000000"), "ü" + token):
        assert not issuer.allows(forged, CLIP)
        assert not issuer.allows(forged, "other-00000000")
    later = time.time() + 61
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    assert not issuer.allows(token, CLIP)


def test_a_key_is_given_to_who_has_a_token_and_kept_by_nobody(issuer: Tokens) -> None:
    answer = client_of(issuer).get(f"/keys/{CLIP}/{KEY_ID.hex()}", headers=bearer(issuer.issue(CLIP, 60)))
    assert answer.content == VALUE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [f"/keys/{CLIP}/{KEY_ID.hex()}", f"/licence/{CLIP}"])
def test_without_a_token_there_is_nothing(issuer: Tokens, path: str) -> None:
    client = client_of(issuer)
    body = {"kids": [base64url(KEY_ID)], "type": "temporary"}
    token = issuer.issue(CLIP, 60)
    for headers in (
        {},
        bearer(""),
        bearer("x"),
        bearer(issuer.issue("other-00000000", 60)),
        bearer(issuer.issue(CLIP, -1)),
        {"Authorization": f"Basic {token}"},
        {"Cookie": f"token={token}"},
    ):
        for address in (path, f"{path}?token={token}"):
            asked = client.post(address, json=body, headers=headers) if "lic" in path else None
            answer = asked or client.get(address, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["cache-control"] == "no-store"
            assert VALUE not in answer.content
            assert base64url(VALUE) not in answer.text


def test_a_licence_is_a_json_web_key_set(issuer: Tokens) -> None:
    body = {"kids": [base64url(KEY_ID), base64url(secrets.token_bytes(16))], "type": "temporary"}
    answer = client_of(issuer).post(f"/licence/{CLIP}", json=body, headers=bearer(issuer.issue(CLIP, 60)))
    keys = [{"kty": "oct", "kid": base64url(KEY_ID), "k": base64url(VALUE)}]
    assert answer.json() == {"keys": keys, "type": "temporary"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"kids": 7}', 400),
        (b'{"kids": []}', 400),
        (b'{"kids": [7]}', 400),
        (json.dumps({"kids": ["A" * 22] * 65}).encode(), 400),
        (b"x" * 10_000, 400),
        (b"[" * 8_000, 400),
        (b'{"kids": ["short"]}', 404),
        (json.dumps({"kids": [base64url(bytes(16))]}).encode(), 404),
    ],
)
def test_a_licence_request_that_is_none_is_refused(issuer: Tokens, body: bytes, status: int) -> None:
    answer = client_of(issuer).post(f"/licence/{CLIP}", content=body, headers=bearer(issuer.issue(CLIP, 60)))
    assert answer.status_code == status


@pytest.mark.parametrize("name", ["0" * 32, "zz", KEY_ID.hex()[:-2], KEY_ID.hex() + "00", "..%2f..%2fsecret"])
def test_an_unknown_key_is_not_found(issuer: Tokens, name: str) -> None:
    assert client_of(issuer).get(f"/keys/{CLIP}/{name}", headers=bearer(issuer.issue(CLIP, 60))).status_code == 404


def test_only_named_origins_may_ask_from_their_pages(issuer: Tokens) -> None:
    client = client_of(issuer)
    asking = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    allowed = client.options(f"/keys/{CLIP}/{KEY_ID.hex()}", headers={"Origin": FRIEND, **asking})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == FRIEND
    refused = client.options(f"/keys/{CLIP}/{KEY_ID.hex()}", headers={"Origin": "https://evil.example", **asking})
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in client.get("/watch", headers={"Origin": FRIEND}).headers


def test_asking_too_often_has_to_wait(issuer: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    client, path = client_of(issuer), f"/keys/{CLIP}/{KEY_ID.hex()}"
    statuses = [client.get(path).status_code for _ in range(301)]
    assert statuses == [401] * 300 + [429]
    assert int(client.get(path).headers["retry-after"]) <= 61
    later = time.monotonic() + 61
    monkeypatch.setattr(access.time, "monotonic", lambda: later)
    assert client.get(path).status_code == 401


def token_on_page(client: TestClient, **headers: str) -> str | None:
    page = client.get(f"/watch/{CLIP}", headers=headers).text
    found = re.search(r'<script type="application/json" id="media">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    token: str | None = json.loads(found[1])["token"]
    return token


def test_the_page_gives_a_token_to_viewers_on_this_machine_only(issuer: Tokens) -> None:
    token = token_on_page(client_of(issuer))
    assert token is not None
    assert issuer.allows(token, CLIP)
    assert token_on_page(client_of(issuer, "192.0.2.7")) is None
    for header in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):
        assert token_on_page(client_of(issuer), **{header: "for=192.0.2.7"}) is None
