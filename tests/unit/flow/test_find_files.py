"""Files, globs and folders given on a command line (telecine/submission.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from telecine.samples import photo
from telecine.submission import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("a.jpg", "b.png", "deep/c.webp", "deep/er/d e.jpg"):
        photo(1, (64, 48)).save(tmp_path / name)
    (tmp_path / ".hidden.jpg").write_bytes(b"x")
    (tmp_path / "half.jpg.part").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("nothing to see here, but enough of it to look at")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "a.en.vtt").write_text("WEBVTT\n")
    return tmp_path


def names(found: list[object]) -> list[str]:
    return [Path(s.given).name for s in found]  # type: ignore[attr-defined]


def test_folders_are_searched_to_the_bottom_without_captions_and_hidden_and_temporary_names(folder: Path) -> None:
    found = find_files([str(folder)])
    assert names(found) == ["a.jpg", "b.png", "c.webp", "d e.jpg", "empty.jpg", "notes.txt"]
    assert [s.kind for s in found] == ["image"] * 4 + [None, None]


def test_what_can_not_be_used_is_a_failed_submission_with_code_and_sentence(folder: Path) -> None:
    found = find_files([str(folder / n) for n in ("empty.jpg", "notes.txt", "missing.jpg", "no*such")])
    codes = [s.error[0] for s in found if s.error]
    assert codes == ["EMPTY_FILE", "UNSUPPORTED_MEDIA", "SOURCE_MISSING", "SOURCE_MISSING"]
    for submission in found:
        assert submission.is_over
        document = submission.as_json()
        assert document["status"] == "failed"
        assert document["outputs"] == []
        assert document["error"]["message"]


def test_globs_are_taken_in_order_and_keep_the_name_as_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert [s.given for s in find_files(["*.png", "**/*.webp", "a.jpg"])] == ["b.png", "deep/c.webp", "a.jpg"]


def test_the_same_file_given_twice_is_two_submissions(folder: Path) -> None:
    assert len(find_files([str(folder / "a.jpg")] * 2)) == 2


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    odd = folder / "photo [1].jpg"
    photo(2, (64, 48)).save(odd)
    (found,) = find_files([str(odd)])
    assert found.kind == "image"


def test_a_hidden_file_given_by_name_is_taken(folder: Path) -> None:
    photo(2, (64, 48)).save(folder / ".really.jpg")
    (found,) = find_files([str(folder / ".really.jpg")])
    assert found.kind == "image"


def test_names_that_are_not_utf8_do_not_stop_the_others(folder: Path) -> None:
    photo(2, (64, 48)).save(folder / os.fsdecode(b"caf\xe9.jpg"), "JPEG")
    assert "caf\udce9.jpg" in names(find_files([str(folder)]))


def test_a_link_that_leads_nowhere_and_a_pipe_are_left_out(folder: Path) -> None:
    (folder / "broken.jpg").symlink_to(folder / "gone.jpg")
    os.mkfifo(folder / "pipe.jpg")
    assert not {"broken.jpg", "pipe.jpg"} & set(names(find_files([str(folder)])))
