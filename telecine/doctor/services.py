"""What the services say: the stack's parts, database, object store, Dagster, gateway; external ones are asked alike."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

from telecine import local
from telecine.doctor.finding import Finding, Verdict
from telecine.local import engine
from telecine.settings import Settings

_PROBE_KEY = ".telecine-doctor"  # names that start with a dot match no bucket rule


def stack(status: local.Status) -> Iterator[Finding]:
    """The embedded stack's parts."""
    if not status.running:
        yield Finding("stack", Verdict.NOTE, f"not running in {status.home}", "`telecine up` starts it.")
        return
    for part in status.parts:
        if part.state == "RUNNING":
            yield Finding(part.name, Verdict.OK, f"running, process {part.pid}")
        else:
            remedy = f"`telecine logs {part.name}` shows why; `telecine up` tries again."
            yield Finding(part.name, Verdict.BROKEN, part.state.lower(), remedy)
    for name in status.external:
        yield Finding(name, Verdict.OK, "external, from the environment")


def database(known: Mapping[str, str]) -> Iterator[Finding]:
    """PostgreSQL answers, and the ledger's schema is there."""
    from sqlalchemy import create_engine, text

    from telecine.ledger.migrate import current_revision

    url = known["TELECINE_POSTGRES_URL"]
    connecting = create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with connecting.connect() as connection:
            version = connection.execute(text("SHOW server_version")).scalar_one()
            path = connection.execute(text("SELECT current_schema()")).scalar_one()
    finally:
        connecting.dispose()
    yield Finding("database", Verdict.OK, f"PostgreSQL {version}")
    if path == "telecine":
        # Dagster would keep its tables, and its version table, in the ledger's schema.
        remedy = "Connect as a user that isn't called telecine, or `ALTER ROLE telecine SET search_path = public`."
        yield Finding("search path", Verdict.BROKEN, "the user's own schema is the ledger's", remedy)
    revision = current_revision(url)
    if revision is None:
        yield Finding("ledger", Verdict.BROKEN, "no tables yet", "`telecine up` creates them.")
    else:
        yield Finding("ledger", Verdict.OK, f"schema revision {revision}")


def webhooks(known: Mapping[str, str]) -> Iterator[Finding]:
    """Whether webhooks are delivered."""
    from telecine.ledger import Ledger, endpoints

    ledger = Ledger(known["TELECINE_POSTGRES_URL"])
    try:
        found = ledger.do(endpoints.counts)
    finally:
        ledger.close()
    if not found.endpoints:
        yield Finding("webhooks", Verdict.OK, "no endpoints")
        return
    text = f"{found.endpoints} endpoint(s), {found.pending} deliveries wait, {found.dead} given up within a day"
    if not found.deliverers:
        remedy = "`telecine up` runs `telecine deliver`; until then a sensor delivers, more slowly."
        yield Finding("webhooks", Verdict.NOTE, f"{text}; no process delivers", remedy)
    elif found.disabled or found.failing or found.dead:
        off = f"{text}; {found.disabled} disabled, {found.failing} failing"
        remedy = "`telecine endpoints list` and `telecine deliveries --status dead` say why."
        yield Finding("webhooks", Verdict.NOTE, off, remedy)
    else:
        yield Finding("webhooks", Verdict.OK, text)


def store(known: Mapping[str, str]) -> Iterator[Finding]:
    """The object store answers, takes and gives an object, and keeps the input bucket private."""
    from telecine.storage.s3 import ObjectStore

    settings = Settings(
        **{name.removeprefix("TELECINE_").lower(): v for name, v in known.items() if name.startswith("TELECINE_")}  # type: ignore[arg-type]
    )
    client = ObjectStore.from_settings(settings)
    for bucket in (settings.input_bucket, settings.output_bucket):
        client.write(bucket, _PROBE_KEY, b"ok", mime="text/plain")
        try:
            same = client.read(bucket, _PROBE_KEY) == b"ok"
            public = _anybody_reads(f"{settings.s3_url}/{bucket}/{_PROBE_KEY}")
        finally:
            client.remove(bucket, _PROBE_KEY)
        if not same:
            yield Finding(bucket, Verdict.BROKEN, "gives back something else than it took", "Check the store's disk.")
        elif public and bucket == settings.input_bucket:
            yield Finding(bucket, Verdict.BROKEN, "readable by anybody", "Remove the bucket's anonymous read policy.")
        elif not public and bucket == settings.output_bucket:
            remedy = "Players need an anonymous s3:GetObject policy, or a CDN named in TELECINE_PUBLIC_URL."
            yield Finding(bucket, Verdict.NOTE, "works, not readable without a key", remedy)
        else:
            yield Finding(bucket, Verdict.OK, "works" + (", objects readable by anybody" if public else ", private"))


def dagster(url: str) -> Iterator[Finding]:
    """The webserver answers, the definitions are loaded, the daemons beat."""
    health = engine.health(url)
    if health is None:
        yield Finding("Dagster", Verdict.BROKEN, f"{url} does not answer", "`telecine logs webserver` shows why.")
        return
    if not health.loaded:
        reason = (health.error or "the code server does not answer").strip().splitlines()[0]
        yield Finding("definitions", Verdict.BROKEN, reason, "`telecine logs code-server` shows all of it.")
    else:
        yield Finding("Dagster", Verdict.OK, url)
    silent = [name.lower() for name, healthy in health.daemons.items() if not healthy]
    if silent:
        remedy = "Right after a start wait half a minute; then `telecine logs daemon`."
        yield Finding("daemons", Verdict.NOTE, f"no heartbeat: {', '.join(silent)}", remedy)
    else:
        yield Finding("daemons", Verdict.OK, f"{len(health.daemons)} beat")


def gateway(url: str) -> Finding:
    """The gateway answers."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5):
            return Finding("player page", Verdict.OK, f"{url}/watch")
    except OSError as e:
        remedy = "`telecine logs gateway` shows why; `telecine up` tries again."
        return Finding("player page", Verdict.BROKEN, f"{url} does not answer: {e}", remedy)


def _anybody_reads(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
