"""What is on in the theatre: small clips, each made into streams when somebody first wants to see it. Not a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telecine.process import run
from telecine.tools import ffmpeg_path
from tests.e2e.theatre import Theatre

SEGMENT_S = 2
LENGTH_S = 12


TONES_HZ = {"eng": 440, "deu": 880}
SAID = "This is said from second 1 to 11"


def clip(path: Path, *, size: str = "640x360", rate: str = "25", languages: tuple[str, ...] = ("eng",)) -> Path:
    """Twelve seconds of a moving picture, with a tone for each language."""
    argv = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={LENGTH_S}"]
    for language in languages:
        argv += ["-f", "lavfi", "-i", f"sine=f={TONES_HZ[language]}:d={LENGTH_S}:r=48000"]
    maps = [word for number in range(len(languages) + 1) for word in ("-map", f"{number}:0")]
    tags = [f for n, name in enumerate(languages) for f in (f"-metadata:s:a:{n}", f"language={name}")]
    argv += [*maps, *tags, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    run([str(ffmpeg_path()), "-nostdin", "-v", "error", "-y", *argv])
    return path


def outputs(**streams: Any) -> list[dict[str, Any]]:
    """A recipe's outputs: two rungs, short segments, a poster."""
    files = "protection" not in streams
    return [
        {"kind": "video_ladder", "rungs": [240, 360], "preset": "ultrafast", "files": files},
        {"kind": "streams", "segment_s": SEGMENT_S, **streams},
        {"kind": "video_still"},
    ]


class Programme:
    """Each show by its name; `partition` answers where it is on."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self._shown: dict[str, str] = {}

    def partition(self, name: str) -> str:
        if name not in self._shown:
            self._shown[name] = getattr(self, f"_{name}")(self.theatre.folder / f"{name}.mp4")
        return self._shown[name]

    def address(self, name: str, player: str = "hls.js") -> str:
        """The page that plays a show."""
        return f"{self.theatre.gateway}/watch/{self.partition(name)}?player={player}"

    def _plain(self, path: Path) -> str:
        """Two languages, captions beside the source, a storyboard."""
        said = path.with_name("plain.en.srt")
        said.write_text(f"1\n00:00:01,000 --> 00:00:11,000\n{SAID}\n")
        made = clip(path, languages=("eng", "deu"))
        return self.theatre.show("plain", made, [*outputs(), {"kind": "storyboard"}], captions=[said])

    def _sound(self, path: Path) -> str:
        """A sound file at two rates."""
        path = path.with_suffix(".flac")
        tone = f"sine=f={TONES_HZ['eng']}:d={LENGTH_S}:r=48000"
        run([str(ffmpeg_path()), "-nostdin", "-v", "error", "-f", "lavfi", "-i", tone, str(path)])
        rates = [{"kind": "audio", "name": f"aac-{k}", "codec": "aac", "bitrate_bps": k * 1000} for k in (48, 128)]
        return self.theatre.show_sound("sound", path, [*rates, {"kind": "streams", "segment_s": SEGMENT_S}])

    def _portrait(self, path: Path) -> str:
        """Also at a broadcast's frame rate, where segments are no whole seconds."""
        return self.theatre.show("portrait", clip(path, size="360x640", rate="30000/1001"), outputs())

    def _aes128(self, path: Path) -> str:
        """Whole segments encrypted, a new key every two of them."""
        protection = {"scheme": "aes128", "rotate_every": 2}
        return self.theatre.show("aes128", clip(path), outputs(protocols=["hls"], protection=protection))

    def _aes128ts(self, path: Path) -> str:
        protection = {"scheme": "aes128"}
        streams = outputs(protocols=["hls"], protection=protection, hls={"container": "ts"})
        return self.theatre.show("aes128ts", clip(path), streams)

    def _cbcs(self, path: Path) -> str:
        return self.theatre.show("cbcs", clip(path), outputs(protection={"scheme": "cbcs"}))
