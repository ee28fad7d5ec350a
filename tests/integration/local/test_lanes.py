"""The run queue of dagster.yaml at work: video never holds every slot, whoever starts it."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from telecine import local

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not os.environ.get("TELECINE_LONG_TESTS"),
        reason="test_priorities has videos and pictures in their lanes, too; runs of people in `make chaos`",
    ),
]

_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"


def graphql(url: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def materialize(url: str, *path: str) -> str:
    """What the UI's "Materialize" button does."""
    selector = {
        "repositoryLocationName": "telecine",
        "repositoryName": "__repository__",
        "jobName": "__ASSET_JOB",
        "assetSelection": [{"path": list(path)}],
    }
    launched = graphql(url, _LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": {}})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def runs(url: str) -> dict[str, dict[str, Any]]:
    return {run["runId"]: run for run in graphql(url, _RUNS)["runsOrError"]["results"]}


def wait_for(url: str, run_id: str, status: str) -> None:
    deadline = time.monotonic() + 120
    while (found := runs(url)[run_id]["status"]) != status:
        assert found not in ("FAILURE", "CANCELED"), found
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.2)


def test_an_image_overtakes_a_queue_of_videos_and_each_run_gets_its_lane(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELECINE_DAGSTER_MODULE", "tests.integration.local.lane_definitions")
    monkeypatch.setenv("TELECINE_RUN_SLOTS", "2")
    known = local.up()
    url = known["TELECINE_DAGSTER_URL"]
    videos = [materialize(url, "video", "long_encode") for _ in range(2)]
    wait_for(url, videos[0], "STARTED")
    image = materialize(url, "image", "thumbnail")
    wait_for(url, image, "SUCCESS")
    now = runs(url)
    assert Counter(now[run]["status"] for run in videos) == {"STARTED": 1, "QUEUED": 1}
    lanes = {run: [t["value"] for t in now[run]["tags"] if t["key"] == "telecine/lane"] for run in now}
    assert lanes == {**{run: ["video"] for run in videos}, image: []}
    Path(known["TELECINE_SCRATCH"], "release").touch()
    for run in videos:
        wait_for(url, run, "SUCCESS")
