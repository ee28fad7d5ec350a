"""Every file of the shared corpus: completed, or refused with a code and a sentence."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Made

from telecine.errors import ErrorCode, TelecineError
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import load_recipe
from telecine.sound.files import process_audio

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
VIDEOS = sorted((CORPUS / "video").glob("*")) if CORPUS.is_dir() else []
SOUNDS = sorted((CORPUS / "audio").glob("*")) if CORPUS.is_dir() else []
MINUTES = {"long_1080p_lowbitrate.mp4"}
REFUSED = {"sample_fragmented_clearkey.mp4": ErrorCode.ENCRYPTED_MEDIA}
SILENT = {"sample_missing_stsd.mp4"}
DISPLAYED = {
    "portrait_4k60.mp4": (2160, 3840),
    "sample_edit_list.mp4": (1080, 1920),
    "sample_rotate_and_reflect.mp4": (720, 1080),
    "mv_with_2_top_shots.mp4": (1080, 1440),
    "sar_2x1.mp4": (1280, 360),
    "nasa_13013.mp4": (480, 270),
}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus isn't here")


@pytest.mark.parametrize("source", VIDEOS, ids=lambda path: path.name)
def test_every_video_is_completed_or_refused(made: Callable[..., Made], source: Path) -> None:
    if source.name in MINUTES and not os.environ.get("TELECINE_LONG_TESTS"):
        pytest.skip("six minutes of 1080p: TELECINE_LONG_TESTS=1")
    if source.name in REFUSED:
        with pytest.raises(TelecineError) as caught:
            made(source)
        assert caught.value.code is REFUSED[source.name]
        return
    outputs = made(source)
    rendition = outputs.artifact("video/renditions", "240p")
    facts = outputs.result.facts
    assert rendition.duration_s == pytest.approx(facts["duration_s"], abs=0.06)
    assert ("mp4a" in (rendition.codecs or "")) == (facts["audio_codec"] is not None)
    assert (facts["width"], facts["height"]) == DISPLAYED.get(source.name, (facts["width"], facts["height"]))
    if source.name in SILENT:
        assert outputs.result.warnings
    assert {a.asset for a in outputs.result.artifacts} == outputs.plan.assets


@pytest.mark.parametrize("source", SOUNDS, ids=lambda path: path.name)
def test_every_sound_is_completed(tmp_path: Path, source: Path) -> None:
    facts = probe(source)
    result = process_audio(facts, source, load_recipe("default"), tmp_path, Quiet(), threading.Event())
    assert [a.name for a in result.artifacts][:3] == ["aac", "opus", "waveform"]
    assert result.failures == ()
    for artifact in result.artifacts[:2]:
        assert artifact.duration_s == pytest.approx(facts.duration_s, abs=0.08)
