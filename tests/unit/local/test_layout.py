"""Where things live, decided on a real file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from telecine.local.credentials import credentials
from telecine.local.layout import Layout, forget, make_home, recorded
from telecine.local.layout import settle as settle_below

SOCKET_PATH_MAX = 107  # unix(7)


def settle(home: Path) -> Layout:
    make_home(home)
    return settle_below(home)


def test_the_decision_is_the_same_at_every_start(tmp_path: Path) -> None:
    first = settle(tmp_path / "home")
    try:
        assert settle(tmp_path / "home") == first == recorded(tmp_path / "home")
    finally:
        forget(first)


def test_a_home_that_is_too_deep_for_sockets_gets_a_short_private_directory(tmp_path: Path) -> None:
    layout = settle(tmp_path / ("deep" * 20) / ("deeper" * 10))
    try:
        assert len(os.fsencode(layout.supervisor_socket)) <= SOCKET_PATH_MAX
        assert len(os.fsencode(layout.postgres_socket / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX
        found = layout.runtime.stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == os.geteuid()
    finally:
        forget(layout)
    assert not layout.runtime.exists()


def test_a_short_directory_that_somebody_prepared_for_us_is_not_used(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 20) / ("deeper" * 10)
    first = settle(home)
    forget(first)
    trap = tmp_path / "trap"
    trap.mkdir()
    first.runtime.symlink_to(trap)
    try:
        second = settle(home)
        assert second.runtime != first.runtime
        assert not second.runtime.is_symlink()
        forget(second)
    finally:
        first.runtime.unlink()


def test_a_home_that_moved_settles_anew_and_keeps_its_identity(tmp_path: Path) -> None:
    before = settle(tmp_path / "here")
    moved = before.home.rename(tmp_path / "there")
    try:
        assert recorded(moved) is None
        after = settle(moved)
        assert after.identity == before.identity
        assert after.home == moved
        forget(after)
    finally:
        forget(before)


def test_nothing_was_ever_started_here(tmp_path: Path) -> None:
    assert recorded(tmp_path / "home") is None


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    made = credentials(path)
    assert credentials(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.secret_key not in repr(made)
    assert credentials(tmp_path / "other.json") != made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_as_root_the_database_moves_out_of_a_directory_that_only_root_may_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    layout = settle(tmp_path / "home")
    try:
        assert not layout.postgres.is_relative_to(tmp_path)
        assert layout.postgres_socket.stat().st_uid not in (0, os.geteuid())
    finally:
        forget(layout)
    assert not layout.postgres.exists()
