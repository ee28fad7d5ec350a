"""Choosing ports, against real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecine.errors import ConfigurationError
from telecine.local.ports import DEFAULTS, HOST, WITH_GRPC, choose, taken


@pytest.fixture(autouse=True)
def _free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECINE_PORTS", "free")
    for service in DEFAULTS:
        monkeypatch.delenv(f"TELECINE_{service.upper()}_PORT", raising=False)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as s:
        s.bind((HOST, 0))
        s.listen()
        yield s


def test_every_service_gets_a_free_port_of_its_own(tmp_path: Path) -> None:
    chosen = choose(tmp_path / "ports.json")
    assert set(chosen) == set(DEFAULTS)
    needed = [p for name, port in chosen.items() for p in ((port, port + 10_000) if name in WITH_GRPC else (port,))]
    assert len(needed) == len(set(needed))
    assert not any(map(taken, needed))
    assert max(needed) < 32_768  # below the ephemeral range


def test_the_choice_is_remembered(tmp_path: Path) -> None:
    assert choose(tmp_path / "ports.json") == choose(tmp_path / "ports.json")


def test_a_remembered_port_that_was_taken_meanwhile_is_replaced_alone(tmp_path: Path, listener: socket.socket) -> None:
    first = choose(tmp_path / "ports.json")
    occupied = listener.getsockname()[1]
    (tmp_path / "ports.json").write_text(json.dumps({**first, "webserver": occupied}))
    second = choose(tmp_path / "ports.json")
    assert second["webserver"] != occupied
    assert {k: v for k, v in second.items() if k != "webserver"} == {k: v for k, v in first.items() if k != "webserver"}


def test_defaults_are_taken_when_they_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELECINE_PORTS")
    chosen = choose(tmp_path / "ports.json")
    for service, default in DEFAULTS.items():
        needed = (default, default + 10_000) if service in WITH_GRPC else (default,)
        if chosen[service] != default:
            assert any(map(taken, needed)), f"{service} left its default {default} though it is free"


def test_a_port_asked_for_is_used_or_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    free = choose(tmp_path / "first.json")["webserver"]
    monkeypatch.setenv("TELECINE_WEBSERVER_PORT", str(free))
    assert choose(tmp_path / "ports.json")["webserver"] == free
    monkeypatch.setenv("TELECINE_WEBSERVER_PORT", str(listener.getsockname()[1]))
    with pytest.raises(ConfigurationError, match="TELECINE_WEBSERVER_PORT"):
        choose(tmp_path / "ports.json")
