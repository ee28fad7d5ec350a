"""One good package, made once by our own encode and packaging, and copies of it to break."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from telecine.probe import probe
from telecine.process import Limits, run
from telecine.progress import Quiet
from telecine.recipe import Recipe, parse_recipe
from telecine.stream.keys import KeyRing
from telecine.stream.verify import Directory, Report, Session, verify
from telecine.stream.verify.rules import Protocol
from telecine.tools import ffmpeg_path
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import DASH, HLS, plan_video

SECONDS = 8
# Packages to break, by the options of their recipe.
KINDS: dict[str, dict[str, object]] = {
    "clear": {},
    "cbcs": {"protection": {"scheme": "cbcs"}},
    "aes128": {"protocols": ["hls"], "protection": {"scheme": "aes128", "rotate_every": 2}},
    "ts": {"protocols": ["hls"], "hls": {"container": "ts"}},
}
KEYS: dict[str, bytes] = {}
"""AES-128 keys of all packages that were made, by their URIs."""
_SUBTITLES = "1\n00:00:01,000 --> 00:00:03,000\nOne\n\n2\n00:00:05,000 --> 00:00:07,500\nTwo\n"


def recipe(**streams: object) -> Recipe:
    """Two rungs, and segments of 2 s."""
    ladder = {"kind": "video_ladder", "rungs": [240, 360], "preset": "ultrafast", "files": "protection" not in streams}
    outputs = [ladder, {"kind": "streams", "segment_s": 2, **streams}]
    return parse_recipe({"name": "packages", "outputs": outputs}, "of the tests")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 s at 25 frames a second with sound in English and subtitles."""
    directory = tmp_path_factory.mktemp("clip")
    (directory / "clip.srt").write_text(_SUBTITLES)
    argv = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={SECONDS}"]
    argv += ["-f", "lavfi", "-i", f"sine=440:r=48000:d={SECONDS}", "-i", f"file:{directory / 'clip.srt'}"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-c:s", "mov_text"]
    argv += ["-metadata:s:a:0", "language=eng", "-metadata:s:s:0", "language=eng", f"file:{directory / 'clip.mp4'}"]
    run(argv, limits=Limits(wall_s=120))
    return directory / "clip.mp4"


@pytest.fixture(scope="session")
def make(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A package of the clip, encoded once: options of the recipe's streams to the directory with its entries."""
    never, assets = threading.Event(), frozenset({HLS, DASH})
    facts = probe(clip, never)
    encoded = encode(plan_video(facts, recipe()), clip, tmp_path_factory.mktemp("work"), Quiet(), never, select=assets)

    def made(**streams: object) -> Path:
        out = tmp_path_factory.mktemp("out")
        plan = plan_video(facts, recipe(**streams))
        ring = KeyRing("clip-00000000", 1, "https://keys.example.com")
        result = finish(plan, encoded, clip, out, Quiet(), never, select=assets, ring=ring)
        assert not result.failures, result.failures
        KEYS.update({ring.address("{base}/keys/{partition}/{key_id}", key): key.value for key in ring.keys})
        [directory] = [path for path in out.glob("stream*") if path.is_dir()]
        return directory

    return made


@pytest.fixture(scope="session")
def packages(make: Callable[..., Path]) -> Callable[[str], Path]:
    """Good packages by kind, each made once; not to be written to."""
    return cache(lambda kind: make(**KINDS[kind]))


@pytest.fixture(scope="session")
def good(packages: Callable[[str], Path]) -> Path:
    """A good package in the clear; not to be written to."""
    return packages("clear")


@pytest.fixture
def package(good: Path, tmp_path: Path) -> Path:
    """A copy of the good package, to break."""
    return Path(shutil.copytree(good, tmp_path / "stream"))


def report_of(directory: Path, *entries: str) -> Report:
    """What the verifier says of a package on disk; entries are named as ours are, or by what they end in."""
    names = entries or ("multivariant.m3u8", "manifest.mpd")
    by_protocol: dict[Protocol, str] = {"dash" if name.endswith(".mpd") else "hls": name for name in names}
    return verify(Session(Directory(directory), keys=KEYS), by_protocol).report
