"""Pictures of real files: exact frames, good moments, storyboards and previews."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import X264, Made, ffmpeg
from PIL import Image, ImageStat

from telecine.artifact import MediaResult
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.tools import ffmpeg_path
from telecine.video.candidates import candidates
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.frames import cheapest
from telecine.video.missing import outputs_of
from telecine.video.moments import Moments
from telecine.video.plan import plan_video

Pictures = Callable[..., Made]
LADDER = {"kind": "video_ladder", "rungs": [240], "preset": "ultrafast"}

# Eight bars, light or dark: the frame's number in binary, lowest bit first.
NUMBERED = "geq=lum='255*mod(floor(N/pow(2,floor(X/40))),2)':cb=128:cr=128"


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """probe -> plan -> encode -> finish with these outputs of a recipe."""

    def make(source: Path, *outputs: dict[str, Any]) -> Made:
        work, out = tmp_path / "work", tmp_path / "out"
        work.mkdir()
        out.mkdir()
        plan = plan_video(probe(source), parse_recipe({"name": "test", "outputs": list(outputs)}, "test"))
        cancel = threading.Event()
        encoded = encode(plan, source, work, Quiet(), cancel)
        result = finish(plan, encoded, source, out, Quiet(), cancel)
        assert result.failures == ()
        assert [path for path in work.rglob("*") if path.suffix in (".ppm", "")] == []
        return Made(plan.facts, plan, result, out)

    return make


def number(bars: bytes) -> int:
    """The number that eight samples of grey stand for."""
    return sum((grey > 128) << bit for bit, grey in enumerate(bars))


def number_of(path: Path) -> int:
    with Image.open(path) as image:
        grey, step = image.convert("L"), image.width / 8
        return number(bytes(int(grey.getpixel((int(step * (bit + 0.5)), image.height // 2))) for bit in range(8)))  # type: ignore[arg-type]


def numbers_shown(path: Path) -> list[int]:
    """The number on every frame of a rendition."""
    shrunk = ["-vf", "scale=8:1:flags=area,format=gray", "-f", "rawvideo", "pipe:1"]
    bars = run([str(ffmpeg_path()), "-v", "error", "-nostdin", "-i", str(path), *shrunk]).stdout
    return [number(bars[at : at + 8]) for at in range(0, len(bars), 8)]


def numbered(target: Path, rate: str, *options: str, sound: tuple[str, ...] = (), filters: str = "") -> Path:
    """A clip of 140 numbered frames, with B-frames and two keyframes."""
    picture = f"color=black:s=320x64:r={rate},format=yuv420p,trim=end_frame=140,{NUMBERED}{filters}"
    codec = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "2",
        "-g",
        "100",
        "-sc_threshold",
        "0",
        "-pix_fmt",
        "yuv420p",
    )
    ffmpeg("-f", "lavfi", "-i", picture, *sound, *codec, "-fps_mode", "passthrough", *options, str(target))
    return target


def constant(folder: Path) -> Path:
    return numbered(folder / "a.mp4", "30000/1001")


def variable(folder: Path) -> Path:
    """Frames come in bursts, and for a second none comes."""
    return numbered(folder / "a.mkv", "30", filters=",select='not(between(n,40,70))*not(eq(mod(n,3),1))'")


def late(folder: Path) -> Path:
    """A broadcast that starts at ten seconds, its sound a moment before its picture."""
    plain = numbered(folder / "plain.ts", "25", "-c:a", "aac", sound=("-f", "lavfi", "-i", "sine=d=4"))
    ffmpeg("-i", str(plain), "-c", "copy", "-output_ts_offset", "10", str(folder / "a.ts"))
    return folder / "a.ts"


def edited(folder: Path) -> Path:
    """An edit list: what is before the cut is still in the file, and must not be seen."""
    plain = numbered(folder / "plain.mp4", "25", "-c:a", "aac", sound=("-f", "lavfi", "-i", "sine=d=6"))
    ffmpeg("-ss", "1.3", "-i", str(plain), "-c", "copy", "-t", "3", str(folder / "a.mp4"))
    return folder / "a.mp4"


def halved(folder: Path) -> Path:
    """Twice the frames that the outputs may have, and time stamps by the millisecond."""
    return numbered(folder / "a.mkv", "90")


def opened(folder: Path) -> Path:
    """Open GOPs: frames that come before a keyframe need the GOP before it."""
    return numbered(folder / "a.mp4", "25", "-x264-params", "open-gop=1:keyint=20:bframes=3:b-adapt=0")


@pytest.mark.parametrize("clip", [constant, variable, late, edited, halved, opened])
def test_a_still_shows_the_frame_that_the_video_shows_at_its_time(
    pictures: Pictures, tmp_path: Path, clip: Callable[[Path], Path]
) -> None:
    offsets = [0, 0.35, 0.99, 1.5, 1.77, "60%", "83.3%", "100%"]
    made = pictures(clip(tmp_path), LADDER, {"kind": "video_still", "name": "t", "offsets": offsets, "format": "png"})
    shown = numbers_shown(made.file("video/renditions", "240p"))
    for still in made.plan.stills:
        name, offset = still.name, made.artifact("video/thumbnails", still.name).offset_s
        assert offset == pytest.approx(still.offset_s, abs=0.001)
        found = number_of(made.file("video/thumbnails", name))
        assert found == shown[min(still.frame, len(shown) - 1)], name
        if clip is constant:
            assert found == still.frame


def test_an_offset_behind_the_end_gives_the_last_frame_and_a_warning(pictures: Pictures, tmp_path: Path) -> None:
    made = pictures(constant(tmp_path), {"kind": "video_still", "offset_s": 60})
    assert number_of(made.file("video/thumbnails", "poster")) == 139
    assert "poster: asked for 60 s" in made.result.warnings[0]


def test_a_poster_is_none_of_the_frames_that_nobody_wants(pictures: Pictures, tmp_path: Path) -> None:
    """Black, a fade from it, blur, then the film for two seconds, then credits."""
    film = "testsrc2=s=320x240:r=25"
    credits = "color=black:s=320x240:r=25:d=4,drawgrid=w=64:h=24:t=3:color=white@0.9,crop=200:200,pad=320:240:-1:-1"
    parts = [
        "color=black:s=320x240:r=25:d=2",
        f"{film}:d=3,fade=in:d=3",
        f"{film}:d=3,boxblur=12",
        f"{film}:d=2",
        credits,
    ]
    inputs = [word for part in parts for word in ("-f", "lavfi", "-i", part)]
    joined = "".join(f"[{n}]" for n in range(len(parts))) + f"concat=n={len(parts)}"
    ffmpeg(*inputs, "-filter_complex", joined, *X264, str(tmp_path / "a.mp4"))
    made = pictures(tmp_path / "a.mp4", LADDER, {"kind": "video_still", "auto": 1})
    offset = made.artifact("video/thumbnails", "poster").offset_s
    assert offset is not None
    assert 7.9 <= offset < 10


def test_chosen_stills_are_of_different_shots_and_the_same_again(pictures: Pictures, tmp_path: Path) -> None:
    shots = ["null", "negate", "hflip,vflip", "rotate=PI/2"]
    inputs = [word for shot in shots for word in ("-f", "lavfi", "-i", f"testsrc2=s=320x240:r=25:d=3,{shot}")]
    ffmpeg(*inputs, "-filter_complex", "[0][1][2][3]concat=n=4", *X264, str(tmp_path / "a.mp4"))
    stills = {"kind": "video_still", "name": "t", "auto": 3}
    made = pictures(tmp_path / "a.mp4", LADDER, stills)
    offsets = [made.artifact("video/thumbnails", f"t-{n}").offset_s or 0.0 for n in (1, 2, 3)]
    assert len({int(offset // 3) for offset in offsets}) == 3
    assert offsets == sorted(offsets)
    cancel = threading.Event()
    footage = cheapest(made.plan, Encoded(str(tmp_path), {}, {}), tmp_path / "a.mp4")
    again = Moments(made.plan, footage, tmp_path, cancel, pictures=3).best(3)
    assert again == Moments(made.plan, footage, tmp_path, cancel, pictures=3).best(3)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
@pytest.mark.parametrize("count", [4, 30])
def test_candidates_are_known_by_their_frames_whether_sought_or_not(tmp_path: Path, name: str, count: int) -> None:
    """All frames are keyframes: four candidates are far apart, thirty are not."""
    source = numbered(tmp_path / name, "25", "-g", "1")
    plan = plan_video(probe(source), parse_recipe({"name": "test", "outputs": [{"kind": "video_still"}]}, "test"))
    footage = cheapest(plan, Encoded(str(tmp_path), {}, {}), source)
    span = {"first_s": 0.5, "last_s": 5.5, "scaled": (320, 64), "work": tmp_path}
    found = candidates(plan, footage, count=count, cancel=threading.Event(), **span)
    assert count - 5 <= len(found) <= count
    for frame, image in found:
        image.save(tmp_path / "one.png")
        assert number_of(tmp_path / "one.png") == frame


def test_a_storyboard_shows_each_time_from_its_middle(pictures: Pictures, tmp_path: Path) -> None:
    source = numbered(tmp_path / "a.mp4", "10")  # 14 s: 1.4 s more than one sheet
    board = {"kind": "storyboard", "columns": 4, "rows": 3, "tile_width": 320, "tile_height": 64}
    made = pictures(source, LADDER, board)
    entry = made.artifact("video/thumbnails", "storyboard")
    assert (entry.mime, entry.width, entry.height, entry.duration_s) == ("text/vtt", 320, 64, 14.0)
    assert [file.mime for file in entry.stream_files or ()] == ["image/jpeg", "image/jpeg", "text/vtt"]
    index = (made.out / entry.path).read_text()
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)", index)
    assert index.startswith("WEBVTT\n")
    assert [cue[0] for cue in cues] == [f"00:00:{n:02d}.000" for n in range(14)]
    assert cues[-1][1] == "00:00:14.000"
    shown = []
    for _, _, sheet, *place in cues:
        left, top, width, height = (int(value) for value in place)
        tile = tmp_path / "tile.png"
        with Image.open((made.out / entry.path).parent / sheet) as image:
            assert image.size == (1280, 192)
            image.crop((left, top, left + width, top + height)).save(tile)
        shown.append(number_of(tile))
    # A frame every 0.1 s; the one before the middle of each second.
    assert shown == [10 * n + 4 for n in range(14)]


def test_a_storyboard_without_a_ladder_comes_from_the_source(pictures: Pictures, tmp_path: Path) -> None:
    board = {"kind": "storyboard", "interval_s": 2, "format": "webp", "tile_width": 320, "tile_height": 64}
    made = pictures(late(tmp_path), board, {"kind": "video_still", "auto": 1})
    sheet = made.out / "thumbnails" / "storyboard" / "001.webp"
    with Image.open(sheet) as image:
        assert image.size == (960, 64)
        tiles = [image.crop((n * 320, 0, n * 320 + 320, 64)) for n in range(3)]
    found = []
    for tile in tiles:
        tile.save(tmp_path / "tile.png")
        found.append(number_of(tmp_path / "tile.png"))
    # The picture starts a moment after the sound; keyframes are 4 s apart, so every frame is decoded.
    assert found == [24, 74, 124]


def test_a_moving_preview_is_of_the_place_where_things_happen(pictures: Pictures, tmp_path: Path) -> None:
    """Six seconds of a still picture, then three that move."""
    calm, lively = "testsrc2=s=320x240:r=25:d=0.04,loop=150:1", "testsrc2=s=320x240:r=25:d=3,scroll=h=0.02"
    joined = "[0]setpts=N/25/TB[a];[1]setpts=N/25/TB[b];[a][b]concat=n=2"
    clip = tmp_path / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", calm, "-f", "lavfi", "-i", lively, "-filter_complex", joined, *X264, str(clip))
    made = pictures(clip, LADDER, {"kind": "animated_preview", "duration_s": 2, "width": 160})
    artifact = made.artifact("video/thumbnails", "preview")
    assert (artifact.mime, artifact.width, artifact.height, artifact.duration_s) == ("image/webp", 160, 120, 2.0)
    with Image.open(made.file("video/thumbnails", "preview")) as image:
        assert image.info["loop"] == 0
        lengths, frames = [], []
        for n in range(image.n_frames):
            image.seek(n)
            frames.append(image.convert("RGB"))
            lengths.append(image.info["duration"])
    assert sum(lengths) == 2000
    assert len(frames) > 10, "frames of a picture that doesn't move would be one"


def test_a_black_video_has_pictures_too(pictures: Pictures, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x240:r=25:d=2", *X264, str(tmp_path / "a.mp4"))
    outputs = [{"kind": "video_still", "auto": 1}, {"kind": "video_still", "name": "usual"}, {"kind": "storyboard"}]
    made = pictures(tmp_path / "a.mp4", *outputs, {"kind": "animated_preview"})
    names = {artifact.name for artifact in made.result.artifacts}
    assert names == {"metadata", "poster", "usual", "storyboard", "preview"}
    with Image.open(made.file("video/thumbnails", "poster")) as image:
        assert max(ImageStat.Stat(image.convert("L")).mean) < 5


def test_a_still_is_cropped_around_its_middle(pictures: Pictures, tmp_path: Path) -> None:
    picture = "color=red:s=320x240:r=25:d=0.4,drawbox=100:60:120:120:lime:fill"
    ffmpeg("-f", "lavfi", "-i", picture, *X264, str(tmp_path / "a.mp4"))
    asked = {"kind": "video_still", "offset_s": 0, "width": 119, "height": 240, "mode": "crop", "format": "webp"}
    with Image.open(pictures(tmp_path / "a.mp4", asked).file("video/thumbnails", "poster")) as image:
        assert image.size == (119, 240)
        red, green, _ = image.convert("RGB").getpixel((59, 120))  # type: ignore[misc]
        assert (red < 60, green > 200) == (True, True)


def test_a_picture_that_can_not_be_made_costs_no_other_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Path
) -> None:
    broken = tmp_path / "ffmpeg"
    real = ffmpeg_path()
    broken.write_text(f'#!/bin/sh\ncase "$*" in *tile=*) echo no luck >&2; exit 1;; esac\nexec {real} "$@"\n')
    broken.chmod(0o755)
    outputs = [LADDER, {"kind": "streams"}, {"kind": "storyboard"}, {"kind": "video_still"}]
    plan = plan_video(probe(base), parse_recipe({"name": "test", "outputs": outputs}, "test"))
    work, cancel = tmp_path / "work", threading.Event()
    work.mkdir()
    encoded = encode(plan, base, work, Quiet(), cancel)

    def made(folder: str, made: set[tuple[str, str]]) -> tuple[MediaResult, str]:
        out = tmp_path / folder
        out.mkdir()
        result = finish(plan, encoded, base, out, Quiet(), cancel, made=made)
        return result, (out / "stream" / "manifest.mpd").read_text()

    monkeypatch.setenv("TELECINE_FFMPEG", str(broken))
    first, manifest = made("first", set())
    monkeypatch.delenv("TELECINE_FFMPEG")
    assert [(failure.asset, failure.name) for failure in first.failures] == [("video/thumbnails", "storyboard")]
    assert "poster" in {artifact.name for artifact in first.artifacts}
    assert "thumbnail_tile" not in manifest
    # In a later attempt the stream is made with the storyboard, which isn't listed twice when it is published already.
    everything = outputs_of(plan)
    second, manifest = made("second", set(everything - {("video/dash", "mpd")}))
    assert second.failures == ()
    assert {artifact.asset for artifact in second.artifacts} == {"video/dash"}
    assert "thumbnail_tile" in manifest
