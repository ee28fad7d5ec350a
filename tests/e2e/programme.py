"""What is on in the theatre: small clips, each made into streams when somebody first wants to see it. Not a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telecine.process import run
from telecine.tools import ffmpeg_path
from tests.e2e.theatre import Theatre

SEGMENT_S = 2
LENGTH_S = 12


def clip(path: Path, *, size: str = "640x360", rate: str = "25") -> Path:
    """Twelve seconds of a moving picture with a tone."""
    picture = f"testsrc2=s={size}:r={rate}:d={LENGTH_S}"
    tone = f"sine=f=440:d={LENGTH_S}:r=48000"
    argv = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-map", "0:v", "-map", "1:a"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    run([str(ffmpeg_path()), "-nostdin", "-v", "error", "-y", *argv])
    return path


def outputs(**streams: Any) -> list[dict[str, Any]]:
    """A recipe's outputs: two rungs, short segments, a poster."""
    return [
        {"kind": "video_ladder", "rungs": [240, 360], "preset": "ultrafast"},
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
        return self.theatre.show("plain", clip(path), outputs())

    def _portrait(self, path: Path) -> str:
        """Also at a broadcast's frame rate, where segments are no whole seconds."""
        return self.theatre.show("portrait", clip(path, size="360x640", rate="30000/1001"), outputs())
