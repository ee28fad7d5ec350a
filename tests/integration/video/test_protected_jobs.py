"""A protected video as a job: where its keys are, where they aren't, and who gets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text

from telecine.errors import ConfigurationError, ErrorCode
from telecine.gateway.app import Keys, create_app
from telecine.gateway.shelf import HouseShelf
from telecine.gateway.tokens import Tokens
from telecine.ledger import Ledger
from telecine.partition import content_keys_key
from telecine.recipe import parse_recipe
from telecine.stream.aes128 import decrypted
from telecine.stream.keys import ContentKey, KeyRing
from telecine.vault import Vault, derived
from tests.integration.video.conftest import Bench

pytestmark = pytest.mark.integration

RECIPE = parse_recipe(
    {
        "name": "protected",
        "outputs": [
            {"kind": "video_ladder", "rungs": [240], "preset": "ultrafast", "files": False},
            {
                "kind": "streams",
                "segment_s": 2,
                "protocols": ["hls"],
                "protection": {"scheme": "aes128", "rotate_every": 1},
            },
        ],
    },
    "test",
)


def written_down(ledger: Ledger) -> Iterator[str]:
    """Every row of every table of the ledger."""
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'telecine'"
    for table in ledger.do(lambda c: list(c.execute(text(tables)).scalars())):
        yield from ledger.do(
            lambda c, t=table: list(c.execute(text(f"SELECT row_to_json(r)::text FROM telecine.{t} r")).scalars())
        )


def test_keys_are_sealed_apart_and_given_to_viewers_with_a_token(bench: Bench, base: Path) -> None:
    job = bench.accept(base, recipe=RECIPE)
    outcome = bench.attempt(job)
    assert outcome.error_code is None, outcome.error_message
    [entry] = [o for o in bench.manifest(job)["outputs"] if o["asset"] == "video/hls"]
    outputs, inputs = bench.config.output_bucket, bench.config.input_bucket
    folder = entry["key"].rpartition("/")[0]
    playlist = bench.store.read(outputs, f"{folder}/240p.m3u8").decode()
    addresses = re.findall(r'#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"', playlist)
    assert len(addresses) == 2
    assert all(a.startswith(f"{bench.config.gateway_url}/keys/{job.partition}/") for a in addresses)

    vault, tokens = Vault(bench.store, bench.config), Tokens(derived(bench.config, "viewing tokens"))
    shelf = HouseShelf(bench.config)
    app = create_app(
        shelf, outputs_url=bench.config.outputs_url, gateway_url=bench.config.gateway_url, keys=Keys(vault, tokens)
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5))
    assert client.get(urlsplit(addresses[0]).path).status_code == 401
    page = client.get(f"/watch/{job.partition}").text
    found = re.search(r'<script type="application/json" id="media">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    bearer = {"Authorization": f"Bearer {json.loads(found[1])['token']}"}
    values = [client.get(urlsplit(address).path, headers=bearer).content for address in addresses]
    for number, value in enumerate(values):
        segment = bench.store.read(outputs, f"{folder}/240p/{number + 1:05}.m4s")
        assert decrypted(segment, ContentKey(b"", value), number)[4:8] in (b"styp", b"sidx", b"moof")

    everything = [bench.store.read(outputs, o.key) for o in bench.store.list(outputs)]
    everything.append(bench.store.read(inputs, content_keys_key(job.partition, 1)))
    everything += [row.encode() for row in written_down(bench.ledger)]
    everything.append(repr(outcome).encode())
    for value in values:
        assert not any(value in data or value.hex().encode() in data for data in everything)


def test_older_keys_are_usable_while_their_generation_is(bench: Bench) -> None:
    vault = Vault(bench.store, bench.config)
    keys = []
    for generation in (1, 2):
        ring = KeyRing("clip-00000000", generation, "")
        keys += [ring.cut(), ring.cut()]
        vault.keep(ring)
    assert [vault.find("clip-00000000", key.id) for key in keys] == [key.value for key in keys]
    bench.store.remove(bench.config.input_bucket, content_keys_key("clip-00000000", 1))
    assert [vault.find("clip-00000000", key.id) for key in keys] == [None, None, keys[2].value, keys[3].value]
    assert vault.find("other-00000000", keys[2].id) is None
    assert vault.find("clip-00000000", bytes(16)) is None


def test_what_is_sealed_opens_only_in_its_place_and_under_its_secret(bench: Bench) -> None:
    ring = KeyRing("clip-00000000", 1, "")
    key = ring.cut()
    Vault(bench.store, bench.config).keep(ring)
    other = bench.config.model_copy(update={"secret": SecretStr("x" * 40)})
    with pytest.raises(ConfigurationError) as refused:
        Vault(bench.store, other).find("clip-00000000", key.id)
    assert refused.value.code is ErrorCode.SECRET_MISSING
    bucket = bench.config.input_bucket
    moved = bench.store.read(bucket, content_keys_key("clip-00000000", 1))
    bench.store.write(bucket, content_keys_key("other-00000000", 1), moved, mime="application/octet-stream")
    with pytest.raises(ConfigurationError):
        Vault(bench.store, bench.config).find("other-00000000", key.id)


@pytest.mark.parametrize("secret", [None, SecretStr("too short")])
def test_a_house_without_a_secret_says_so_before_it_encodes(bench: Bench, base: Path, secret: SecretStr | None) -> None:
    bench.config = bench.config.model_copy(update={"secret": secret})
    outcome = bench.attempt(bench.accept(base, recipe=RECIPE))
    assert outcome.error_code == "SECRET_MISSING"
    assert "TELECINE_SECRET" in (outcome.error_message or "")
