"""README, CHANGELOG, CONTRIBUTING and docs/ claim only what the code does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from telecine.cli.app import app
from telecine.config import Config
from telecine.local.ports import DEFAULTS
from telecine.recipe import parse_recipe, preset_names
from telecine.settings import Settings
from telecine.webhooks.settings import WebhookSettings

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
SOURCES = [
    p for room in ("telecine", "sensors", "resources", "media_assets", "tests") for p in (ROOT / room).rglob("*.py")
]

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def code(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command there is, as words: ("jobs", "list")."""
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    for name, command in root.commands.items():
        yield (name,)
        for below in getattr(command, "commands", {}):
            yield (name, below)


def in_code(text: str) -> str:
    """What is written as code, one snippet a line: prose may say "telecine never imports"."""
    shell = "\n".join(code(text, "sh"))
    return shell + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)))


@documents
def test_every_command_that_is_named_exists(document: Path) -> None:
    known = set(commands())
    for line in in_code(document.read_text()).splitlines():
        if found := re.match(r"(?:\.venv/bin/)?telecine ([a-z-]+)(?: ([a-z|-]+))?", line.strip()):
            name, below = found.groups()
            assert (name,) in known, line
            if any(len(words) == 2 and words[0] == name for words in known):
                for word in (below or "").split("|"):
                    assert (name, word) in known, line


@documents
def test_every_option_that_is_named_exists(document: Path) -> None:
    root = typer.main.get_command(app)
    for line in in_code(document.read_text()).splitlines():
        if found := re.match(r"(?:\.venv/bin/)?telecine ([a-z-]+)(?: ([a-z-]+))?", line.strip()):
            command: object = root.commands[found.group(1)]  # type: ignore[attr-defined]
            command = getattr(command, "commands", {}).get(found.group(2), command)
            options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}  # type: ignore[attr-defined]
            for option in re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", line.partition("#")[0]):
                assert option in options, line


@documents
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"^(?:.*&& )?make ([a-z]+)", in_code(document.read_text()), re.MULTILINE)
    assert set(named) <= targets


@documents
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@documents
def test_every_variable_that_is_named_is_read_somewhere(document: Path) -> None:
    read = "\n".join(p.read_text() for p in SOURCES)
    settings = {f"TELECINE_{name.upper()}" for name in Settings.model_fields}
    settings |= {f"TELECINE_WEBHOOK_{name.upper()}" for name in WebhookSettings.model_fields}
    ports = {f"TELECINE_{service.upper()}_PORT" for service in DEFAULTS}
    for name in set(re.findall(r"TELECINE_[A-Z0-9_]*[A-Z0-9]", document.read_text())):
        assert name in settings | ports or name in read, name


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    for name in Settings.model_fields:
        assert f"`TELECINE_{name.upper()}`" in text
    for name in WebhookSettings.model_fields:
        assert f"`TELECINE_WEBHOOK_{name.upper()}`" in text


@documents
def test_every_recipe_and_rule_in_the_documents_is_valid(document: Path) -> None:
    text = document.read_text()
    for block in code(text, "yaml"):
        parse_recipe(yaml.safe_load(block), document.name)
    for block in code(text, "toml"):
        for rule in Config.model_validate(tomllib.loads(block)).rules:
            rule.load_recipe()


def test_the_presets_that_are_named_are_the_ones_there_are() -> None:
    for document in ("README.md", "docs/configuration.md"):
        line = next(
            x
            for x in re.split(r"\n\n", (ROOT / document).read_text())
            if "preset" in x.lower() and "archive_quality" in x
        )
        assert all(f"`{name}`" in line for name in preset_names()), document


def test_nothing_in_docs_is_large() -> None:
    for path in (ROOT / "docs").rglob("*"):
        assert path.is_dir() or path.stat().st_size <= 200_000, path
