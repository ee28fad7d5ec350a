"""Delivery to a receiver that misbehaves in every way: what arrives, what is tried again, what is given up."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from standardwebhooks import Webhook

from telecine.errors import ConfigurationError
from telecine.ledger import deliverers, deliveries, delivery_log, endpoints, events
from telecine.webhooks.deliver import Deliverer, deliver_test
from telecine.webhooks.listen import Listener
from telecine.webhooks.settings import WebhookSettings
from tests.integration.webhooks import receiver as behave
from tests.integration.webhooks.conftest import OUTPUTS, RULES, Life
from tests.integration.webhooks.receiver import Received, Receiver, receiver

pytestmark = pytest.mark.integration


def plain_verify(request: Received, secret: str) -> dict[str, Any]:
    """The ten-line verifier of docs/webhooks.md: plain HMAC, nothing older than 300 s."""
    expected = "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, request.headers["x-webhook-signature"])
    event: dict[str, Any] = json.loads(request.body)
    sent = datetime.strptime(event["event_timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - sent).total_seconds()) < 300
    return event


def verified(request: Received, secret: str) -> dict[str, Any]:
    """Hold a request against both signatures; answers its event."""
    event = plain_verify(request, secret)
    assert Webhook(secret).verify(request.body, request.headers) == event
    assert request.headers["webhook-id"] == event["event_id"]
    assert request.headers["x-event-type"] == event["event_type"]
    assert len(request.body) < 20_000
    return event


def test_every_event_of_every_kind_arrives_in_order_and_verifies(life: Life, server: Receiver) -> None:
    secret = life.secrets[life.endpoint(server.url("/in"))]
    done, retried = life.one_of_each()
    life.deliver()
    got = [verified(request, secret) for request in server.at("/in")]
    assert {event["event_type"] for event in got} == set(events.EVENT_TYPES)
    for job_id in (done, retried):
        numbers = [event["sequence"] for event in got if event["job"] and event["job"]["job_id"] == job_id]
        assert numbers == sorted(numbers), "first attempts keep a job's order"
        assert len(numbers) == len(set(numbers))
    completed = next(e for e in got if e["event_type"] == "job.completed")
    assert completed["payload"]["output_files"][0]["url"] == f"{OUTPUTS}/p/g1/thumbnails/thumbnail.jpg"
    assert completed["payload"]["source"]["key"] == "a/Größe ✓.jpg"
    batch = next(e for e in got if e["event_type"] == "batch.completed")
    assert completed["job"]["batch_id"] == batch["batch"]["batch_id"]
    assert len({event["event_id"] for event in got}) == len(got)
    assert set(life.statuses()) == {"DELIVERED"}


def test_a_delivery_that_succeeds_on_its_sixth_try_keeps_its_id_and_is_fresh_each_time(
    life: Life, server: Receiver
) -> None:
    server.script["/in"] = [*[behave.reply(500)] * 5, behave.reply(200)]
    secret = life.secrets[life.endpoint(server.url("/in"), event_types=["job.completed"])]
    life.completed()
    waits = []
    for _ in range(6):
        life.deliver()
        (row,) = life.deliveries()
        waits.append((row.next_attempt_at - row.last_attempt_at).total_seconds())
        life.later()
        time.sleep(0.01)
    assert [60 * 2**n <= wait <= 75 * 2**n + 1 for n, wait in enumerate(waits[:5])] == [True] * 5, waits
    got = [verified(request, secret) for request in server.at("/in")]
    assert len(got) == 6
    assert len({event["event_id"] for event in got}) == 1
    stamps = [event["event_timestamp"] for event in got]
    assert stamps == sorted(set(stamps)), "the time of each attempt"
    assert len({event["occurred_at"] for event in got}) == 1
    assert (row.status, row.attempts, row.last_status) == ("DELIVERED", 6, 200)


FAILING = {
    "hang": (behave.hang(5), "no answer within 1 s"),
    "closes early": (behave.close_early(), "RemoteProtocolError"),
    "half a header": (behave.half_a_header(), "RemoteProtocolError"),
    "drips its header": (behave.drip_header(), "no answer within 1 s"),
    "garbage": (behave.garbage(), "RemoteProtocolError"),
    "503": (behave.reply(503, b"busy"), "HTTP 503"),
    "redirect": (behave.reply(302, Location="http://169.254.169.254/"), "redirects are not followed"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_bad_answer_is_tried_again(life: Life, server: Receiver, how: str) -> None:
    behaviour, reason = FAILING[how]
    server.script["/in"] = [behaviour, behave.reply(204, b"")]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    assert life.deliver() == 0
    (row,) = life.deliveries()
    assert (row.status, row.attempts) == ("PENDING", 1)
    assert reason in row.last_error
    assert len(server.requests) == 1, "nothing followed a redirect"
    life.later()
    assert life.deliver() == 1


@pytest.mark.parametrize(
    "behaviour", [behave.huge_body(), behave.drip_body(), behave.slow(0.5)], ids=["huge body", "drips", "slow"]
)
def test_a_good_status_counts_whatever_comes_after_it_and_a_kilobyte_is_kept(
    life: Life, server: Receiver, behaviour: behave.Behaviour
) -> None:
    server.script["/in"] = [behaviour]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    began = time.monotonic()
    assert life.deliver() == 1
    assert time.monotonic() - began < 5
    (row,) = life.deliveries()
    assert len((row.response or "").encode()) <= 1024


def test_a_wrong_port_is_tried_again_and_the_error_names_no_path(life: Life) -> None:
    life.endpoint("http://127.0.0.1:1/private/path?token=abc", event_types=["job.completed"])
    life.completed()
    life.deliver()
    (row,) = life.deliveries()
    assert row.status == "PENDING"
    assert "ConnectError" in row.last_error
    assert "private" not in row.last_error


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_event_is_dead_and_can_be_replayed_with_the_same_id(
    life: Life, server: Receiver, status: int
) -> None:
    server.script["/in"] = [behave.reply(status, b"\x00\xffno"), behave.reply(200)]
    endpoint = life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    life.deliver()
    (row,) = life.deliveries(status=deliveries.DeliveryStatus.DEAD)
    assert (row.last_status, row.response) == (status, "\ufffd\ufffdno")
    serials = life.ledger.do(events.serials, event_ids=[row.event_id])
    assert life.ledger.do(delivery_log.replay, serials, dead_only=True) == 1
    assert life.ledger.do(delivery_log.replay, serials, dead_only=True) == 0, "it is due already"
    life.deliver()
    assert life.statuses(endpoint_id=endpoint) == ["DEAD", "DELIVERED"]
    first, second = server.at("/in")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_429_pauses_the_whole_endpoint_as_long_as_it_asks(life: Life, server: Receiver) -> None:
    server.script["/in"] = [behave.reply(429, Retry_After="40"), behave.reply(200)]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    for _ in range(3):
        life.completed()
    rules = RULES.model_copy(update={"parallel": 1})
    assert life.deliver(rules) == 0
    assert len(server.requests) == 1, "the others wait, too"
    (endpoint,) = life.ledger.do(endpoints.listed)
    assert endpoint.health == "paused"
    row = next(row for row in life.deliveries() if row.attempts)
    assert (row.status, row.failures) == ("PENDING", 0)
    assert 39 < (row.next_attempt_at - row.last_attempt_at).total_seconds() < 51
    life.later()
    assert life.deliver(rules) == 3


def test_410_switches_the_endpoint_off_and_enabling_it_delivers_what_waited(life: Life, server: Receiver) -> None:
    server.script["/in"] = [behave.reply(410), behave.reply(200)]
    name = life.endpoint(server.url("/in"), event_types=["job.completed"])
    for _ in range(3):
        life.completed()
    life.deliver(RULES.model_copy(update={"parallel": 1}))
    (endpoint,) = life.ledger.do(endpoints.listed)
    assert (endpoint.health, endpoint.enabled, endpoint.pending) == ("disabled", False, 2)
    life.completed()
    assert len(life.deliveries()) == 3, "what happens meanwhile isn't for it"
    life.ledger.do(endpoints.enable, name)
    assert life.deliver() == 2
    serials = life.ledger.do(events.serials, since=datetime(2020, 1, 1, tzinfo=UTC), types=["job.completed"])
    assert life.ledger.do(delivery_log.replay, serials, name) == 4
    assert life.deliver() == 4


def test_ten_failures_open_the_breaker_one_probe_goes_through_and_a_success_closes_it(
    life: Life, server: Receiver
) -> None:
    server.script["/in"] = [*[behave.reply(500)] * 11, behave.reply(200)]
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    for _ in range(30):
        life.completed()
    rules = RULES.model_copy(update={"parallel": 1})
    for _ in range(12):
        life.later()
        life.deliver(rules)
    assert len(server.requests) == 10, "then nobody knocks"
    (endpoint,) = life.ledger.do(endpoints.listed)
    assert (endpoint.health, endpoint.failures) == ("open", 10)
    assert endpoint.open_until is not None
    life.sql("UPDATE telecine.endpoints SET open_until = now() - interval '1 s'")
    life.later()
    life.deliver(RULES)
    assert len(server.requests) == 11, "one probe, whatever is due"
    life.sql("UPDATE telecine.endpoints SET open_until = now() - interval '1 s'")
    life.later()
    assert life.deliver(RULES) >= 1
    life.later()
    life.deliver(RULES)
    assert set(life.statuses()) == {"DELIVERED"}
    assert life.ledger.do(endpoints.listed)[0].health == "ok"


def test_one_success_in_between_keeps_the_breaker_closed(life: Life, server: Receiver) -> None:
    server.script["/in"] = [behave.reply(500), behave.reply(500), behave.reply(200)] * 12
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    for _ in range(12):
        life.completed()
    rules = RULES.model_copy(update={"parallel": 1})
    for _ in range(36):
        life.later()
        life.deliver(rules)
        if set(life.statuses()) == {"DELIVERED"}:
            break
    assert set(life.statuses()) == {"DELIVERED"}


def test_the_rate_of_an_endpoint_is_kept(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"], rate_per_s=10)
    for _ in range(30):
        life.completed()
    began = time.monotonic()
    delivered = 0
    while delivered < 30:
        delivered += life.deliver()
        time.sleep(0.02)
        assert time.monotonic() - began < 20
    assert time.monotonic() - began > 1.8, "10 at once, the other 20 in two seconds"


def test_hanging_endpoints_do_not_hold_up_a_quick_one(life: Life, server: Receiver) -> None:
    for number in range(6):
        server.script[f"/hang/{number}"] = [behave.hang(1.2)]
        life.endpoint(server.url(f"/hang/{number}"), event_types=["job.completed"])
    quick = life.endpoint(server.url("/quick"), event_types=["job.completed"])
    for _ in range(2):
        life.completed()
    turn = threading.Thread(target=life.deliver, args=[RULES.model_copy(update={"parallel": 8})])
    turn.start()
    began = time.monotonic()
    while len(server.at("/quick")) < 2:
        assert time.monotonic() - began < 60
        time.sleep(0.01)
    hung = sum(len(server.at(f"/hang/{number}")) for number in range(6))
    print(f"the quick one had both after {time.monotonic() - began:.2f} s, {hung} attempts hung meanwhile")
    turn.join()
    assert hung <= 8, "two rounds at most of the four slots that slow ones may use"
    assert set(life.statuses(endpoint_id=quick)) == {"DELIVERED"}


def test_progress_that_fails_is_dropped_and_what_is_overtaken_is_not_sent(life: Life, server: Receiver) -> None:
    server.script["/in"] = [behave.reply(200), behave.reply(500), behave.reply(200)]
    life.endpoint(server.url("/in"))
    job_id = life.accepted()
    life.begun(job_id)
    life.reported(job_id, 30)
    life.deliver()
    assert life.statuses() == ["DELIVERED", "DROPPED"]
    life.reported(job_id, 55, 80)
    life.sql("UPDATE telecine.deliveries SET created_at = now() - interval '20 s' WHERE status = 'PENDING'")
    life.published(job_id)
    life.deliver()
    kinds = [json.loads(request.body)["event_type"] for request in server.at("/in")]
    assert kinds == ["job.started", "job.progress", "job.completed"]


def test_a_retry_of_one_event_does_not_hold_back_the_next(life: Life, server: Receiver) -> None:
    server.script["/in"] = [behave.reply(500), behave.reply(200)]
    life.endpoint(server.url("/in"), event_types=["job.started", "job.completed"])
    life.completed()
    life.deliver()
    assert life.statuses() == ["PENDING", "DELIVERED"]


def test_filters_by_type_recipe_prefix_and_progress_step(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/fine"), event_types=["job.progress"], progress_step=10)
    life.endpoint(server.url("/usual"), event_types=["job.progress"])
    life.endpoint(server.url("/press"), event_types=["job.completed"], prefix="press/")
    life.endpoint(server.url("/recipe"), event_types=["job.completed"], recipes=["default"])
    life.endpoint(server.url("/other"), recipes=["web_optimized"])
    job_id = life.accepted("press/a_1.jpg")
    life.begun(job_id)
    life.reported(job_id, 11, 14, 21, 26, 41, 51)
    life.published(job_id)
    life.completed("pressure/b.jpg")
    life.deliver()
    steps = {
        path: [json.loads(r.body)["job"]["progress_percentage"] for r in server.at(path)]
        for path in ("/fine", "/usual")
    }
    assert steps == {"/fine": [11, 21, 41, 51], "/usual": [26, 51]}
    assert len(server.at("/press")) == 1
    assert len(server.at("/recipe")) == 2
    assert server.at("/other") == []


def test_an_address_given_with_a_job_hears_of_that_job_only_signed_with_the_jobs_secret(
    life: Life, server: Receiver
) -> None:
    given = server.url("/given")
    job_id = life.completed(webhook_url=given)
    life.completed()
    life.deliver()
    got = server.at("/given")
    secret = life.ledger.do(endpoints.rotate, endpoints.JOBS, 60.0)
    assert [json.loads(r.body)["job"]["job_id"] for r in got] == [job_id] * 2
    life.completed(webhook_url=given)
    life.deliver()
    verified(server.at("/given")[-1], secret)
    assert len(life.ledger.do(endpoints.listed, job_urls=True)) == 2, "one row for the address, one for the secret"
    life.ledger.do(endpoints.disable, endpoints.JOBS, "no more of these")
    before = len(life.deliveries())
    life.completed(webhook_url=given)
    assert len(life.deliveries()) == before


def test_an_address_that_is_registered_too_hears_everything_once(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed(webhook_url=server.url("/in"))
    life.deliver()
    got = [verified(request, life.secrets[name]) for request in server.at("/in")]
    assert [event["event_type"] for event in got] == ["job.started", "job.completed"]


def test_while_a_secret_is_exchanged_both_verify_and_afterwards_only_the_new_one(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"), event_types=["job.completed"])
    old, new = life.secrets[name], life.ledger.do(endpoints.rotate, name, 3_600.0)
    life.completed()
    life.deliver()
    request = server.at("/in")[-1]
    for secret in (old, new):
        Webhook(secret).verify(request.body, request.headers)
    verified(request, new)
    life.sql("UPDATE telecine.endpoint_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    life.completed()
    life.deliver()
    request = server.at("/in")[-1]
    assert "x-webhook-signature-previous" not in request.headers
    assert " " not in request.headers["webhook-signature"]
    verified(request, new)


def test_a_third_rotation_leaves_two_live_secrets(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"))
    second, third = (life.ledger.do(endpoints.rotate, name, 3_600.0) for _ in range(2))
    assert life.ledger.do(endpoints.live_secrets, [name]) == {name: [third, second]}


def test_a_test_event_goes_out_at_once_even_when_the_endpoint_is_off(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"))
    life.ledger.do(endpoints.disable, name, "for now")
    result = deliver_test(life.ledger, RULES, OUTPUTS, name)
    assert result.status == "DELIVERED"
    event = verified(server.at("/in")[0], life.secrets[name])
    assert (event["event_type"], event["job"]) == ("endpoint.test", None)
    server.script["/in"] = [behave.reply(500, b"why not")]
    result = deliver_test(life.ledger, RULES, OUTPUTS, name)
    assert (result.status, result.response) == ("DROPPED", "why not")
    with pytest.raises(ConfigurationError, match="no endpoint nobody"):
        deliver_test(life.ledger, RULES, OUTPUTS, "nobody")


def test_two_deliverers_share_the_work_and_nothing_goes_out_twice(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    for _ in range(60):
        life.completed()
    turns = [threading.Thread(target=life.deliver) for _ in range(3)]
    for turn in turns:
        turn.start()
    for turn in turns:
        turn.join()
    ids = [request.headers["webhook-id"] for request in server.at("/in")]
    assert len(ids) == len(set(ids)) == 60


def test_what_a_silent_process_had_leased_is_delivered_by_another(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    gone = Deliverer(life.ledger, RULES, OUTPUTS)
    life.ledger.do(deliverers.beat, gone.name, [], 60.0)
    assert len(life.ledger.do(deliveries.lease, gone.name, RULES.limits, lambda names: dict.fromkeys(names, 9))) == 1
    assert life.deliver() == 0
    assert life.ledger.do(deliverers.beat, "deliver:other", [], 60.0) == 0, "it beat a moment ago"
    assert life.ledger.do(deliverers.is_any_alive)
    life.sql("UPDATE telecine.deliverers SET beat_at = now() - interval '1 minute'")
    assert not life.ledger.do(deliverers.is_any_alive)
    assert life.ledger.do(deliverers.beat, "deliver:other", [], 60.0) == 1
    assert life.deliver() == 1


def test_an_answer_that_comes_after_the_lease_was_lost_counts_only_when_it_is_good(
    life: Life, server: Receiver
) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    (leased,) = life.ledger.do(deliveries.lease, "deliver:a", RULES.limits, lambda names: dict.fromkeys(names, 9))

    def finished(status: str) -> None:
        result = deliveries.Result(
            leased.delivery_id,
            leased.endpoint_id,
            deliveries.DeliveryStatus(status),
            5,
            True,
            None,
            500,
            "e",
            None,
            0.1,
        )
        life.ledger.do(deliveries.finish, "deliver:b", [result], RULES.limits)

    finished("DEAD")
    assert life.statuses() == ["PENDING"]
    finished("DELIVERED")
    assert life.statuses() == ["DELIVERED"]


def test_a_name_that_leads_inside_is_refused_when_it_is_called(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/in", host="localhost"), event_types=["job.completed"])
    life.completed()
    strict = RULES.model_copy(update={"allow_private": False})
    assert life.deliver(strict) == 0
    (row,) = life.deliveries()
    assert "not a public address" in row.last_error
    assert server.connections == 0
    life.later()
    assert life.deliver() == 1


def test_removing_an_endpoint_forgets_it_and_events_stay(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"))
    life.completed()
    life.ledger.do(endpoints.remove, name)
    assert life.deliver() == 0
    assert life.deliveries() == []
    assert life.ledger.do(endpoints.live_secrets, [name]) == {}
    assert len(life.ledger.do(events.after, events.Cursor(), 10)) == 2
    with pytest.raises(ConfigurationError, match="no endpoint"):
        life.ledger.do(endpoints.remove, name)


def test_secrets_are_in_no_listing(life: Life, server: Receiver) -> None:
    name = life.endpoint(server.url("/in"), event_types=["job.completed"])
    life.completed()
    life.deliver()
    shown = repr(life.ledger.do(endpoints.listed)) + repr(life.deliveries()) + repr(server.requests)
    assert life.secrets[name] not in shown
    assert life.secrets[name].removeprefix("whsec_") not in shown


@pytest.mark.parametrize("how", ["other authority", "other name", "no TLS at all"])
def test_a_certificate_that_does_not_prove_the_name_is_refused_and_a_good_one_works(
    life: Life, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, how: str
) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("localhost").configure_cert(good)
    bad = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer, name = (theirs, "localhost") if how == "other authority" else (ours, "other.example")
    issuer.issue_cert(name).configure_cert(bad)
    strict = WebhookSettings(allow_private=True, timeout_s=2.0)
    with receiver(good) as fine, receiver(None if how == "no TLS at all" else bad) as wrong:
        life.endpoint(fine.url("/in", "localhost"), event_types=["job.completed"])
        bad_one = life.endpoint(wrong.url("/in", "localhost").replace("http:", "https:"), event_types=["job.completed"])
        life.completed()
        assert life.deliver(strict) == 1
        assert len(fine.requests) == 1
        assert wrong.requests == []
        (row,) = life.deliveries(endpoint_id=bad_one)
        assert row.status == "PENDING"
        assert "ConnectError" in row.last_error


def test_a_listener_is_woken_at_once_also_after_its_connection_was_cut(life: Life, server: Receiver) -> None:
    life.endpoint(server.url("/in"), event_types=["job.completed"])
    woken = threading.Event()
    listener = Listener(life.ledger, woken.set)
    listener.start()
    try:
        assert woken.wait(10), "it looks once when it begins to listen"
        for cut in (False, True):
            if cut:
                life.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
                woken.clear()
                assert woken.wait(10), "and when it listens again"
            woken.clear()
            began = time.monotonic()
            life.completed()
            assert woken.wait(10)
            print(f"woken within {time.monotonic() - began:.3f} s of a job's beginning")
        assert listener.is_alive()
    finally:
        listener.stop()
        listener.join(10)
    assert not listener.is_alive()


def test_names_that_can_not_be_looked_up_hold_up_nobody(
    life: Life, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def hanging(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).endswith(".example"):
            time.sleep(2.0)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    for number in range(12):
        life.endpoint(f"https://host-{number}.example/in", event_types=["job.completed"])
    quick = life.endpoint(server.url("/quick"), event_types=["job.completed"])
    life.completed()
    began, rules = time.monotonic(), RULES.model_copy(update={"timeout_s": 5.0})
    turn = threading.Thread(target=life.deliver, args=[rules])
    turn.start()
    while life.statuses(endpoint_id=quick) != ["DELIVERED"]:
        assert time.monotonic() - began < 20
        time.sleep(0.02)
    assert "PENDING" in life.statuses(), "the others are still being looked up"
    turn.join()
    reasons = {row.last_error for row in life.deliveries() if row.endpoint_id != quick}
    assert len(reasons) == 1
    assert "Temporary failure in name resolution" in reasons.pop()
