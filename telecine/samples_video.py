"""A clip for demos and tests, generated on the spot: moving picture and sound.

Belongs here: lavfi sources. Doesn't belong here: what is done with the clip.
"""

from __future__ import annotations

from pathlib import Path

from telecine.process import Limits, run
from telecine.tools import ffmpeg_path


def write_clip(path: Path, *, seconds: float = 20.0, width: int = 1280, height: int = 720, audio: bool = True) -> Path:
    """Write an MP4 with a moving test picture, a running clock and, with `audio`, a melody.

    Args:
        path: target, ends in .mp4; its directory must exist.
        seconds: length.
        width, height: even.

    Returns:
        `path`.
    """
    # Moving shapes over a drifting gradient: enough detail that rungs differ visibly.
    picture = (
        f"gradients=size={width}x{height}:rate=30:speed=0.02:seed=7:c0=0x2B4C7E:c1=0xD9A05B,format=yuv420p[back];"
        f"testsrc2=size={width // 4 * 2}x{height // 4 * 2}:rate=30,format=yuv420p[front];"
        "[back][front]overlay=x='(W-w)/2+(W-w)/2*sin(t)':y='(H-h)/2+(H-h)/2*cos(t*0.7)'[v]"
    )
    # Four notes of a pentatonic scale, one every half second, each dying away.
    note = "mod(floor(t*2),4)"
    pitch = f"(392+131.25*eq({note},1)+195.33*eq({note},2)+48*eq({note},3))"
    sound = f"0.25*sin(2*PI*t*{pitch})*exp(-3*mod(t,0.5))"
    melody = f"aevalsrc='{sound}|{sound}':s=48000:c=stereo[a]"
    argv = [str(ffmpeg_path()), "-nostdin", "-y", "-v", "error", "-filter_complex", picture]
    argv += ["-filter_complex", melody] if audio else []
    argv += ["-map", "[v]", *(("-map", "[a]", "-c:a", "aac", "-b:a", "160k") if audio else ())]
    argv += ["-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]
    run([*argv, "-movflags", "+faststart", f"file:{path.absolute()}"], limits=Limits(wall_s=1800))
    return path
