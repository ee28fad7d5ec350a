"""Protected streams as our own code makes them, opened again with their keys by ffmpeg."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from telecine.artifact import MediaResult
from telecine.errors import ErrorCode, SystemFault
from telecine.probe import probe
from telecine.process import run
from telecine.progress import Quiet
from telecine.recipe import Recipe, parse_recipe
from telecine.stream import aes128
from telecine.stream.keys import KeyRing
from telecine.tools import ffmpeg_path, packager_path
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

pytestmark = pytest.mark.integration


def recipe(**streams: object) -> Recipe:
    files = "protection" not in streams
    outputs = [
        {"kind": "video_ladder", "rungs": [240], "preset": "ultrafast", "files": files},
        {"kind": "streams", "segment_s": 2, **streams},
    ]
    return parse_recipe({"name": "protected", "outputs": outputs}, "test")


@pytest.fixture(scope="module")
def encoded(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """One encode for all: another one of the same file would differ in some bits."""
    work = tmp_path_factory.mktemp("encoded")
    return encode(plan_video(probe(base), recipe()), base, work, Quiet(), threading.Event())


def package(base: Path, encoded: Encoded, out: Path, ring: KeyRing | None = None, **streams: object) -> MediaResult:
    """The streams of the encoded rung, as a run makes them."""
    out.mkdir()
    work = out.with_name(f"{out.name}-work")
    shutil.copytree(encoded.work_dir, work)
    plan, own = plan_video(probe(base), recipe(**streams)), replace(encoded, work_dir=str(work))
    return finish(plan, own, base, out, Quiet(), threading.Event(), ring=ring)


def frames(folder: Path, name: str, suffix: str = "m4s", *options: str) -> str:
    """Hashes of what ffmpeg decodes of a rung or sound, joined from its segments."""
    whole = folder / f"{name}.joined"
    parts = [*([folder / name / "init.mp4"] if suffix == "m4s" else []), *sorted((folder / name).glob(f"*.{suffix}"))]
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    argv = [str(ffmpeg_path()), "-v", "error", "-nostdin", *options, "-i", str(whole), "-map", "0:0"]
    return run([*argv, "-f", "framemd5", "-"]).stdout.decode()


@pytest.fixture
def clear(base: Path, encoded: Encoded, tmp_path: Path) -> Path:
    """The same streams without protection."""
    package(base, encoded, tmp_path / "clear")
    return tmp_path / "clear" / "stream"


def test_cbcs_samples_are_encrypted_and_decrypt_with_the_key_that_no_argv_held(
    base: Path, encoded: Encoded, tmp_path: Path, clear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, seen = tmp_path / "packager", tmp_path / "seen"
    spy.write_text(
        f"#!/bin/sh\n(tr '\\0' '\\n' < /proc/$$/cmdline; env; stat -c 'mode %a' ../*.keys) > {seen}\n"
        f'exec {packager_path()} "$@"\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("TELECINE_PACKAGER", str(spy))
    ring, out = KeyRing("clip-00000000", 2, "https://g.example"), tmp_path / "out"
    result = package(base, encoded, out, ring, protection={"scheme": "cbcs"})
    [key] = ring.keys

    told = seen.read_text()
    assert "--enable_raw_key_encryption" in told
    assert key.value.hex() not in told
    assert "mode 600" in told
    assert list(tmp_path.rglob("*.keys")) == []

    stream = out / "stream"
    for name in ("240p", "audio"):
        assert frames(stream, name, "m4s", "-decryption_key", key.value.hex()) == frames(clear, name)
        init = (stream / name / "init.mp4").read_bytes()
        assert b"cbcs" in init
        assert key.id in init
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert key.value not in everything
    assert key.value.hex().encode() not in everything
    assert {a.asset for a in result.artifacts} == {"video/metadata", "video/hls", "video/dash"}, "no clear rendition"
    assert key.value.hex() not in repr(result)


@pytest.mark.parametrize("container", ["cmaf", "ts"])
def test_aes128_holds_only_what_is_encrypted(
    base: Path, encoded: Encoded, tmp_path: Path, clear: Path, container: str
) -> None:
    ring, out = KeyRing("clip-00000000", 2, "https://g.example"), tmp_path / "out"
    protection = {"scheme": "aes128", "rotate_every": 1}
    result = package(base, encoded, out, ring, protocols=["hls"], protection=protection, hls={"container": container})
    assert [path.name for path in out.glob("stream*")] == ["stream-aes128"]
    [hls] = [a for a in result.artifacts if a.asset == "video/hls"]
    assert hls.path == "stream-aes128/multivariant.m3u8"
    assert len(ring.keys) == 2
    suffix = {"cmaf": "m4s", "ts": "ts"}[container]
    plain = {path.read_bytes()[:16] for path in clear.rglob("*.m4s")}
    for path in (out / "stream-aes128").rglob(f"*.{suffix}"):
        assert path.stat().st_size % 16 == 0
        assert path.read_bytes()[:16] not in plain
        assert path.read_bytes()[:1] != b"G" or container == "cmaf" or path.read_bytes()[188:189] != b"G"
    # ffmpeg's own HLS reader takes keys from files as well, so it can play the package whole.
    local = tmp_path / "playable"
    local.mkdir()
    for key in ring.keys:
        (local / key.id.hex()).write_bytes(key.value)
    playlist = (out / "stream-aes128" / "240p.m3u8").read_text()
    playlist = playlist.replace("https://g.example/keys/clip-00000000/", f"file:{local}/")
    (out / "stream-aes128" / "local.m3u8").write_text(playlist)
    argv = [str(ffmpeg_path()), "-v", "error", "-nostdin", "-allowed_extensions", "ALL", "-extension_picky", "0"]
    argv += ["-protocol_whitelist", "file,crypto,data", "-i", str(out / "stream-aes128" / "local.m3u8")]
    played = run([*argv, "-map", "0:v", "-f", "framemd5", "-"]).stdout.decode()
    hashes = [line.rsplit(",", 1)[1] for line in played.splitlines() if not line.startswith("#")]
    wanted = [line.rsplit(",", 1)[1] for line in frames(clear, "240p").splitlines() if not line.startswith("#")]
    assert hashes == wanted


def test_the_encrypted_copy_itself_has_to_pass_the_gate(
    base: Path, encoded: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that the copy alone has: it decrypts to the clear package, but declares another bandwidth."""
    options = {"protocols": ["hls"], "protection": {"scheme": "aes128"}}
    ring = KeyRing("clip-00000000", 2, "https://g.example")
    good = package(base, encoded, tmp_path / "good", ring, **options)
    seen = good.private_facts["streams"]["video/hls"]
    assert seen["broken"] == []
    assert seen["pass"] > 40, "what is encrypted was looked into"
    [listed] = [a for a in good.artifacts if a.asset == "video/hls"]
    root = tmp_path / "good"
    there = {path.relative_to(root).as_posix() for path in (root / "stream-aes128").rglob("*") if path.is_file()}
    assert {file.path for file in listed.stream_files or ()} == there

    monkeypatch.setattr(aes128, "_PADDING_BITS", 1_000_000)
    with pytest.raises(SystemFault, match=r"APPLE-1\.27") as refused:
        package(base, encoded, tmp_path / "bad", ring, **options)
    assert refused.value.code is ErrorCode.VERIFY_FAILED
