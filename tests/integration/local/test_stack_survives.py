"""The embedded stack over killed parts, killed stacks, taken ports and hasty users."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest

from telecine import local
from telecine.local import engine, leftovers
from telecine.local.layout import SYSTEM_PLACE, recorded
from telecine.local.supervisor import Supervisor
from telecine.settings import Settings
from telecine.storage.s3 import ObjectStore

pytestmark = pytest.mark.integration

PARTS = ("object-store", "postgres", "code-server", "daemon", "webserver", "deliver", "gateway")


def eventually(holds: Callable[[], bool], what: str, patience_s: float = 90) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"gave up waiting: {what}"
        time.sleep(0.1)


def telecine(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from telecine.cli import main; main()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def supervisor(home: Path) -> Supervisor:
    layout = recorded(home)
    assert layout is not None
    return Supervisor(layout)


def store(known: dict[str, str]) -> ObjectStore:
    return ObjectStore(known["TELECINE_S3_ENDPOINT"], known["TELECINE_S3_ACCESS_KEY"], known["TELECINE_S3_SECRET_KEY"])


def remember(known: dict[str, str], text: str) -> None:
    """Put an object and a row."""
    store(known).write(known["TELECINE_INPUT_BUCKET"], f".kept/{text}", text.encode(), mime="text/plain")
    connection = psycopg2.connect(known["TELECINE_POSTGRES_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        cursor.execute("INSERT INTO kept VALUES (%s)", (text,))
    connection.close()


def remembered(known: dict[str, str], text: str) -> bool:
    found = store(known).read(known["TELECINE_INPUT_BUCKET"], f".kept/{text}")
    connection = psycopg2.connect(known["TELECINE_POSTGRES_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept WHERE text = %s", (text,))
        rows = cursor.fetchone()
    connection.close()
    return found == text.encode() and rows == (1,)


def answers(known: dict[str, str]) -> bool:
    health = engine.health(known["TELECINE_DAGSTER_URL"])
    return health is not None and health.loaded


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_comes_back_alone(stack: dict[str, str], part: str) -> None:
    watched = supervisor(Path(stack["TELECINE_HOME"]))
    before = watched.states()
    os.kill(before[part].pid or 0, signal.SIGKILL)
    eventually(
        lambda: (now := watched.states()[part]).state == "RUNNING" and now.pid != before[part].pid, f"{part} is back"
    )
    after = watched.states()
    assert {name for name in PARTS if after[name].pid != before[name].pid} == {part}
    eventually(lambda: answers(stack), "Dagster answers again")


def test_data_survives_a_killed_store_and_database(stack: dict[str, str]) -> None:
    text = uuid.uuid4().hex
    remember(stack, text)
    watched = supervisor(Path(stack["TELECINE_HOME"]))
    before = watched.states()
    for part in ("object-store", "postgres"):
        os.kill(before[part].pid or 0, signal.SIGKILL)

    def there() -> bool:
        with contextlib.suppress(Exception):
            return remembered(stack, text)
        return False

    eventually(there, "object and row are readable again")


def test_after_everything_was_killed_up_recovers_with_its_data(stack: dict[str, str]) -> None:
    home = Path(stack["TELECINE_HOME"])
    layout = recorded(home)
    assert layout is not None
    text = uuid.uuid4().hex
    remember(stack, text)
    for process in leftovers.find(layout):  # supervisord among them
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert not local.status().running
    again = local.up()
    assert again == stack  # same ports, same keys
    assert remembered(again, text)
    assert {part.state for part in local.status().parts} == {"RUNNING"}


@pytest.mark.skipif(not os.environ.get("TELECINE_LONG_TESTS"), reason="test_crashes kills everything, too: make chaos")
def test_parts_die_with_their_supervisor_and_up_starts_them_again(stack: dict[str, str]) -> None:
    home = Path(stack["TELECINE_HOME"])
    layout = recorded(home)
    assert layout is not None
    before = supervisor(home).states()
    text = uuid.uuid4().hex
    remember(stack, text)
    os.kill(int((layout.runtime / "supervisord.pid").read_text()), signal.SIGKILL)

    def gone(pid: int | None) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return True

    eventually(lambda: all(gone(part.pid) for part in before.values()), "parts follow their supervisor")
    assert remembered(local.up(), text)


def test_a_stale_pid_file_that_names_somebody_else_does_not_stop_postgres(stack: dict[str, str]) -> None:
    home = Path(stack["TELECINE_HOME"])
    layout = recorded(home)
    assert layout is not None
    local.down()
    pid_file = layout.postgres_data / "postmaster.pid"
    assert not pid_file.exists()
    # As after a power cut: the number now belongs to a program of the same user (ours, if we aren't root).
    owner = layout.postgres_data.stat()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    stranger = subprocess.Popen(["sleep", "600"], cwd="/", **as_owner)  # type: ignore[call-overload]
    try:
        pid_file.write_text(f"{stranger.pid}\n{layout.postgres_data}\n1700000000\n5432\n\n\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        pid_file.chmod(0o600)
        (layout.runtime / "supervisord.pid").write_text(str(stranger.pid))
        local.up()
        assert stranger.poll() is None  # nobody touched it
    finally:
        stranger.kill()
        stranger.wait()


def test_outputs_are_readable_by_anybody_and_nothing_else_is(stack: dict[str, str]) -> None:
    for bucket in (stack["TELECINE_INPUT_BUCKET"], stack["TELECINE_OUTPUT_BUCKET"]):
        store(stack).write(bucket, ".probe/x", b"x", mime="text/plain")
    base = stack["TELECINE_S3_ENDPOINT"]

    def fetch(path: str) -> int:
        request = urllib.request.Request(f"{base}/{path}", headers={"Origin": "http://anywhere.example"})
        try:
            with urllib.request.urlopen(request) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] in ("*", "http://anywhere.example")
                return int(answer.status)
        except urllib.error.HTTPError as e:
            return e.code

    assert fetch(f"{stack['TELECINE_OUTPUT_BUCKET']}/.probe/x") == 200
    assert fetch(f"{stack['TELECINE_INPUT_BUCKET']}/.probe/x") == 403
    assert fetch(stack["TELECINE_OUTPUT_BUCKET"]) == 403  # no listing
    assert fetch("") == 403


def test_everything_listens_on_this_machine_only(stack: dict[str, str]) -> None:
    layout = recorded(Path(stack["TELECINE_HOME"]))
    assert layout is not None
    listening = [
        connection.laddr.ip
        for process in leftovers.find(layout)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 5
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_clients_find_the_stack_through_the_environment_alone(stack: dict[str, str]) -> None:
    seen = Settings()  # type: ignore[call-arg]  # from the environment that the fixture set
    assert seen.s3_url == stack["TELECINE_S3_ENDPOINT"]
    assert seen.dagster_url == stack["TELECINE_DAGSTER_URL"]
    assert (Path(stack["TELECINE_HOME"]) / "environment.json").stat().st_mode & 0o777 == 0o600


def test_two_hasty_ups_at_once_make_one_stack_on_ports_that_are_free(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELECINE_PORTS")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # then somebody else has it, which is as good
            taken.bind(("127.0.0.1", 3000))
            taken.listen()
        both = [telecine("up"), telecine("up")]
        outcomes = [(process.communicate(), process.returncode) for process in both]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    known = local.environment()
    assert known["TELECINE_DAGSTER_URL"] != "http://127.0.0.1:3000"
    assert answers(known)
    layout = recorded(home)
    assert layout is not None
    names = [p.name() for p in leftovers.find(layout)]
    assert names.count("weed") == 1
    log = (layout.logs / "supervisord.log").read_text()
    assert log.count("supervisord started") == 1  # the second one found it running and left it alone
    listed = telecine("status", "--json")
    status = json.loads(listed.communicate()[0])
    assert status["healthy"], status
    assert listed.returncode == 0


def test_a_stack_works_in_a_directory_that_only_its_owner_may_enter(home: Path) -> None:
    home.parent.chmod(0o700)
    deep = home / "a directory with blanks #1 100% ;" / ("deep-" * 20)
    os.environ["TELECINE_HOME"] = str(deep)
    known = local.up(wait=False)
    text = uuid.uuid4().hex
    remember(known, text)
    layout = recorded(deep)
    assert layout is not None
    if os.geteuid() == 0:
        assert layout.postgres.is_relative_to(SYSTEM_PLACE)
    assert not layout.runtime.is_relative_to(deep)
    local.down()
    assert leftovers.find(layout) == []
    assert remembered(local.up(wait=False), text)
    assert local.clean()
    assert not layout.postgres.exists()
    assert not layout.runtime.exists()
    assert not deep.exists()
