"""Commands that look at work where there is no stack, and requests that are refused before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.errors import ConfigurationError, TelecineError

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command where nothing was ever started."""
    monkeypatch.setenv("TELECINE_HOME", str(tmp_path / "home"))
    for name in ("TELECINE_POSTGRES_URL", "TELECINE_S3_ENDPOINT", "TELECINE_EMBEDDED"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    "command",
    [
        "jobs list",
        "jobs diagnose X",
        "batches list",
        "dead-letters list",
        "dead-letters replay --all",
        "queue",
        "workers",
    ],
)
def test_a_look_starts_nothing_and_says_how_to(run: Run, tmp_path: Path, command: str) -> None:
    done = run(*command.split())
    assert isinstance(done.exception, ConfigurationError)
    assert "telecine up" in done.exception.message
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--deadline", "soon"], "soon"),
        (["--max-time", "-3"], "-3"),
        (["--recipe", "no-such-preset"], "no-such-preset"),
        (["--priority", "now"], "now"),
        (["--lane", "fast"], "fast"),
        (["--metadata", "shop"], "shop"),
        (["--max-memory-mb", "1"], "128"),
        (["--webhook-url", "ftp://example.com/"], "WEBHOOK_REFUSED"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_submission_that_can_not_be_is_refused_by_name_before_anything_is_started(
    run: Run, tmp_path: Path, options: list[str], named: str
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("submit", str(tmp_path / "a.png"), *options)
    assert done.exit_code != 0
    assert named in (str(done.exception) if isinstance(done.exception, TelecineError) else done.stderr)
    assert not (tmp_path / "home").exists()


def test_a_folder_without_files_is_no_submission(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("submit", str(tmp_path / "empty"))
    assert done.exit_code == 3
    assert "No files found" in done.stderr


def commands(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words."""
    below = getattr(group, "commands", {})
    if not below:
        yield words, group
    for name, command in below.items():
        yield from commands(command, (*words, name))


COMMANDS = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_and_every_option_is_explained(words: tuple[str, ...], command: click.Command) -> None:
    assert command.help, words
    for parameter in command.params:
        assert getattr(parameter, "help", None), (words, parameter.name)
