"""The verifiers of docs/webhooks.md, run as they are printed on real requests."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from telecine.ledger.events import EVENT_TYPES
from telecine.webhooks.sign import plain_signature
from tests.integration.webhooks.conftest import Life
from tests.integration.webhooks.receiver import Received, Receiver

pytestmark = pytest.mark.integration

DOCUMENT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
_OLD = "2020-01-01T00:00:00.000000Z"


def blocks(language: str) -> list[str]:
    """The document's code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def requests_and_secret(life: Life, server: Receiver) -> tuple[list[Received], str]:
    """Real deliveries, one of each kind of event at least."""
    name = life.endpoint(server.url("/in"))
    life.one_of_each()
    life.deliver()
    found = server.at("/in")
    assert {request.headers["x-event-type"] for request in found} == set(EVENT_TYPES)
    return found, life.secrets[name]


@pytest.fixture
def request_and_secret(requests_and_secret: tuple[list[Received], str]) -> tuple[Received, str]:
    """The delivery of a completed job."""
    requests, secret = requests_and_secret
    return next(r for r in requests if r.headers["x-event-type"] == "job.completed"), secret


@pytest.mark.parametrize("number", range(2), ids=["library", "ten lines"])
def test_the_python_verifiers(
    requests_and_secret: tuple[list[Received], str], request_and_secret: tuple[Received, str], number: int
) -> None:
    request, secret = request_and_secret
    names: dict[str, Any] = {}
    exec(blocks("python")[number], names)
    verify = names["handle" if number == 0 else "verify"]
    for each in requests_and_secret[0]:
        assert verify(each.body, each.headers, secret) == json.loads(each.body)
    for body, headers in altered(request, number == 0):
        with pytest.raises(Exception, match=r"No matching|not ours|too old"):
            verify(body, headers, secret)


def altered(request: Received, standard: bool) -> list[tuple[bytes, dict[str, str]]]:
    """Requests that must not be believed: another body, another signature, an old one."""
    signature = "webhook-signature" if standard else "x-webhook-signature"
    forged = "v1,AAAA" if standard else "sha256=00"
    old = {"webhook-timestamp": "1577836800"} if standard else {}
    return [
        (request.body.replace(b"COMPLETED", b"FAILED"), request.headers),
        (request.body, {**request.headers, signature: forged}),
        (request.body, {**request.headers, **old, signature: request.headers[signature][:-4] + "AAA="}),
    ]


def test_the_ten_lines_refuse_an_old_event_that_is_signed_well(request_and_secret: tuple[Received, str]) -> None:
    request, secret = request_and_secret
    names: dict[str, Any] = {}
    exec(blocks("python")[1], names)
    body = json.dumps({**json.loads(request.body), "event_timestamp": _OLD}).encode()
    with pytest.raises(ValueError, match="too old"):
        names["verify"](body, {"x-webhook-signature": plain_signature(secret, body)}, secret)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm package `standardwebhooks`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm aren't here, so the verifiers in JavaScript can't be run: `apt-get install npm`")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module"}')
    command = [
        npm,
        "install",
        "--prefix",
        str(folder),
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "standardwebhooks",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm could not install standardwebhooks: {done.stderr.strip()[-300:]}")
    return folder


_DRIVER = """
import { readFileSync } from "node:fs";
import * as verifier from "./verifier.js";
const cases = JSON.parse(readFileSync(0, "utf8"));
const run = verifier.handle ?? verifier.verify;
console.log(JSON.stringify(cases.map(({ body, headers, secret }) => {
  try { return run(Buffer.from(body, "base64").toString("utf8"), headers, secret).event_id; }
  catch (error) { return "refused"; }
})));
"""


@pytest.mark.parametrize("number", range(2), ids=["library", "by hand"])
def test_the_javascript_verifiers(
    modules: Path,
    requests_and_secret: tuple[list[Received], str],
    request_and_secret: tuple[Received, str],
    number: int,
) -> None:
    good, (request, secret) = requests_and_secret[0], request_and_secret
    (modules / "verifier.js").write_text(blocks("js")[number])
    (modules / "driver.js").write_text(_DRIVER)
    cases = [
        {"body": base64.b64encode(body).decode(), "headers": headers, "secret": secret}
        for body, headers in [*((r.body, r.headers) for r in good), *altered(request, number == 0)]
    ]
    done = subprocess.run(
        ["node", str(modules / "driver.js")],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        cwd=modules,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == [*(r.headers["webhook-id"] for r in good), "refused", "refused", "refused"]
