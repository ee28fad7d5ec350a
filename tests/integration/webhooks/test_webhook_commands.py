"""`telecine endpoints`, `events` and `deliveries`, from adding an endpoint to replaying what it missed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from standardwebhooks import Webhook
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.cli.events import parse_since
from telecine.doctor.services import webhooks
from telecine.errors import ConfigurationError
from telecine.ledger import deliverers
from tests.integration.webhooks import receiver as behave
from tests.integration.webhooks.conftest import Life
from tests.integration.webhooks.receiver import Receiver
from tests.integration.webhooks.test_webhook_delivery import verified

pytestmark = pytest.mark.integration

Telecine = Callable[..., Any]


@pytest.fixture
def telecine(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Telecine:
    """Run a command in this process; answers its stdout, as data when it is JSON."""
    monkeypatch.setenv("TELECINE_POSTGRES_URL", postgres_url)

    def run(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if "--json" in arguments and arguments[1] != "tail" else done.stdout

    return run


def test_from_adding_an_endpoint_to_removing_it(telecine: Telecine, life: Life, server: Receiver) -> None:
    made = telecine("endpoints", "add", server.url("/in?token=abc"), "--event", "job.completed", "--json")
    name, secret = made["endpoint_id"], made["secret"]
    (shown,) = telecine("endpoints", "list", "--json")
    assert (shown["url"], shown["health"], shown["event_types"]) == (server.url("/in?..."), "ok", ["job.completed"])
    for listing in (telecine("endpoints", "list"), telecine("endpoints", "list", "--json")):
        assert secret not in str(listing)
        assert "abc" not in str(listing)

    assert "delivered: HTTP 200" in telecine("endpoints", "test", name)
    verified(server.at("/in?token=abc")[0], secret)
    server.script["/in?token=abc"] = [behave.reply(418, b"teapot")]
    assert "teapot" in telecine("endpoints", "test", name, code=1)

    life.completed()
    telecine("deliver", "--once")
    (dead,) = telecine("deliveries", "--status", "dead", "--json")
    assert (dead["last_status"], dead["attempts"]) == (418, 1)
    assert dead["event_id"] in telecine("deliveries", "--endpoint", name)
    server.script["/in?token=abc"] = [behave.reply(200)]
    assert telecine("events", "replay", "--since", "1h", "--dead", "--json") == {"events": 4, "deliveries": 1}
    new = telecine("endpoints", "rotate", name, "--json")["secret"]
    telecine("deliver", "--once")
    request = server.at("/in?token=abc")[-1]
    assert verified(request, new)["event_id"] == dead["event_id"]
    Webhook(secret).verify(request.body, request.headers)

    telecine("endpoints", "disable", name)
    assert "disabled" in telecine("endpoints", "list")
    telecine("endpoints", "enable", name)
    telecine("endpoints", "remove", name)
    assert telecine("endpoints", "list", "--json") == []
    with pytest.raises(ConfigurationError, match="no endpoint"):
        telecine("endpoints", "enable", name)


def test_events_are_read_page_by_page_with_the_cursor_behind_each(telecine: Telecine, life: Life) -> None:
    job_id = life.completed()
    lines = [json.loads(line) for line in telecine("events", "tail", "--after", "0-0", "--json").splitlines()]
    assert [line["event_type"] for line in lines] == ["job.started", "job.completed"]
    (rest,) = telecine("events", "tail", "--after", lines[0]["cursor"], "--json").splitlines()
    assert json.loads(rest) == lines[1]
    assert telecine("events", "tail", "--after", lines[1]["cursor"]) == ""
    recent = telecine("events", "tail", "--limit", "1")
    assert job_id in recent
    assert len(recent.splitlines()) == 1
    replayed = telecine("events", "replay", lines[1]["event_id"], "--json")
    assert replayed == {"events": 1, "deliveries": 0}, "nobody had it"


def test_what_can_not_be_is_refused(telecine: Telecine, monkeypatch: pytest.MonkeyPatch) -> None:
    telecine("endpoints", "add", "https://x.example/", "--event", "job", code=2)
    with pytest.raises(ConfigurationError, match="user or a password"):
        telecine("endpoints", "add", "https://me:pw@example.com/")
    monkeypatch.setenv("TELECINE_WEBHOOK_ALLOW_PRIVATE", "false")
    with pytest.raises(ConfigurationError, match="not a public address"):
        telecine("endpoints", "add", "https://10.0.0.1/")
    telecine("events", "replay", code=2)
    telecine("events", "replay", "evt_nobody", code=2)
    telecine("deliveries", "--status", "lost", code=2)
    with pytest.raises(ConfigurationError, match="no cursor"):
        telecine("events", "tail", "--after", "yesterday")


def test_the_doctor_says_how_webhooks_are(life: Life, server: Receiver, postgres_url: str) -> None:
    def finding() -> tuple[str, str]:
        (found,) = webhooks({"TELECINE_POSTGRES_URL": postgres_url})
        return found.verdict.value, found.found

    assert finding() == ("ok", "no endpoints")
    server.script["/in"] = [behave.reply(404)]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    verdict, text = finding()
    assert verdict == "note"
    assert "1 deliveries wait" in text
    assert "no process delivers" in text
    life.ledger.do(deliverers.beat, "deliver:here:1", [], 60.0)
    assert finding()[0] == "ok"
    life.deliver()
    verdict, text = finding()
    assert verdict == "note"
    assert "1 given up" in text


def test_a_time_or_a_span_back_from_now() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert parse_since("90m", now) == now - timedelta(minutes=90)
    assert parse_since("2d", now) == now - timedelta(days=2)
    assert parse_since("2026-11-22T08:00") == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert parse_since("2026-11-22T08:00+02:00").astimezone(UTC).hour == 6
    with pytest.raises(typer.BadParameter):
        parse_since("yesterday")
