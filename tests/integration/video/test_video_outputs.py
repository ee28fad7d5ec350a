"""What comes out of real files: shape, colours, rates, segments, tags, and subsets."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import RECIPE, X264, Made, ffmpeg
from mpegdash.parser import MPEGDASHParser
from PIL import Image

from telecine.artifact import sha256_of
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import load_recipe, parse_recipe
from telecine.stream import hls
from telecine.tools import ffmpeg_path, ffprobe_path
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

# Red, green, blue and white quarters: any turn or flip shows.
QUARTERS = (
    "color=white:s=320x240:r=25:d=0.4,drawbox=0:0:160:120:red:fill,drawbox=160:0:160:120:lime:fill,"
    "drawbox=0:120:160:120:blue:fill"
)


def first_frame(path: Path, target: Path, *options: str) -> Image.Image:
    run([str(ffmpeg_path()), "-v", "error", "-y", "-i", str(path), *options, "-frames:v", "1", str(target)])
    with Image.open(target) as image:
        return image.convert("RGB")


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The four corners' colours, coarsely."""
    width, height = image.size
    places = [(x, y) for y in (height // 8, height * 7 // 8) for x in (width // 8, width * 7 // 8)]
    return [tuple(round(c / 255) for c in image.getpixel(place)) for place in places]  # type: ignore[union-attr]


@pytest.mark.parametrize("flip", [(), ("-display_hflip",), ("-display_vflip",)])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_every_orientation_comes_out_upright(
    made: Callable[..., Made], tmp_path: Path, turn: int, flip: tuple[str, ...]
) -> None:
    ffmpeg("-f", "lavfi", "-i", QUARTERS, *X264, str(tmp_path / "plain.mp4"))
    source = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(turn), *flip, "-i", str(tmp_path / "plain.mp4"), "-c", "copy", str(source))
    outputs = made(source)
    # ffmpeg's own autorotation is the reference; ours is written out in the filter graph.
    expected = first_frame(source, tmp_path / "expected.png")
    rendition = first_frame(outputs.file("video/renditions", "240p"), tmp_path / "made.png")
    poster = Image.open(outputs.file("video/thumbnails", "poster")).convert("RGB")
    assert (rendition.size, poster.size) == (expected.size, expected.size)
    assert corners(rendition) == corners(poster) == corners(expected)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60000/1001"])
def test_every_rung_is_cut_at_the_same_instants(made: Callable[..., Made], tmp_path: Path, rate: str) -> None:
    source = f"testsrc2=s=640x360:r={rate}:d=7"
    ffmpeg("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", "sine=d=7", *X264, "-c:a", "aac", str(tmp_path / "a.mp4"))
    outputs = made(tmp_path / "a.mp4", rungs=(240, 360), segment_s=2.0)
    directory = outputs.file("video/hls", "multivariant").parent
    playlists = [hls.parse_media((directory / f"{name}.m3u8").read_text()) for name in ("240p", "360p")]
    cuts = [[s.duration_s for s in playlist.segments] for playlist in playlists]
    assert cuts[0] == cuts[1]
    assert len(cuts[0]) == 4
    assert all(abs(length - 2.0) < 0.02 for length in cuts[0][:-1])
    manifest = MPEGDASHParser.parse(str(directory / "manifest.mpd"))
    length = manifest.media_presentation_duration
    assert manifest.periods[0].duration == length
    assert float(length[2:-1]) == pytest.approx(outputs.plan.timing.duration_s, abs=0.01)
    # Every segment starts with a keyframe: decodable with nothing but its init segment.
    for name in ("240p", "360p"):
        alone = tmp_path / "alone.mp4"
        alone.write_bytes((directory / name / "init.mp4").read_bytes() + (directory / name / "00002.m4s").read_bytes())
        assert first_frame(alone, tmp_path / "x.png").size[1] == int(name[:-1])


def keyframes(path: Path) -> list[float]:
    """Presentation times of a file's keyframes, in seconds."""
    asked = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"]
    lines = run([str(ffprobe_path()), *asked, str(path)]).stdout.decode().split()
    return [float(time) for time, flags in (line.split(",")[:2] for line in lines) if "K" in flags]


def test_a_rung_with_half_the_frames_has_its_keyframes_at_the_same_instants(
    made: Callable[..., Made], tmp_path: Path
) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=60000/1001:d=5", *X264, str(tmp_path / "a.mp4"))
    outputs = made(tmp_path / "a.mp4", rungs=(240, 720), segment_s=4.0)
    assert [rung.fps_divisor for rung in outputs.plan.rungs] == [2, 1]
    clock = outputs.plan.timing
    planned = [n * clock.gop_s for n in range(3)]
    for name in ("240p", "720p"):
        assert keyframes(outputs.file("video/renditions", name)) == pytest.approx(planned, abs=0.001)
    directory = outputs.file("video/hls", "multivariant").parent
    for name in ("240p", "720p"):
        segments = hls.parse_media((directory / f"{name}.m3u8").read_text()).segments
        assert [s.duration_s for s in segments] == pytest.approx(
            [clock.segment_s, clock.duration_s - clock.segment_s], abs=0.001
        )
        pictures = hls.parse_media((directory / f"{name}-iframes.m3u8").read_text()).segments
        assert sum(s.duration_s for s in pictures) == pytest.approx(clock.duration_s, abs=0.001)


def test_everything_handed_back_is_true(made: Callable[..., Made], base: Path) -> None:
    outputs = made(base)
    for artifact in outputs.result.artifacts:
        path = outputs.out / artifact.path
        assert (path.stat().st_size, sha256_of(path)) == (artifact.size_bytes, artifact.sha256)
        for file in artifact.stream_files or ():
            assert sha256_of(outputs.out / file.path) == file.sha256
    streams = [a for a in outputs.result.artifacts if a.stream_files]
    assert [a.name for a in streams] == ["multivariant", "mpd"]
    for entry in streams:
        assert entry.stream_files is not None
        assert entry.stream_files[-1].path == entry.path
    listed = {f.path for a in streams for f in a.stream_files or ()} | {a.path for a in outputs.result.artifacts}
    on_disk = {p.relative_to(outputs.out).as_posix() for p in outputs.out.rglob("*") if p.is_file()}
    assert on_disk == listed
    rendition = outputs.artifact("video/renditions", "240p")
    assert rendition.codecs is not None
    assert rendition.codecs.startswith("avc1.42c0")  # ultrafast makes baseline
    assert rendition.codecs.endswith(",mp4a.40.2")
    assert rendition.duration_s == pytest.approx(4.0, abs=0.05)
    assert outputs.result.preview is not None
    assert len(outputs.result.preview) <= 20_000


def test_no_tag_of_the_source_reaches_an_output(made: Callable[..., Made], base: Path, tmp_path: Path) -> None:
    source = tmp_path / "private.mov"
    tags = {
        "location": "+48.1351+011.5820/",
        "title": "Secret",
        "com.apple.quicktime.model": "SerialNo77",
        "artist": "Me",
    }
    words = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    ffmpeg("-i", str(base), "-c", "copy", "-movflags", "use_metadata_tags", *words, str(source))
    assert b"SerialNo77" in source.read_bytes()
    outputs = made(source)
    for path in outputs.out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for value in tags.values():
                if len(value) > 2:
                    assert value.encode() not in content, path
    assert "Secret" not in json.dumps(dict(outputs.result.facts))


def test_an_anamorphic_source_comes_out_with_square_pixels(made: Callable[..., Made], tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=360x240:r=25:d=0.4,setsar=2/1", *X264, str(tmp_path / "a.mp4"))
    outputs = made(tmp_path / "a.mp4")
    artifact = outputs.artifact("video/renditions", "240p")
    assert (artifact.width, artifact.height) == (720, 240)
    asked = ["-v", "error", "-show_entries", "stream=sample_aspect_ratio", "-of", "csv=p=0"]
    assert run([str(ffprobe_path()), *asked, str(outputs.out / artifact.path)]).stdout.strip() in (b"1:1", b"N/A")


def test_hdr_becomes_bt709_in_eight_bits(made: Callable[..., Made], tmp_path: Path) -> None:
    tagged = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    picture = f"testsrc2=s=320x240:r=25:d=0.4,{tagged}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx265", "-x265-params", "log-level=error", str(tmp_path / "a.mp4"))
    outputs = made(tmp_path / "a.mp4")
    assert outputs.result.facts["hdr"] == "pq"
    entries = "stream=pix_fmt,color_space,color_transfer,color_primaries,color_range"
    path = outputs.file("video/renditions", "240p")
    said = run([str(ffprobe_path()), "-v", "error", "-show_entries", entries, "-of", "csv=p=0", str(path)]).stdout
    assert said.strip() == b"yuv420p,tv,bt709,bt709,bt709"


def test_a_poster_passes_over_a_black_beginning(made: Callable[..., Made], tmp_path: Path) -> None:
    picture = "testsrc2=s=320x240:r=25:d=4,fade=in:st=1:d=0.04:color=black"
    ffmpeg("-f", "lavfi", "-i", picture, *X264, str(tmp_path / "a.mp4"))
    poster = Image.open(made(tmp_path / "a.mp4").file("video/thumbnails", "poster")).convert("L")
    assert sum(poster.tobytes()) / (poster.width * poster.height) > 40


def test_a_subset_makes_only_what_is_wanted(base: Path, tmp_path: Path) -> None:
    plan = plan_video(probe(base), load_recipe("default"))
    seen = {}
    for wanted in ({"video/thumbnails"}, {"video/hls"}, {"video/renditions"}, {"video/metadata", "video/dash"}):
        work, out = tmp_path / "work", tmp_path / "out"
        work.mkdir()
        out.mkdir()
        encoded = encode(plan, base, work, Quiet(), threading.Event(), select=wanted)
        assert Encoded.from_json(encoded.to_json()) == encoded
        result = finish(plan, encoded, base, out, Quiet(), threading.Event(), select=wanted)
        assert {a.asset for a in result.artifacts} == wanted
        seen[tuple(wanted)] = encoded
        shutil.rmtree(work)
        shutil.rmtree(out)
    assert seen["video/thumbnails",].videos == {}
    assert seen["video/hls",].sounds == {0: {"aac-128k": "audio-0-aac-128k.m4a"}}


def test_progress_goes_forward_to_the_end(base: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []

    class Sink:
        def report(self, stage: str, fraction: float, details: object) -> None:
            seen.append((stage, fraction))

    plan = plan_video(probe(base), load_recipe("default"))
    (tmp_path / "out").mkdir()
    encoded = encode(plan, base, tmp_path, Sink(), threading.Event())
    finish(plan, encoded, base, tmp_path / "out", Sink(), threading.Event())
    for stage in ("ENCODING", "PACKAGING", "STILLS_AND_CLEANUP"):
        fractions = [fraction for name, fraction in seen if name == stage]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0


def test_progress_is_told_while_a_sound_has_not_begun_yet(tmp_path: Path) -> None:
    source = tmp_path / "late.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=10", "-itsoffset", "9.5", "-f", "lavfi", "-i", "sine=d=0.5"),
        *(*X264, "-c:a", "aac", str(source)),
    )
    seen: list[tuple[float, object]] = []

    class Sink:
        def report(self, stage: str, fraction: float, details: Mapping[str, object]) -> None:
            if stage == "ENCODING":
                seen.append((fraction, details.get("frame")))

    plan = plan_video(probe(source), RECIPE)
    encode(plan, source, tmp_path, Sink(), threading.Event())
    assert seen[0][0] < 0.5
    assert seen[-1] == (1.0, 250)


@pytest.mark.parametrize(
    ("pixels", "codec"), [("argb", ["qtrle"]), ("yuva444p10le", ["prores_ks", "-profile:v", "4"])], ids=["rgb", "yuv"]
)
def test_what_is_transparent_shows_black_and_not_what_hides_below(
    pixels: str, codec: list[str], tmp_path: Path
) -> None:
    source, work, out = tmp_path / "source.mov", tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()
    # Red everywhere: not to be seen at the left, half at the right.
    half = "format=gbrap,geq=r=255:g=0:b=0:a='128*gte(X,160)'"
    picture = f"color=red:s=320x240:r=25:d=0.4,{half},format={pixels}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", *codec, "-pix_fmt", pixels, str(source))
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "video", "name": "a"}, {"kind": "video_still"}]}, "x")
    plan, cancel = plan_video(probe(source), recipe), threading.Event()
    result = finish(plan, encode(plan, source, work, Quiet(), cancel), source, out, Quiet(), cancel)
    shown = {a.name: out / a.path for a in result.artifacts}
    for path in (shown["a"], shown["poster"]):
        left, right = (first_frame(path, tmp_path / "frame.png").getpixel((x, 120)) for x in (60, 260))
        assert max(left) < 12, path.name  # type: ignore[arg-type]
        assert right == pytest.approx((128, 0, 0), abs=12), path.name
