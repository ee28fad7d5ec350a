"""What the Dagster UI is shown of a video: the probe's tables, a row for each rendition, a plot, and the check."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import dagster as dg

from media_assets.materializations import details
from media_assets.video_checks import video_check_specs, video_checks
from media_assets.video_tables import rendition_rows
from telecine.ledger import Job
from telecine.settings import Settings
from telecine.worker import Outcome

SETTINGS = Settings.model_construct(output_bucket="out", s3_public_url="http://s3", s3_endpoint="http://s3")
SHEET = {
    "tracks": [
        {"#": "0", "track": "video", "codec": "h264", "language": ""},
        {"#": "1", "track": "sound", "codec": "aac", "language": ""},
    ],
    "more_tracks": 0,
    "times": [["length", "2.000 s"]],
    "colour": [["primaries", "bt709"]],
}
MADE = {
    "240p": {"fps": 15.0, "speed": 2.5, "ssim": 0.97, "xpsnr_db": 35.0, "vmaf": 41.0},
    "720p": {"fps": 30.0, "speed": 2.5, "ssim": 0.95, "xpsnr_db": 36.0, "vmaf": 90.5},
}


def output(asset: str, name: str, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("width", "height", "duration_s", "bitrate_bps", "codecs", "total_bytes", "files"))
    return {**empty, "asset": asset, "name": name, "url": f"g1/{name}", "size_bytes": 10, "mime": "video/mp4", **more}


def outcome(**private: Any) -> Outcome:
    empty: dict[str, Any] = {field.name: None for field in fields(Job)}
    rungs = [
        output("video/renditions", n, width=w, height=9, bitrate_bps=w * 1000) for n, w in (("240p", 16), ("720p", 48))
    ]
    manifest = {
        "source": {"kind": "video", "size_bytes": 99},
        "recipe": {"name": "default"},
        "warnings": [],
        "outputs": [*rungs, output("video/metadata", "metadata", mime="application/json")],
    }
    return Outcome(
        Job(
            **empty
            | {"key": "a.mp4", "bucket": "in", "partition": "p", "recipe_hash": "h", "attempts": 0, "job_id": "j"}
        ),
        "COMPLETED",
        1,
        manifest,
        frozenset({"video/renditions", "video/metadata"}),
        private_facts=private,
        plot="g1/quality.svg",
    )


def test_the_metadata_asset_shows_what_the_probe_learnt() -> None:
    shown = details(outcome(sheet=SHEET), "video/metadata", SETTINGS)
    assert [record.data for record in shown["tracks"].records] == [
        {"#": "0", "track": "video", "codec": "h264"},
        {"#": "1", "track": "sound", "codec": "aac"},
    ]
    assert shown["times"].records[0].data == {"property": "length", "value": "2.000 s"}
    assert shown["colour and shape"].records[0].data["value"] == "bt709"


def test_each_rendition_has_a_row_with_its_speed_and_quality_and_the_ladder_a_plot() -> None:
    shown = details(outcome(renditions=MADE), "video/renditions", SETTINGS)
    first = shown["outputs"].records[0].data
    assert (first["name"], first["kbit/s"], first["fps"], first["encode speed"]) == ("240p", 16, 15.0, "2.5x")
    assert (first["SSIM"], first["XPSNR (dB)"], first["VMAF"]) == (0.97, 35.0, 41.0)
    assert "quality.svg" in shown["bit rate and quality"].value
    assert len(shown["bit rate and quality"].value) < 1_000


def test_without_figures_their_columns_are_left_out() -> None:
    columns = details(outcome(), "video/renditions", SETTINGS)["outputs"].records[0].data
    assert not {"SSIM", "VMAF", "fps", "encode speed"} & set(columns)


def test_a_figure_below_its_floor_is_a_warning_that_names_it() -> None:
    good = {"frames": 6, "below": [], "failed": None}
    (passed,) = video_checks(outcome(renditions=MADE, quality=good))
    assert passed.passed
    assert passed.metadata["least vmaf"].value == 41.0  # type: ignore[index]
    (warned,) = video_checks(outcome(renditions=MADE, quality=good | {"below": ["720p: SSIM 0.5 is below 0.88"]}))
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "720p: SSIM" in str(warned.metadata)
    (unmeasured,) = video_checks(outcome(quality=good | {"failed": "ffmpeg was killed"}))
    assert not unmeasured.passed
    assert list(video_checks(outcome(quality=None))) == []
    assert video_check_specs[0].asset_key == passed.asset_key


def test_a_sound_file_of_a_video_has_a_row_without_a_size() -> None:
    sound = output("video/renditions", "podcast", bitrate_bps=96_000, duration_s=4.0, codecs="mp3")
    assert [row.data for row in rendition_rows([sound], {})] == [
        {"name": "podcast", "bytes": 10, "kbit/s": 96, "type": "mp3"}
    ]
