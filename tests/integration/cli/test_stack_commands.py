"""The stack's commands where there is no stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def telecine(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TELECINE_")}
    command = [sys.executable, "-c", "from telecine.cli import main; main()", *arguments]
    environment = {**clean, "TELECINE_HOME": str(home), "COLUMNS": "200", **more}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_help_does_not_wait_for_heavy_imports() -> None:
    code = "import sys, telecine.cli.app; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"dagster", "pandas", "PIL", "minio", "sqlalchemy", "pydantic", "httpx"}.intersection(loaded)


def test_status_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    done = telecine(tmp_path / "home", "status")
    assert done.returncode == 1
    assert "telecine up" in done.stdout
    assert not (tmp_path / "home").exists()


def test_status_as_json_is_one_document(tmp_path: Path) -> None:
    done = telecine(tmp_path / "home", "status", "--json")
    document = json.loads(done.stdout)
    assert (document["running"], document["healthy"], document["parts"]) == (False, False, [])
    assert done.returncode == 1


def test_an_expected_error_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    done = telecine(tmp_path / "home", "logs", "postgres")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "STACK_FAILED" in done.stderr
    assert "Traceback" not in done.stderr


def test_down_and_clean_of_nothing_are_harmless(tmp_path: Path) -> None:
    assert telecine(tmp_path / "home", "down").returncode == 0
    assert telecine(tmp_path / "home", "clean", "--yes").returncode == 0


def test_a_home_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = telecine(tmp_path / "file" / "home", "up")
    assert done.returncode == 1
    assert "can't be made" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_external_store_without_keys_is_refused_by_name(tmp_path: Path) -> None:
    done = telecine(
        tmp_path / "home", "up", TELECINE_S3_ENDPOINT="http://127.0.0.1:1", TELECINE_POSTGRES_URL="postgresql:///x"
    )
    assert done.returncode == 1
    assert "TELECINE_S3_ACCESS_KEY" in done.stderr


def test_doctor_names_a_missing_tool_and_what_to_do(tmp_path: Path) -> None:
    done = telecine(tmp_path / "home", "doctor", "--json", TELECINE_FFMPEG="/nowhere/ffmpeg")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert not document["healthy"]
    [ffmpeg] = [f for f in document["findings"] if f["subject"] == "ffmpeg"]
    assert ffmpeg["verdict"] == "broken"
    assert "/nowhere/ffmpeg" in ffmpeg["found"]
    assert ffmpeg["remedy"]


def test_doctor_of_a_sound_machine_without_a_stack_finds_nothing_broken(tmp_path: Path) -> None:
    done = telecine(tmp_path / "home", "doctor", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, document
    subjects = {f["subject"] for f in document["findings"]}
    assert {"python", "ffmpeg", "ffprobe", "packager", "encoders", "disk", "stack", "ports"} <= subjects
