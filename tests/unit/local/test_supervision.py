"""The supervisord configuration, read back by supervisord's own parser."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from telecine.local.layout import Layout
from telecine.local.parts import Part, Stage, engine, services
from telecine.local.ports import DEFAULTS
from telecine.local.supervision import render


def layout_in(home: Path) -> Layout:
    return Layout("0123456789ab", home, home / "run", home / "postgres", home / "run")


def parsed(home: Path, parts: list[Part], monkeypatch: pytest.MonkeyPatch) -> ServerOptions:
    for directory in ("logs", "run", "objects", "dagster"):
        (home / directory).mkdir(parents=True)
    monkeypatch.chdir(home)  # as Supervisor.launch does
    configuration = home / "supervisord.conf"
    configuration.write_text(render(layout_in(home), parts, as_root=False))
    options = ServerOptions()
    options.realize(["-c", str(configuration)])
    return options


@pytest.mark.parametrize("name", ["plain", "with blanks", "100% # odd ; 'quoted' %(here)s", "ünïcode"])
def test_commands_and_paths_survive_any_name_of_the_home(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / name / "home"
    root = tmp_path / name
    layout = layout_in(home)
    parts = [
        *services(layout, DEFAULTS, weed=root / "bin" / "weed", postgres_bin=root / "bin"),
        *engine(layout, root, DEFAULTS, "media_assets.definitions"),
    ]
    options = parsed(home, parts, monkeypatch)
    found = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert set(found) == {"object-store", "postgres", "code-server", "daemon", "webserver", "deliver", "gateway"}
    for part in parts:
        assert tuple(shlex.split(found[part.name].command)) == part.argv
        assert Path(found[part.name].stdout_logfile).absolute() == home / "logs" / f"{part.name}.log"


def test_parts_restart_for_ever_and_services_stop_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        Part("engine", Stage.ENGINE, ("/bin/true",), directory=Path("/")),
        Part("service", Stage.SERVICE, ("/bin/true",), directory=Path("/"), environment=(("GOMEMLIMIT", "1MiB"),)),
    ]
    options = parsed(tmp_path / "home", parts, monkeypatch)
    found = {group.name: group for group in options.process_group_configs}
    assert found["service"].priority < found["engine"].priority
    service = found["service"].process_configs[0]
    assert service.environment["GOMEMLIMIT"] == "1MiB"
    assert service.autorestart is not False
    assert service.autostart is False
    assert service.startretries > 10_000
    assert service.stdout_logfile_maxbytes > 0
    assert service.stdout_logfile_backups > 0


def test_a_service_that_somebody_else_runs_is_no_part() -> None:
    layout = layout_in(Path("/srv/telecine"))
    assert services(layout, DEFAULTS, weed=None, postgres_bin=None) == []
    only = services(layout, DEFAULTS, weed=Path("/bin/weed"), postgres_bin=None)
    assert [part.name for part in only] == ["object-store"]


def test_the_object_store_is_closed_but_for_s3() -> None:
    [part] = services(layout_in(Path("/h")), DEFAULTS, weed=Path("/bin/weed"), postgres_bin=None)
    for flag in ("-disableHttp=true", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3.config=/h/s3.json"):
        assert flag in part.argv


def test_the_database_has_no_tcp_port() -> None:
    [part] = services(layout_in(Path("/h")), DEFAULTS, weed=None, postgres_bin=Path("/bin"))
    assert "listen_addresses=" in part.argv
    assert "unix_socket_permissions=0700" in part.argv
