"""supervisord's configuration as a pure function of the parts (http://supervisord.org/configuration.html)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from telecine.local.layout import Layout
from telecine.local.parts import Part

_LOG_BYTES = "10MB"
_LOG_BACKUPS = 3
_RETRIES = 1_000_000  # never give up: each failed start waits a second longer than the last


def identifier(layout: Layout) -> str:
    """How this stack's supervisord answers when asked who it is."""
    return f"telecine-{layout.identity}"


def render(layout: Layout, parts: Iterable[Part], *, as_root: bool) -> str:
    """The configuration file's text. supervisord has to be started in the layout's home: paths below it are relative,
    so that they may hold characters (`%`, ` #`) that mean something in this file."""
    user = ["user=root"] if as_root else []  # said aloud, or supervisord warns at every start
    lines = [
        "[unix_http_server]",
        f"file={_path(layout, layout.supervisor_socket)}",
        "chmod=0700",
        "",
        "[supervisord]",
        f"identifier={identifier(layout)}",
        "logfile=logs/supervisord.log",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        f"pidfile={_path(layout, layout.runtime / 'supervisord.pid')}",
        "minfds=256",
        "minprocs=1",
        *user,
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for part in parts:
        lines += ["", *_program(layout, part)]
    return "\n".join(lines) + "\n"


def _program(layout: Layout, part: Part) -> list[str]:
    environment = ",".join(f'{name}="{value}"' for name, value in part.environment)
    return [
        f"[program:{part.name}]",
        f"command={_command(part.argv)}",
        f"directory={_path(layout, part.directory)}",
        *([f"environment={environment}"] if environment else []),
        f"priority={part.stage * 100}",
        "autostart=false",  # `up` starts stage after stage
        "autorestart=true",
        "startsecs=1",
        f"startretries={_RETRIES}",
        f"stopsignal={part.stop_signal}",
        f"stopasgroup={str(part.stop_group).lower()}",
        "killasgroup=true",
        f"stopwaitsecs={part.stop_wait_s}",
        "redirect_stderr=true",
        f"stdout_logfile=logs/{part.name}.log",
        f"stdout_logfile_maxbytes={_LOG_BYTES}",
        f"stdout_logfile_backups={_LOG_BACKUPS}",
    ]


def _command(argv: Iterable[str]) -> str:
    # supervisord splits like a shell, after the INI parser cut off what follows " #" or " ;" and expanded "%":
    # so "%" is doubled, and the quotes are closed and opened between the blank and the "#".
    return shlex.join(argv).replace("%", "%%").replace(" #", " ''#").replace(" ;", " '';")


def _path(layout: Layout, path: Path) -> str:
    return str(path.relative_to(layout.home) if path.is_relative_to(layout.home) else path)
