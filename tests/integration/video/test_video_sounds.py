"""The sound of videos: every track in the streams, in sync; downmix, loudness and codecs as asked."""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import FLASH_S, X264, Made, ffmpeg, flash

from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.sound.loudness import loudness_of, measure_argv
from telecine.stream import hls
from telecine.tools import ffmpeg_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

RATE = 48_000


def heard(path: Path) -> array[int]:
    """A file's or playlist's sound as 16-bit mono samples."""
    words = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    argv = [str(ffmpeg_path()), "-v", "error", *words, "-i", str(path), "-map", "0:a:0"]
    pcm = run([*argv, "-af", f"aresample={RATE}:first_pts=0", "-ac", "1", "-f", "s16le", "-"]).stdout
    return array("h", pcm)


def onset_s(samples: array[int]) -> float:
    """When a tone starts."""
    return next(n for n, value in enumerate(samples) if abs(value) > 3000) / RATE


def pitch_hz(samples: array[int]) -> float:
    """Pitch of a tone half a second long, well after its onset."""
    some = samples[round(1.3 * RATE) : round(1.8 * RATE)]
    return sum(a < 0 <= b for a, b in pairwise(some)) * RATE / len(some)


def tone(hz: int, from_s: float = FLASH_S, seconds: float = 3) -> list[str]:
    """An input that is silent and then a tone."""
    return ["-f", "lavfi", "-i", f"aevalsrc='0.5*sin(2*PI*{hz}*t)*gte(t,{from_s})':s=48000:d={seconds}"]


def test_every_language_is_in_the_streams_and_the_main_one_in_the_file(
    made: Callable[..., Made], tmp_path: Path
) -> None:
    late = ["-itsoffset", "0.6", *tone(660)[:3], tone(660)[3] + ",atrim=start=0.6"]
    ffmpeg(
        *flash()[:4],
        *tone(440),
        *late,
        *tone(990, seconds=1.5),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:a", *X264, "-c:a:0", "aac", "-c:a:1", "ac3"),
        *("-c:a:2", "libopus", "-ac:a:1", "6", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"),
        *("-metadata:s:a:1", "title=Deutsch, neu", "-metadata:s:a:2", "language=eng", "-disposition:a:0", "default"),
        *("-disposition:a:2", "comment", str(tmp_path / "a.mkv")),
    )
    outputs = made(tmp_path / "a.mkv")
    assert [sound.track.language for sound in outputs.plan.sounds] == ["eng", "ger", "eng"]
    directory = outputs.file("video/hls", "multivariant").parent
    entry = hls.parse_multivariant((directory / "multivariant.m3u8").read_text())
    assert {(m["URI"], m["NAME"], m["LANGUAGE"], m["DEFAULT"]) for m in entry.media} == {
        ("audio.m3u8", "English", "en", "YES"),
        ("audio-1.m3u8", "Deutsch neu", "de", "NO"),
        ("audio-2.m3u8", "English (commentary)", "en", "NO"),
    }
    manifest = (directory / "manifest.mpd").read_text()
    assert {f'value="{role}"' in manifest for role in ("main", "dub", "commentary")} == {True}
    lengths = {m["URI"]: hls.parse_media((directory / m["URI"]).read_text()).duration_s for m in entry.media}
    assert max(lengths.values()) - min(lengths.values()) < 0.03
    for uri, pitch in (("audio.m3u8", 440), ("audio-1.m3u8", 660)):
        samples = heard(directory / uri)
        assert onset_s(samples) == pytest.approx(FLASH_S, abs=0.04), uri
        assert pitch_hz(samples) == pytest.approx(pitch, abs=5), uri
    assert onset_s(heard(directory / "audio-2.m3u8")) == pytest.approx(FLASH_S, abs=0.04)
    assert pitch_hz(heard(outputs.file("video/renditions", "240p"))) == pytest.approx(440, abs=5)


def test_layouts_that_change_on_the_way_are_levelled_on_every_track(made: Callable[..., Made], tmp_path: Path) -> None:
    parts = []
    for channels in ("6", "2"):
        part = tmp_path / f"{channels}.ts"
        words = ("-map", "0:v", "-map", "1:a", "-map", "2:a", *X264, "-c:a", "ac3", "-ac", channels)
        languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger")
        ffmpeg(*flash(seconds=2)[:4], *tone(440, 0, 2), *tone(660, 0, 2), *words, *languages, str(part))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    outputs = made(tmp_path / "a.ts")
    directory = outputs.file("video/hls", "multivariant").parent
    for uri, pitch in (("audio.m3u8", 440), ("audio-1.m3u8", 660)):
        samples = heard(directory / uri)
        assert len(samples) / RATE == pytest.approx(outputs.plan.timing.duration_s, abs=0.05)
        assert pitch_hz(samples) == pytest.approx(pitch, abs=5), uri


def test_a_second_track_that_is_noise_costs_nothing_but_itself(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg(
        *(*flash()[:4], *tone(440), *tone(660), "-map", "0:v", "-map", "1:a", "-map", "2:a", *X264),
        *("-c:a:0", "aac", "-c:a:1", "flac", "-bsf:a:1", "noise=amount=3"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", str(tmp_path / "a.mkv")),
    )
    outputs = made(tmp_path / "a.mkv")
    assert pitch_hz(heard(outputs.file("video/renditions", "240p"))) == pytest.approx(440, abs=5)
    assert any(w.startswith("Sound track 2 (ger) was left out: ") for w in outputs.result.warnings)


def renditions(source: Path, tmp_path: Path, *outputs: dict[str, Any]) -> dict[str, Path]:
    """Files of `video` outputs of a source, by name."""
    small = {"kind": "video", "height": 64, "preset": "ultrafast"}
    recipe = parse_recipe({"name": "x", "outputs": [small | output for output in outputs]}, "test")
    work, out, cancel = tmp_path / "w", tmp_path / "o", threading.Event()
    work.mkdir()
    out.mkdir()
    plan = plan_video(probe(source), recipe)
    result = finish(plan, encode(plan, source, work, Quiet(), cancel), source, out, Quiet(), cancel)
    assert (result.failures, result.warnings) == ((), ())
    return {a.name: out / a.path for a in result.artifacts if a.asset == "video/renditions"}


def peaks_db(path: Path) -> list[float]:
    """The highest sample of each channel."""
    argv = [str(ffmpeg_path()), "-v", "info", "-i", str(path), "-map", "0:a", "-af", "astats=measure_overall=none"]
    return [float(db) for db in re.findall(r"Peak level dB: (\S+)", run([*argv, "-f", "null", "-"]).stderr)]


def lufs(path: Path) -> float:
    """A file's loudness."""
    loudness = loudness_of(run(measure_argv(ffmpeg_path(), path, 1, [])).stderr).integrated_lufs
    assert loudness is not None
    return loudness


@pytest.mark.parametrize(
    ("layout", "loud", "expected"),
    [
        ("5.1", (2,), (-9.03, -9.03)),  # the centre, 3 dB down on both sides
        ("5.1", (4,), (-9.03, None)),  # the left surround, 3 dB down
        ("7.1", (3,), (None, None)),  # no low frequency effects
        ("mono", (0,), (-6.02, -6.02)),
        ("7.1", (0, 2, 4, 6), (-1.0, -13.9)),  # 0.5 * (1 + 3 * 0.707) would be 3.9 dB over full scale
    ],
)
def test_channels_are_mixed_by_the_book_and_never_clip(
    tmp_path: Path, layout: str, loud: tuple[int, ...], expected: tuple[float | None, ...]
) -> None:
    channels = {"mono": 1, "5.1": 6, "7.1": 8}[layout]
    tones = "|".join("0.5*sin(2*PI*440*t)" if n in loud else "0" for n in range(channels))
    source = tmp_path / "a.mkv"
    picture, sound = flash(seconds=1)[:4], ["-f", "lavfi", "-i", f"aevalsrc={tones}:d=1:c={layout}"]
    ffmpeg(*picture, *sound, *X264, "-c:a", "flac", str(source))
    made = renditions(source, tmp_path, {"name": "a", "container": "mkv", "audio": {"codec": "flac"}})
    for found, wanted in zip(peaks_db(made["a"]), expected, strict=True):
        assert found == (pytest.approx(wanted, abs=0.06) if wanted is not None else float("-inf"))


def test_sound_is_made_as_each_output_asks(tmp_path: Path) -> None:
    tones = "0.05*sin(2*PI*440*t)|0.05*sin(2*PI*660*t)"
    ffmpeg(
        *flash()[:4],
        "-f",
        "lavfi",
        "-i",
        f"aevalsrc={tones}:d=3:s=44100",
        *X264,
        "-c:a",
        "aac",
        str(tmp_path / "a.mp4"),
    )
    made = renditions(
        tmp_path / "a.mp4",
        tmp_path,
        {"name": "web", "codec": "vp9"},
        {"name": "left", "audio": {"channels": "left", "loudness_lufs": -16}},
        {"name": "right", "container": "mkv", "audio": {"channels": "right", "codec": "mp3", "bitrate_bps": 96_000}},
        {"name": "night", "audio": {"compression": "strong", "loudness_lufs": -20, "sample_rate": 32_000}},
    )
    facts = {name: probe(path).audio for name, path in made.items()}
    assert {name: (a.codec, a.channels, a.sample_rate) for name, a in facts.items() if a is not None} == {
        "web": ("opus", 2, 48_000),
        "left": ("aac", 1, 44_100),
        "right": ("mp3", 1, 44_100),
        "night": ("aac", 2, 32_000),
    }
    assert lufs(made["left"]) == pytest.approx(-16, abs=1)
    assert lufs(made["night"]) == pytest.approx(-20, abs=1)
    assert pitch_hz(heard(made["right"])) == pytest.approx(660, abs=5)
    assert pitch_hz(heard(made["left"])) == pytest.approx(440, abs=5)
