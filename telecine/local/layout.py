"""Where the embedded stack keeps things, and the decision where PostgreSQL's part has to live.

Everything is below the home (`telecine.settings.home()`), with two exceptions that are decided once and recorded in
`places.json`, so that `telecine clean` can forget them:

- Unix socket paths are at most 107 bytes (unix(7), sun_path), so deep homes get a short runtime directory in /tmp.
- PostgreSQL refuses to run as root. Started by root it runs as another user, who may not be able to enter the home;
  then its data (and a copy of its binaries, see `telecine.local.postgres`) live below /var/lib/telecine.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode
from telecine.local.credentials import write_private

POSTGRES_UID = 65534
"""User and group PostgreSQL runs as when root starts it: "nobody", there on every Linux, owner of nothing."""

SYSTEM_PLACE = Path("/var/lib/telecine")
_SOCKET_PATH_MAX = 107
_LONGEST_SOCKET_NAME = "supervisor.sock.12345678"  # supervisord binds <name>.<pid> first, then renames


@dataclass(frozen=True, slots=True)
class Layout:
    """The directories of one stack.

    Attributes:
        identity: random name made with the home, to tell this stack's system place from others'.
        home: state directory.
        runtime: short directory for our own Unix sockets, mode 0700.
        postgres: directory that holds PostgreSQL's `data` (and `socket`, and `pgsql-*` copies, when root starts it).
        postgres_socket: directory of PostgreSQL's Unix socket, mode 0700.
    """

    identity: str
    home: Path
    runtime: Path
    postgres: Path
    postgres_socket: Path

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.home / "logs"

    @property
    def objects(self) -> Path:
        """The object store's data."""
        return self.home / "objects"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: dagster.yaml, compute logs, artifacts."""
        return self.home / "dagster"

    @property
    def scratch(self) -> Path:
        """Working files of jobs."""
        return self.home / "scratch"

    @property
    def postgres_data(self) -> Path:
        """PGDATA."""
        return self.postgres / "data"

    @property
    def environment_file(self) -> Path:
        """What `environment()` answers; holds keys, so mode 0600."""
        return self.home / "environment.json"

    @property
    def supervisor_socket(self) -> Path:
        """supervisord's control socket."""
        return self.runtime / "supervisor.sock"


def postgres_user(layout: Layout) -> int | None:
    """User id PostgreSQL has to run as; None when that is simply our own."""
    if os.geteuid() != 0:
        return None
    owner = layout.postgres_data.stat().st_uid if layout.postgres_data.exists() else POSTGRES_UID
    return owner or POSTGRES_UID


def recorded(home: Path) -> Layout | None:
    """The layout of a stack that was started here before, or None."""
    places = home / "places.json"
    if not places.exists():
        return None
    fields = json.loads(places.read_text())
    layout = Layout(fields.pop("identity"), **{name: Path(value) for name, value in fields.items()})
    return layout if layout.home == home else None  # a moved home settles anew


def make_home(home: Path) -> None:
    """Create the home when it isn't there.

    Raises:
        ConfigurationError: it belongs to another user or can't be made.
    """
    root = os.geteuid() == 0
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o755 if root else 0o700)
    except OSError as e:
        raise ConfigurationError(ErrorCode.STACK_FAILED, f"{home} can't be made: {e.strerror}.") from e
    if not root and home.stat().st_uid != os.geteuid():
        raise ConfigurationError(
            ErrorCode.STACK_FAILED,
            f"{home} belongs to another user; run as that user, or set TELECINE_HOME to a directory of your own.",
        )


def settle(home: Path) -> Layout:
    """Decide on, create and record the directories below an existing home; the same answer at every start.

    To be called under the stack's lock: two first starts at once would decide twice.
    """
    layout = recorded(home) or _decide(home)
    private = (layout.runtime, layout.logs, layout.objects, layout.dagster_home, layout.scratch)
    for directory in private:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = postgres_user(layout)
    layout.postgres.mkdir(mode=0o755, parents=True, exist_ok=True)
    if layout.postgres_socket != layout.runtime:
        layout.postgres_socket.mkdir(mode=0o700, exist_ok=True)
        if owner is not None:
            os.chown(layout.postgres_socket, owner, owner)
    return layout


def forget(layout: Layout) -> None:
    """Remove everything of a stopped stack, also outside its home."""
    for directory in (layout.runtime, layout.postgres, layout.home):
        if directory.exists():
            shutil.rmtree(directory)


def reaches(uid: int, check: str, path: Path) -> bool:
    """Whether that user passes `test <check> <path>`, found out by trying, as parents and ACLs all have a say."""
    argv = ["/bin/sh", "-c", 'test "$1" "$2"', "sh", check, str(path)]
    return subprocess.run(argv, user=uid, group=uid, extra_groups=[], cwd="/", check=False).returncode == 0


def _decide(home: Path) -> Layout:
    places = home / "places.json"
    identity = json.loads(places.read_text())["identity"] if places.exists() else secrets.token_hex(6)
    runtime = home / "run"
    if not _fits_sockets(runtime):
        runtime = _short_runtime(home)
    if os.geteuid() != 0:
        layout = Layout(identity, home, runtime, home / "postgres", runtime)
    else:
        postgres = home / "postgres"
        postgres.mkdir(mode=0o755, exist_ok=True)
        if not reaches(POSTGRES_UID, "-x", postgres) or not _fits_sockets(postgres / "socket"):
            postgres.rmdir()
            postgres = _system_place(home, identity)
        layout = Layout(identity, home, runtime, postgres, postgres / "socket")
    write_private(places, json.dumps({name: str(value) for name, value in asdict(layout).items()}))
    return layout


def _fits_sockets(directory: Path) -> bool:
    return len(os.fsencode(directory / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_MAX


def _short_runtime(home: Path) -> Path:
    name = f"telecine-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    directory = Path(tempfile.gettempdir()) / name
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        found = directory.lstat()
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) != 0o700:
            # /tmp is everybody's: never use a directory that somebody else prepared for us.
            return Path(tempfile.mkdtemp(prefix="telecine-"))
    return directory


def _system_place(home: Path, identity: str) -> Path:
    """/var/lib/telecine/<identity>, with the home's path in it; places of homes that are gone are removed."""
    SYSTEM_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    for other in SYSTEM_PLACE.iterdir():
        owner = other / "home"
        if owner.exists() and owner.read_text() == str(home) and other.name != identity:
            shutil.rmtree(other)  # its home was deleted by hand and is being made anew
    place = SYSTEM_PLACE / identity
    place.mkdir(mode=0o755, exist_ok=True)
    (place / "home").write_text(str(home))
    return place
