"""What `telecine process` draws in a terminal while it waits, and the tables it ends with."""

from __future__ import annotations

import io
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from telecine.cli import app as _commands  # noqa: F401 - registers the commands, which import each other
from telecine.cli.follow import follow
from telecine.cli.process import show_outputs
from telecine.ledger import Job, JobStatus
from telecine.settings import Settings
from telecine.submission import Submission


def a_job(**values: Any) -> Job:
    empty: dict[str, Any] = {field.name: None for field in fields(Job)}
    return Job(**empty | {"status": JobStatus.PROCESSING, "progress": 45.0, **values})


def test_one_file_has_one_bar_with_what_is_done_and_what_is_left() -> None:
    waiting = Submission("clip.mov", Path("clip.mov"), job_id="1", kind="video")
    details = {"operation": "encoding", "total": 5, "fps": 31.5}
    job = a_job(stage="ENCODING", stage_details=details, eta_low_s=20.0, eta_high_s=31.0)
    working = replace(waiting, status=JobStatus.PROCESSING, stage="ENCODING", progress=45.0, job=job)
    done = replace(working, status=JobStatus.COMPLETED)
    states = iter([[waiting], [working], [done]])
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120, color_system=None)
    follow([waiting], lambda _: next(states), console)
    text = drawn.getvalue()
    assert "waiting for its turn" in text
    assert "encoding, 20 s to 31 s left, 5 outputs, 31.5 fps" in text
    assert "files" not in text


@pytest.mark.parametrize("home", [None, Path("results")])
def test_no_path_is_cut_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path | None
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "90")
    output: dict[str, Any] = {"asset": "video/renditions", "name": "720p", "width": 1280, "height": 720}
    output |= {"duration_s": 10.0, "bitrate_bps": 2_657_000, "size_bytes": 3_321_438, "total_bytes": None}
    output["url"] = "g1/renditions/720p.mp4"
    submission = Submission("clip.mov", Path("clip.mov"), partition="p" * 70, manifest={"outputs": [output]})
    settings = Settings.model_construct(output_bucket="out", s3_public_url="http://s3", s3_endpoint="http://s3")
    show_outputs([submission], settings, home)
    said = capsys.readouterr().out
    assert f"{home or 'http://s3/out'}/{'p' * 70}/" in said
    assert "g1/renditions/720p.mp4" in said
    assert "2,657" in said
